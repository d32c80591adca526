"""A stop, a target and a trailing stop, from the rule to the sale, against the paper exchange."""

from datetime import timedelta
from decimal import Decimal

from tests.world import NOON
from tm import points


def test_a_stop_sells_once_when_the_bid_reaches_it(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick(3)
    assert world.orders() == []
    world.price("0.40")
    world.tick()
    assert world.sold() == 100
    world.tick(10)
    assert len(world.orders()) == 1
    known = world.known(rule)
    assert known.status == "TRIGGERED"
    assert known.sold_shares == 100
    assert known.trigger_tx_hash is not None
    assert world.events(rule) == ["RULE_TRIGGERED", "ACTION_ATTEMPT", "ACTION_EXECUTED"]
    (attempt,) = world.attempts()
    assert attempt.outcome == "filled"
    assert attempt.avg_price == Decimal("0.4")


def test_stops_of_many_tokens_sell_in_one_tick_and_share_their_listings(world):
    tokens = [f"t{number}" for number in range(10)]
    for token in tokens:
        world.hold(token)
        world.rule("STOP_LOSS", "0.40", token=token)
        world.price("0.39", token=token)
    world.tick()
    assert [world.sold(token) for token in tokens] == [100] * 10
    assert world.asked("trades") == 1


def test_an_order_that_leaves_late_in_a_tick_is_measured_by_a_new_book(world):
    for token in ("111", "222"):
        world.hold(token)
        world.rule("STOP_LOSS", "0.40", token=token)
        world.price("0.39", token=token)

    def wait(name: str) -> None:
        if name == "vincent.bet.after" and world.clock.at < NOON + timedelta(seconds=8):
            world.clock.advance(8)
            world.price("0.39", "0.80", token="222")

    points.set_hook(wait)
    try:
        world.one_tick()
    finally:
        points.set_hook(None)
    assert world.sold("111") == 100
    assert world.sold("222") == 0
    world.price("0.35", token="222")
    world.tick(4)
    assert world.sold("222") == 100
