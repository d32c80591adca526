"""What a book says, and when it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm.market import Book, Level
from tm.model import RuleType
from tm.rules.quote import Quote, quote_of, spread, why_no_information

TICK = datetime(2026, 1, 31, 12, tzinfo=UTC)
MAX_SPREAD = Decimal("0.10")


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in pairs)


def book(bids: tuple[Level, ...] = (), asks: tuple[Level, ...] = ()) -> Book:
    return Book("t", bids, asks, TICK)


def quote(bid: str | None, ask: str | None, fetched_at: datetime = TICK) -> Quote:
    return Quote("t", Decimal(bid) if bid else None, Decimal(ask) if ask else None, fetched_at)


def why(rule_type: RuleType, given_quote: Quote | None) -> str | None:
    return why_no_information(rule_type, given_quote, MAX_SPREAD, TICK)


def test_the_best_prices_are_found_in_polymarkets_order_which_has_the_best_last() -> None:
    seen = quote_of(book(levels(("0.01", "900"), ("0.39", "120.5")), levels(("0.99", "900"), ("0.41", "10"))))
    assert (seen.best_bid, seen.best_ask) == (Decimal("0.39"), Decimal("0.41"))
    assert [level.price for level in seen.bids] == [Decimal("0.39"), Decimal("0.01")]


def test_an_empty_book_has_no_price_at_all() -> None:
    assert quote_of(book()) == Quote("t", None, None, TICK, ())


def test_a_level_that_nobody_can_trade_on_is_not_an_offer() -> None:
    junk = levels(("NaN", "5"), ("0.6", "NaN"), ("0.5", "0"), ("0", "9"), ("1", "9"), ("Infinity", "1"))
    seen = quote_of(book(junk, junk))
    assert (seen.best_bid, seen.best_ask, seen.bids) == (None, None, ())


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(1, 999)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_levels_never_changes_a_quote(pairs: list[tuple[int, int]], chance: Random) -> None:
    rows = [Level(Decimal(price) / 100, Decimal(size)) for price, size in pairs]
    shuffled = list(rows)
    chance.shuffle(shuffled)
    one, other = quote_of(book(tuple(rows), tuple(rows))), quote_of(book(tuple(shuffled), tuple(shuffled)))
    assert (one.best_bid, one.best_ask) == (other.best_bid, other.best_ask)
    assert one.best_bid == max(row.price for row in rows)
    assert one.best_ask == min(row.price for row in rows)
    assert [level.price for level in other.bids] == sorted((row.price for row in rows), reverse=True)


def test_the_spread_is_unknown_with_an_empty_side() -> None:
    assert spread(quote("0.40", "0.43")) == Decimal("0.03")
    assert spread(quote("0.40", None)) is None
    assert spread(quote(None, "0.43")) is None


@pytest.mark.parametrize("stop", [RuleType.STOP_LOSS, RuleType.TRAILING_STOP])
@pytest.mark.parametrize(
    ("given_quote", "word"),
    [
        (None, "no_book"),
        (quote("0.40", "0.42", TICK - timedelta(milliseconds=1)), "stale"),
        (quote(None, "0.42"), "no_bid"),
        (quote(None, None), "no_bid"),
        (quote("0.01", None), "no_ask"),  # the bid of 0.01 minutes before the token paid 1.00
        (quote("0.43", "0.42"), "crossed"),
        (quote("0.16", "0.97"), "wide_spread"),  # the midpoint of 0.565 while the book was wiped
        (quote("0.40", "0.5001"), "wide_spread"),
        (quote("0.40", "0.50"), None),
        (quote("0.42", "0.42"), None),
        (quote("0.40", "0.42", TICK + timedelta(seconds=3)), None),
    ],
)
def test_a_stop_believes_only_a_fresh_two_sided_narrow_book(
    stop: RuleType, given_quote: Quote | None, word: str | None
) -> None:
    assert why(stop, given_quote) == word


@pytest.mark.parametrize(
    ("given_quote", "word"),
    [
        (None, "no_book"),
        (quote("0.97", None, TICK - timedelta(seconds=1)), "stale"),
        (quote(None, "0.99"), "no_bid"),
        (quote("0.97", None), None),
        (quote("0.50", "0.99"), None),
    ],
)
def test_a_target_needs_only_a_fresh_bid(given_quote: Quote | None, word: str | None) -> None:
    assert why(RuleType.TAKE_PROFIT, given_quote) == word
