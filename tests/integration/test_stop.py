"""A stop, a target and a trailing stop, from the rule to the sale, against the paper exchange."""

from decimal import Decimal

from tests.world import TOKEN


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
