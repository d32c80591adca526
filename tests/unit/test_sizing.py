"""How much an order carries: never more than is held, bid for, or promised."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm.market import Level
from tm.model import Action, ActionType, RuleType
from tm.rules.quote import Quote
from tm.rules.sizing import NoSize, Size, depth, floor_price, promise, size_order

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALL = Action(ActionType.SELL_ALL)
DEEP = (("0.40", "100000"),)


def part(amount: str) -> Action:
    return Action(ActionType.SELL_PARTIAL, Decimal(amount))


def quote(*bids: tuple[str, str]) -> Quote:
    levels = tuple(Level(Decimal(price), Decimal(size)) for price, size in bids)
    return Quote("t", levels[0].price if levels else None, None, NOW, levels)


def size(
    action: Action = ALL,
    *,
    left: str | None = None,
    held: str | None = "100",
    locked: str = "0",
    bids: tuple[tuple[str, str], ...] = DEEP,
    rule_type: RuleType | None = RuleType.STOP_LOSS,
    trigger: str | None = "0.40",
    slippage: str = "10",
) -> Size | NoSize:
    return size_order(
        action=action,
        promised_left=None if left is None else Decimal(left),
        held=None if held is None else Decimal(held),
        own_open_sells=Decimal(locked),
        quote=quote(*bids),
        rule_type=rule_type,
        trigger_price=None if trigger is None else Decimal(trigger),
        max_slippage_percent=Decimal(slippage),
    )


def sent(**given_facts: object) -> Size:
    found = size(**given_facts)  # type: ignore[arg-type]
    assert isinstance(found, Size), found
    return found


def why_not(**given_facts: object) -> str:
    found = size(**given_facts)  # type: ignore[arg-type]
    assert isinstance(found, NoSize), found
    assert found.text
    return found.reason


def test_everything_held_is_sold_where_the_book_takes_it() -> None:
    assert sent() == Size(Decimal("100.00"), Decimal("0.3600"), complete=True, dust=False)


def test_shares_are_rounded_down_to_what_an_order_carries() -> None:
    assert sent(held="41.239999").shares == Decimal("41.23")
    assert sent(action=part("10.019")).shares == Decimal("10.01")


def test_a_part_is_its_amount_and_not_what_is_held() -> None:
    assert sent(action=part("30")).shares == 30
    assert sent(action=part("30")).complete


def test_a_part_that_is_more_than_is_held_sells_what_is_held_and_is_not_complete() -> None:
    found = sent(action=part("300"))
    assert (found.shares, found.complete) == (100, False)


def test_later_attempts_sell_only_what_is_left_of_the_promise() -> None:
    assert sent(left="40").shares == 40
    assert sent(action=part("70"), left="40", held="500").shares == 40
    assert why_not(left="0") == "nothing_left"
    assert why_not(left="0.009") == "nothing_left"


def test_what_own_resting_sells_lock_is_not_sold() -> None:
    found = sent(locked="30")
    assert (found.shares, found.complete) == (70, False)
    assert sent(action=part("20"), locked="30").complete
    assert why_not(locked="100") == "locked_by_own_orders"
    assert why_not(locked="130") == "locked_by_own_orders"


def test_a_crumb_between_own_resting_sells_is_not_sent() -> None:
    assert why_not(locked="97") == "locked_by_own_orders"
    assert why_not(locked="91", bids=(("0.10", "900"),)) == "locked_by_own_orders"
    assert sent(locked="90", bids=(("0.10", "900"),)).shares == 10
    assert why_not(action=part("4"), locked="97") == "locked_by_own_orders"
    assert sent(action=part("3"), locked="97").dust


def test_a_position_that_is_not_held_is_not_sold() -> None:
    assert why_not(held="0") == "not_held"
    assert why_not(held="0.004") == "not_held"
    assert why_not(held="0", left="40") == "not_held"
    assert why_not(held="0", action=part("40")) == "not_held"


def test_unknown_holdings_let_a_part_go_and_make_all_wait() -> None:
    assert sent(held=None, action=part("40")).shares == 40
    assert why_not(held=None) == "holdings_unknown"
    assert why_not(held=None, left="40") == "holdings_unknown"


def test_only_the_depth_at_the_floor_or_above_is_used() -> None:
    bids = (("0.40", "30"), ("0.36", "20.509"), ("0.3599", "5000"))
    found = sent(bids=bids)
    assert (found.shares, found.complete) == (Decimal("50.50"), False)


def test_a_slice_that_leaves_only_dust_is_complete() -> None:
    assert sent(bids=(("0.40", "96"), ("0.01", "900"))).complete
    assert not sent(bids=(("0.40", "95"), ("0.01", "900"))).complete


def test_a_target_never_sells_below_its_trigger() -> None:
    bids = (("0.41", "30"), ("0.40", "20"), ("0.399", "5000"))
    found = sent(bids=bids, rule_type=RuleType.TAKE_PROFIT)
    assert (found.shares, found.floor_price) == (50, Decimal("0.40"))
    assert why_not(bids=(("0.399", "5000"),), rule_type=RuleType.TAKE_PROFIT) == "thin_book"


def test_an_alert_has_the_floor_of_slippage_alone() -> None:
    assert sent(rule_type=None, trigger=None).floor_price == Decimal("0.36")


def test_a_floor_is_rounded_up_to_the_finest_tick() -> None:
    assert floor_price(Decimal("0.333"), None, None, Decimal("7.77")) == Decimal("0.3072")


@pytest.mark.parametrize("bids", [(("0.40", "4.99"),), (("0.10", "9.99"),), (("0.40", "0.001"),)])
def test_a_slice_of_dust_with_more_wanted_is_not_sent(bids: tuple[tuple[str, str], ...]) -> None:
    assert why_not(bids=bids) == "thin_book"


def test_the_smallest_slice_is_5_shares_and_1_usd() -> None:
    assert sent(bids=(("0.40", "5"),)).shares == 5
    assert sent(bids=(("0.10", "10"),)).shares == 10


def test_dust_is_sold_if_it_goes_at_once_and_whole() -> None:
    found = sent(held="3.5")
    assert (found.shares, found.dust, found.complete) == (Decimal("3.50"), True, True)
    assert sent(held="60", bids=(("0.01", "15"), ("0.01", "60"))).dust
    assert why_not(held="3.5", bids=(("0.40", "3"),)) == "thin_book"


def test_the_bid_of_one_cent_for_15_shares_takes_no_slice_of_a_position() -> None:
    assert why_not(bids=(("0.01", "15"),)) == "thin_book"


def test_without_a_bid_nothing_is_sent() -> None:
    assert why_not(bids=()) == "no_bid"


def test_a_promise_is_the_amount_or_what_is_held_and_else_unknown() -> None:
    assert promise(part("40"), Decimal(10)) == 40
    assert promise(part("40"), None) == 40
    assert promise(ALL, Decimal(10)) == 10
    assert promise(ALL, None) is None
    assert promise(Action(ActionType.REDEEM), Decimal(10)) is None


shares = st.integers(0, 10**9).map(lambda micros: Decimal(micros) / 10**6)
actions = st.one_of(st.just(ALL), shares.map(lambda amount: Action(ActionType.SELL_PARTIAL, amount)))
books = st.lists(
    st.tuples(st.integers(1, 999), st.integers(1, 10**8)),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
).map(
    lambda rows: quote(
        *((str(Decimal(p) / 1000), str(Decimal(s) / 10**6)) for p, s in sorted(rows, reverse=True))
    )
)


@settings(max_examples=300)
@given(
    actions,
    st.none() | shares,
    st.none() | shares,
    st.just(Decimal(0)) | shares,
    books,
    st.sampled_from([None, *RuleType]),
    st.integers(1, 999).map(lambda ticks: Decimal(ticks) / 1000),
    st.integers(0, 100).map(Decimal),
)
def test_an_order_never_exceeds_what_is_promised_held_free_or_bid_for(
    action: Action,
    left: Decimal | None,
    held: Decimal | None,
    locked: Decimal,
    book: Quote,
    rule_type: RuleType | None,
    trigger: Decimal,
    slippage: Decimal,
) -> None:
    found = size_order(
        action=action,
        promised_left=left,
        held=held,
        own_open_sells=locked,
        quote=book,
        rule_type=rule_type,
        trigger_price=trigger,
        max_slippage_percent=slippage,
    )
    if isinstance(found, NoSize):
        return
    assert found.shares > 0
    assert found.shares == round(found.shares, 2)
    assert found.shares.as_tuple().exponent == -2
    assert held is None or found.shares <= held - locked
    assert left is None or found.shares <= left
    assert action.amount is None or left is not None or found.shares <= action.amount
    assert found.shares <= sum((bid.size for bid in book.bids if bid.price >= found.floor_price), Decimal(0))
    assert found.shares <= depth(book, found.floor_price)
    assert book.best_bid is not None
    assert found.floor_price >= book.best_bid * (1 - slippage / 100)
    assert rule_type is not RuleType.TAKE_PROFIT or found.floor_price >= trigger
    small = found.shares < 5 or found.shares * book.best_bid < 1
    assert found.dust == small
