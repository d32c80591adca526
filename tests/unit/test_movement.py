"""How far a price moves in an hour, how sure that is, and the levels that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import comb

import pytest

from tm.errors import Unprocessable
from tm.market import Top
from tm.rules.movement import movement, reach
from tm.rules.replay import Manner
from tm.service.sources import Source
from tm.service.suggest import record, suggest

D = Decimal
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MAX = D("0.10")


def hour(number: int, *bids: str, ask: str | None = "+") -> list[Top]:
    """Quotes of one hour, at equal distances; the ask is a cent above the bid."""
    gap = timedelta(hours=1) / len(bids)
    start = NOON + timedelta(hours=number)
    return [
        Top(start + gap * n, D(bid), D(bid) + D("0.01") if ask == "+" else ask and D(ask))  # type: ignore[arg-type]
        for n, bid in enumerate(bids)
    ]


def test_the_fall_is_from_the_highest_bid_so_far_and_the_rise_from_the_lowest() -> None:
    found = movement(hour(0, "0.50", "0.55", "0.48", "0.52", "0.40", "0.45"), MAX)
    assert (found.falls, found.rises) == ((D("0.15"),), (D("0.05"),))
    up = movement(hour(0, "0.40", "0.38", "0.45", "0.44", "0.46", "0.46"), MAX)
    assert (up.falls, up.rises) == ((D("0.02"),), (D("0.08"),))


def test_an_hour_ends_at_the_clock_and_one_with_few_quotes_does_not_count() -> None:
    rows = hour(0, *["0.50"] * 6) + hour(1, *["0.40"] * 6) + hour(2, "0.10", "0.90")
    assert movement(rows, MAX).falls == (D(0), D(0))


def test_quotes_that_say_nothing_move_nothing() -> None:
    rows = hour(0, *["0.50"] * 6) + hour(0, "0.01", ask=None) + hour(0, "0.01", ask="0.99")
    found = movement(rows, MAX)
    assert (found.falls, found.last_bid) == ((D(0),), D("0.50"))


@pytest.mark.parametrize(("bid", "tick"), [("0.5", "0.01"), ("0.505", "0.001"), ("0.5055", "0.0001")])
def test_the_grid_is_the_one_that_the_bids_stand_on(bid: str, tick: str) -> None:
    assert movement(hour(0, "0.40", bid), MAX).tick == D(tick)


@pytest.mark.parametrize("hours", [1, 5, 14, 28, 29, 59, 200, 834])
@pytest.mark.parametrize("share", ["0.80", "0.95", "0.99"])
def test_how_sure_a_distance_is_is_the_binomial_chance_of_its_rank(hours: int, share: str) -> None:
    found = reach([D(number) for number in range(1, hours + 1)], D(share))
    rank, q = int(found.distance), D(share)
    exact = sum((comb(hours, k) * q**k * (1 - q) ** (hours - k) for k in range(rank)), D(0))
    assert found.sure == pytest.approx(float(exact), abs=1e-9)
    smaller = exact - comb(hours, rank - 1) * q ** (rank - 1) * (1 - q) ** (hours - rank + 1)
    assert float(smaller) < 0.8, "a smaller one would do"
    assert found.sure >= 0.8 or rank == hours


def test_one_hour_makes_nobody_sure() -> None:
    assert reach([D("0.1")], D("0.95")).sure == pytest.approx(0.05)


def saw(hours: int) -> list[Top]:
    """Each hour falls by 3 cents and comes back; one in twelve by 10."""
    rows: list[Top] = []
    for number in range(hours):
        low = "0.50" if number % 12 == 5 else "0.57"
        rows += hour(number, "0.60", "0.59", "0.58", low, "0.58", "0.59", "0.60", "0.60")
    return rows


def suggested(rows: list[Top]) -> dict[str, dict[str, object]]:
    told = record(suggest(Source("a", lambda: iter(rows)), Manner(MAX, 1, D(10))))
    assert told["hours"] == len(rows) // 8
    return {f"{each['ruleType']} {each['name']}": each for each in told["suggestions"]}


def test_levels_lie_one_tick_beyond_the_movement_and_say_how_sure_they_are() -> None:
    found = suggested(saw(96))
    near, usual = found["STOP_LOSS near"], found["STOP_LOSS usual"]
    assert (near["distance"], near["triggerPrice"]) == (0.03, 0.56)
    assert (usual["distance"], usual["triggerPrice"]) == (0.1, 0.49)
    assert near["surePercent"] >= 80  # type: ignore[operator]
    assert "STOP_LOSS far" not in found, "the same price as the usual one"


def test_each_level_comes_with_what_a_replay_says_of_it() -> None:
    found = suggested(saw(96))
    near, usual = found["STOP_LOSS near"]["replay"], found["STOP_LOSS usual"]["replay"]
    assert near["fired"] == near["falseStops"] > 0  # type: ignore[index]
    assert usual["fired"] == 0  # type: ignore[index]
    assert near["meanPerShare"] < usual["meanPerShare"]  # type: ignore[index]


def test_too_little_history_suggests_nothing_and_says_how_much_is_missing() -> None:
    with pytest.raises(Unprocessable, match="11 hours have quotes enough, 12 are needed") as caught:
        suggested(saw(11))
    assert caught.value.code == "too_little_history"


def test_a_level_outside_the_markets_prices_is_left_out() -> None:
    rows = [each._replace(bid=each.bid - D("0.5"), ask=each.ask - D("0.5")) for each in saw(24)]  # type: ignore[operator]
    rows = [row._replace(bid=max(row.bid, D("0.01")), ask=max(row.ask, D("0.02"))) for row in rows]  # type: ignore[type-var]
    assert not any("STOP_LOSS usual" in name for name in suggested(rows))
