from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm.venue.paper.ladder import Ladder, NoFill, less, take_shares, take_usd
from tm.venue.paper.units import SHARE_STEP, decimal, micro, text, worth

prices = st.integers(1, 99).map(lambda cents: cents * 10_000)
sizes = st.integers(1, 10**6).map(lambda hundredths: hundredths * SHARE_STEP)
ladders = st.lists(st.tuples(prices, sizes), min_size=1, max_size=6, unique_by=lambda level: level[0])
bids = ladders.map(lambda levels: tuple(sorted(levels, reverse=True)))
asks = ladders.map(lambda levels: tuple(sorted(levels)))


@given(bids, sizes)
def test_a_sell_fills_whole_at_the_best_prices_or_not_at_all(levels, shares):
    there = sum(size for _, size in levels)
    if shares > there:
        with pytest.raises(NoFill):
            take_shares(levels, shares)
        return
    fills = take_shares(levels, shares)
    assert sum(size for _, size in fills) == shares
    assert [price for price, _ in fills] == [price for price, _ in levels][: len(fills)]


@given(bids, sizes)
def test_what_is_taken_and_what_is_left_make_the_book(levels, shares):
    there = sum(size for _, size in levels)
    left = less(levels, shares)
    assert sum(size for _, size in left) == max(0, there - shares)
    assert {price for price, _ in left} <= {price for price, _ in levels}


@given(asks, st.integers(1, 10**6).map(lambda cents: cents * 10_000))
def test_a_buy_never_spends_more_than_it_was_given(levels, usd):
    try:
        fills = take_usd(levels, usd)
    except NoFill:
        assert sum(worth(size, price) for price, size in levels) < usd
        return
    spent = sum(worth(size, price) for price, size in fills)
    assert spent <= usd
    assert usd - spent <= worth(SHARE_STEP, levels[-1][0]) + len(fills)


@given(st.decimals("0", "1000000", places=6))
def test_millionths_are_exact(value):
    assert decimal(micro(value)) == value
    assert micro(text(micro(value))) == micro(value)


def test_what_is_no_number_has_no_millionths():
    for wrong in ("abc", "NaN", None, True, "1e30", "inf"):
        with pytest.raises(ValueError, match="is not a number"):
            micro(wrong)
    assert micro(Decimal("0.0000019")) == 1


def test_the_tick_is_as_fine_as_the_prices():
    for price, tick in ((400_000, 10_000), (405_000, 1_000), (405_500, 100)):
        assert Ladder(((price, 1),), ()).tick == tick
