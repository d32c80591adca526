"""SELL_PARTIAL sells what it says, and no more."""

from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.venue.paper.faults import Fault


@pytest.mark.parametrize("lag", [0.0, 30.0])
@pytest.mark.parametrize("depth", ["10000", "25", "11.37"])
def test_a_partial_stop_sells_its_amount_over_slices_and_lags(world, lag, depth):
    world.hold(shares="300")
    world.exchange.settings(trade_lag=lag * 2, holdings_lag=lag)
    rule = world.rule("STOP_LOSS", "0.40", sell="60")
    world.price("0.39", bid_depth=depth)
    for _ in range(80):
        world.tick()
        world.price("0.39", bid_depth=depth)
    assert Decimal(60) - world.sold() < 5
    assert world.sold() <= 60
    assert world.known(rule).status == "TRIGGERED"
    assert world.known(rule).sold_shares == world.sold()


def test_a_partial_stop_of_more_than_is_held_sells_what_is_held(world):
    world.hold(shares="40")
    rule = world.rule("STOP_LOSS", "0.40", sell="60")
    world.price("0.39")
    world.tick(3)
    assert world.sold() == 40
    assert world.known(rule).sold_shares == 40


def test_a_fraction_below_a_hundredth_is_never_sold(world):
    world.hold(shares="33.3399")
    world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.tick(3)
    assert world.sold() == Decimal("33.33")
    assert len(world.orders()) == 1


def test_dust_is_tried_once_and_is_no_reason_to_loop(world):
    world.hold(shares="3")
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.exchange.fault(Fault("bet", "bet_failed", count=None, message="Size (3) lower than the minimum: 5"))
    world.tick(40)
    assert world.asked("bet") == 1
    assert world.known(rule).status == "ACTIVE"


def test_a_slice_lost_in_between_keeps_the_count(world):
    world.hold(shares="300")
    rule = world.rule("STOP_LOSS", "0.40", sell="60")
    world.price("0.39", bid_depth="40")
    world.exchange.fault(Fault("bet", "drop", after=True))
    world.tick(2)
    world.price("0.39", bid_depth="40")
    world.tick(6)
    assert world.sold() == 60
    assert world.known(rule).sold_shares == 60


def test_what_the_user_buys_after_the_trigger_is_not_sold(world):
    world.hold(shares="100")
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39", bid_depth="50")
    world.tick(2)
    world.exchange.hold(TOKEN, "500")
    world.price("0.39")
    world.tick(5)
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"
