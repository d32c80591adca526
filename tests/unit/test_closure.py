"""A position is gone only when trades explain it; merely absent, it keeps its rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm.market import Holding, Trade
from tm.model import Position
from tm.rules.closure import is_closed, track

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def holding(shares: str | Decimal) -> Holding:
    return Holding("t", "m", Decimal(shares), None, None, "Title", "Yes", False)


def trade(
    seconds: float,
    side: str,
    size: str | Decimal,
    status: str = "CONFIRMED",
    *,
    token: str = "t",
    id: str = "",
) -> Trade:
    row_id = id or f"{side}{seconds}"
    return Trade(row_id, f"o{row_id}", token, side, Decimal(size), Decimal("0.4"), status, at(seconds))


def sell(seconds: float, size: str, status: str = "CONFIRMED", *, token: str = "t", id: str = "") -> Trade:
    return trade(seconds, "SELL", size, status, token=token, id=id)


def buy(seconds: float, size: str, status: str = "CONFIRMED") -> Trade:
    return trade(seconds, "BUY", size, status)


@dataclass
class Watcher:
    """What the engine does between looks: it keeps the tracked fields in a position."""

    position: Position | None = None

    def look(self, seconds: float, shares: str | None, *, dated: bool = True, off: float = 0) -> Position:
        """A look at `seconds` on Vincent's clock; the local clock is `off` seconds ahead."""
        now = at(seconds + off)
        shown = None if shares is None else holding(shares)
        fields = track(self.position, shown, now=now, venue_at=at(seconds) if dated else None)
        base = self.position or Position(
            id="p",
            market_id="m",
            token_id="t",
            quantity=Decimal(0),
            avg_entry_price=None,
            current_price=None,
            last_updated_at=now,
            created_at=now,
            updated_at=now,
        )
        self.position = replace(
            base,
            quantity=fields.quantity,
            quantity_since=fields.quantity_since,
            anchor_quantity=fields.anchor_quantity,
            anchor_at=fields.anchor_at,
            absent_since=fields.absent_since,
            absent_looks=fields.absent_looks,
        )
        return self.position

    def looks(self, start: int, end: int, shares: str | None) -> Position:
        """A look each 15 s from `start` to `end`, both included."""
        for seconds in range(start, end + 1, 15):
            seen = self.look(seconds, shares)
        return seen

    def closed(self, seconds: float, *trades: Trade, page_full: bool = False) -> bool:
        return is_closed(self.position, trades, page_full=page_full, now=at(seconds))


def held_then_gone(shares: str = "100", gone_from: int = 120, gone_to: int = 180) -> Watcher:
    watcher = Watcher()
    watcher.looks(0, gone_from - 15, shares)
    watcher.looks(gone_from, gone_to, None)
    return watcher


def test_sold_whole_and_absent_for_a_minute_is_closed() -> None:
    assert held_then_gone().closed(180, sell(110, "100"))


def test_absent_without_a_trade_is_not_closed_however_long() -> None:
    watcher = held_then_gone(gone_to=900)
    assert not watcher.closed(900)
    assert not watcher.closed(900, sell(110, "100", token="other"))


def test_a_position_never_tracked_or_never_held_is_not_closed() -> None:
    assert not Watcher().closed(900, sell(110, "100"))
    watcher = Watcher()
    watcher.looks(0, 300, None)
    assert not watcher.closed(300, sell(110, "100"))


def test_holdings_briefly_empty_do_not_close_and_a_reappearance_starts_anew() -> None:
    watcher = held_then_gone(gone_to=165)
    back = watcher.look(180, "100")
    assert (back.absent_since, back.absent_looks) == (None, 0)
    watcher.looks(195, 240, None)
    assert not watcher.closed(240, sell(110, "100")), "45 s absent"
    watcher.look(255, None)
    assert watcher.closed(255, sell(110, "100"))


def test_four_looks_and_sixty_seconds_are_both_needed() -> None:
    few = Watcher()
    few.looks(0, 105, "100")
    for seconds in (120, 160, 200):
        few.look(seconds, None)
    assert not few.closed(200, sell(110, "100"))
    quick = Watcher()
    quick.looks(0, 105, "100")
    for seconds in (176, 177, 178, 179):
        quick.look(seconds, None)
    assert not quick.closed(179, sell(110, "100"))


def test_a_full_page_of_holdings_proves_nothing() -> None:
    assert not held_then_gone().closed(180, sell(110, "100"), page_full=True)


def test_a_sale_must_be_a_minute_old() -> None:
    watcher = held_then_gone(gone_to=240)
    assert not watcher.closed(240, sell(180, "100"))
    assert not watcher.closed(240, sell(110, "60"), sell(190, "40"))
    assert watcher.closed(240, sell(110, "60"), sell(179, "40"))


def test_a_buy_among_the_trades_must_be_a_minute_old_too() -> None:
    watcher = held_then_gone(gone_to=240)
    assert not watcher.closed(210, sell(110, "120"), buy(170, "20"))
    assert watcher.closed(240, sell(110, "120"), buy(170, "20"))


@pytest.mark.parametrize("status", ["MATCHED", "MINED", "RETRYING", "FAILED"])
def test_a_sale_that_is_not_confirmed_explains_nothing(status: str) -> None:
    assert not held_then_gone().closed(180, sell(110, "100", status))
    assert not held_then_gone().closed(180, sell(108, "60"), sell(110, "40", status))


def test_a_failed_row_beside_the_confirmed_ones_is_left_out() -> None:
    assert held_then_gone().closed(180, sell(108, "100", "FAILED"), sell(110, "100"))


def test_half_a_sale_is_not_a_close() -> None:
    assert not held_then_gone().closed(180, sell(110, "50"))
    assert not held_then_gone().closed(180, sell(110, "99"))


def test_less_than_the_share_that_holdings_hide_may_be_left() -> None:
    assert held_then_gone().closed(180, sell(110, "99.01"))


def test_a_sale_of_more_than_was_held_is_not_understood() -> None:
    assert not held_then_gone().closed(180, sell(110, "100"), sell(111, "100"))
    assert held_then_gone().closed(180, sell(110, "100.99"))


def test_a_row_listed_twice_counts_once() -> None:
    assert not held_then_gone().closed(180, sell(110, "50", id="x"), sell(110, "50", id="x"))


def test_trades_before_the_position_stood_are_in_it_already() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    watcher.looks(105, 195, "50")  # half was sold by hand at 95
    watcher.looks(210, 300, None)  # and now holdings are empty by mistake
    assert not watcher.closed(300, sell(95, "50"))
    assert watcher.closed(300, sell(95, "50"), sell(200, "50"))


def test_shares_that_left_without_a_trade_are_not_missed_once_the_rest_has_stood() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    watcher.looks(105, 150, "50")  # half was merged or sent away
    watcher.looks(165, 225, None)
    assert not watcher.closed(225, sell(151, "50")), "50 stood for 45 s only"
    watcher.looks(240, 300, "50")
    watcher.looks(315, 375, None)
    assert watcher.closed(375, sell(301, "50"))


def test_slices_sold_15_seconds_apart_add_up_although_none_of_the_rests_stood() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    for seconds, rest in ((105, "70"), (120, "40"), (135, "10")):
        watcher.look(seconds, rest)
    watcher.looks(150, 210, None)
    slices = [sell(91, "30"), sell(106, "30"), sell(121, "30"), sell(136, "10")]
    assert watcher.closed(210, *slices)
    assert not watcher.closed(210, *slices[:3])


def test_slices_seen_late_and_out_of_order_add_up_too() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    for seconds, rest in ((105, "70"), (120, "100"), (135, "70"), (150, "40"), (165, "70"), (180, "40")):
        watcher.look(seconds, rest)
    watcher.looks(195, 300, None)
    assert watcher.closed(300, sell(91, "30"), sell(121, "30"), sell(181, "40"))


def test_a_sale_in_the_second_of_the_very_first_look_closes() -> None:
    watcher = Watcher()
    watcher.look(0, "100")
    watcher.look(15, "100")  # holdings lag
    watcher.looks(30, 90, None)
    assert watcher.closed(90, sell(0, "100"))


def test_a_sale_in_the_second_of_a_look_without_a_date_closes() -> None:
    watcher = Watcher()
    watcher.look(0, "100", dated=False, off=0.7)
    watcher.looks(15, 75, None)
    assert watcher.closed(75, sell(0, "100"))


def test_a_buy_seen_only_in_part_at_the_first_look_counts_whole() -> None:
    watcher = Watcher()
    watcher.look(0, "40")  # of 100 bought at -5
    watcher.look(15, "100")
    watcher.looks(30, 90, None)
    assert watcher.closed(90, buy(-5, "100"), sell(16, "100"))


def test_what_is_bought_again_is_not_closed_by_the_sale_before() -> None:
    watcher = held_then_gone(gone_to=150)
    watcher.look(165, "60")  # bought again at 155
    watcher.looks(180, 300, None)  # and holdings are empty by mistake
    old, again = sell(110, "100"), buy(155, "60")
    assert not watcher.closed(300, old, again)
    assert watcher.closed(300, old, again, sell(170, "60"))


def test_a_buy_that_holdings_have_not_shown_yet_keeps_the_position() -> None:
    for status in ("MATCHED", "MINED", "RETRYING", "CONFIRMED"):
        assert not held_then_gone().closed(240, sell(110, "100"), buy(150, "60", status))
    assert held_then_gone().closed(240, sell(110, "100"), buy(150, "60", "FAILED"))


def test_more_bought_than_before_is_the_new_anchor() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    watcher.look(105, "150")
    watcher.looks(120, 180, None)
    assert watcher.closed(180, buy(95, "50"), sell(106, "150"))
    assert not watcher.closed(180, buy(95, "50"), sell(106, "100"))


def test_a_look_without_vincents_date_makes_no_quantity_stand() -> None:
    watcher = Watcher()
    watcher.looks(0, 90, "100")
    watcher.look(105, "70")
    watcher.look(120, "70", dated=False, off=3600)
    assert watcher.position is not None
    assert (watcher.position.anchor_quantity, watcher.position.anchor_at) == (Decimal(100), START)


def test_a_clock_set_back_an_hour_does_not_hide_the_absence() -> None:
    watcher = Watcher()
    for seconds in range(0, 120, 15):
        watcher.look(seconds, "100", dated=False, off=3600)
    watcher.look(120, None, dated=False, off=3600)
    watcher.looks(135, 195, None)
    assert watcher.position is not None
    assert watcher.position.absent_since == at(135)
    watcher.look(210, "100")  # it was there all along
    assert watcher.position.anchor_at == at(210)
    watcher.looks(225, 285, None)
    assert watcher.closed(285, sell(211, "100"))


def test_a_row_of_no_shares_is_absence() -> None:
    watcher = Watcher()
    watcher.looks(0, 105, "100")
    watcher.looks(120, 180, "0")
    assert watcher.closed(180, sell(110, "100"))


def test_absence_keeps_what_was_last_seen() -> None:
    seen = held_then_gone("41.5").position
    assert seen is not None
    assert (seen.quantity, seen.quantity_since, seen.absent_since, seen.absent_looks) == (
        Decimal("41.5"),
        START,
        at(120),
        5,
    )


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(["SELL", "BUY", "-"]), st.integers(1, 80)), max_size=14),
    st.lists(st.integers(0, 30), min_size=40, max_size=40),
    st.integers(8, 20),
)
def test_what_is_still_held_is_never_closed_however_late_and_empty_holdings_are(
    moves: list[tuple[str, int]], lags: list[int], blind_from: int
) -> None:
    """The user trades as it pleases, holdings lag up to 30 s and then stay empty for good."""
    held, trades, history = 100, [], [(-10_000, 100)]
    for step, (side, size) in enumerate(moves):
        if side == "SELL" and held - size >= 1:
            held -= size
        elif side == "BUY":
            held += size
        else:
            continue
        trades.append(trade(100 + 15 * step + 2, side, Decimal(size)))
        history.append((100 + 15 * step + 2, held))
    watcher = Watcher()
    watcher.looks(0, 75, "100")
    for step, lag in enumerate(lags):
        seconds = 90 + 15 * step
        known = [quantity for when, quantity in history if when <= seconds - lag][-1]
        watcher.look(seconds, None if step >= blind_from else str(known))
        assert not watcher.closed(seconds, *(row for row in trades if row.matched_at <= at(seconds)))


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.lists(st.integers(0, 30), min_size=40, max_size=40),
)
def test_what_was_sold_in_slices_is_closed_in_the_end(slices: list[int], lags: list[int]) -> None:
    held, trades, history = sum(slices), [], [(-10_000, sum(slices))]
    for step, size in enumerate(slices):
        held -= size
        trades.append(sell(100 + 15 * step + 2, str(size)))
        history.append((100 + 15 * step + 2, held))
    watcher = Watcher()
    watcher.looks(0, 75, str(sum(slices)))
    for step, lag in enumerate(lags):
        seconds = 90 + 15 * step
        known = [quantity for when, quantity in history if when <= seconds - lag][-1]
        watcher.look(seconds, str(known) if known else None)
    assert watcher.closed(90 + 15 * len(lags), *trades)
