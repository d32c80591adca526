"""Levels from the entry at work: parts that share a position, a trail that sleeps, an average that moves."""

from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.model import Action, ActionType, EventType, RuleType
from tm.service.context import Context
from tm.service.rules import add_rules
from tm.service.terms import SELL_ALL, Terms
from tm.store import events


def targets(world, *wanted):
    """Add targets at once, each (price, percent of the position, None: all); return their ids."""
    terms = [
        Terms(
            RuleType.TAKE_PROFIT,
            f"0xmarket-{TOKEN}",
            TOKEN,
            trigger_price=Decimal(price),
            action=SELL_ALL if part is None else Action(ActionType.SELL_PARTIAL, percent=Decimal(part)),
        )
        for price, part in wanted
    ]
    with world.store() as store:
        return [rule.id for rule in add_rules(Context(world.settings, store, world.now), terms)]


def known_position(world, **book):
    world.hold(bid="0.50", ask="0.51", **book)
    guard = world.rule("STOP_LOSS", "0.10")
    world.tick()  # holdings are cached now
    return guard


@pytest.mark.parametrize("order", [("0.71", "0.86"), ("0.90",), ("0.71", "0.60", "0.90")])
def test_targets_that_share_a_position_sell_all_of_it_and_no_more(world, order):
    known_position(world)
    targets(world, ("0.70", "50"), ("0.85", None))
    for price in order:
        world.price(price)
        world.tick(4)
    world.tick(8)
    assert [Decimal(each["filled"]) for each in world.orders()] == [50, 50]
    assert world.held() == 0


def test_a_stop_after_the_first_target_sells_the_rest(world):
    known_position(world)
    targets(world, ("0.70", "50"), ("0.85", None))
    stop = world.rule("STOP_LOSS", "0.40")
    world.price("0.71")
    world.tick(4)
    assert world.sold() == 50
    world.price("0.39")
    world.tick(8)
    assert (world.sold(), world.held()) == (100, 0)
    assert world.known(stop).sold_shares == 50


def test_three_parts_of_an_odd_position_never_sell_more_than_is_held(world):
    known_position(world, shares="33.33")
    targets(world, ("0.60", "33.3"), ("0.70", "33.3"), ("0.80", None))
    for price in ("0.61", "0.71", "0.81"):
        world.price(price)
        world.tick(4)
    assert [Decimal(each["filled"]) for each in world.orders()] == [
        Decimal(each) for each in ("11.09", "11.09", "11.15")
    ]
    assert world.held() == 0


def test_a_trailing_stop_sleeps_until_the_bid_has_been_there(world):
    world.hold(bid="0.50", ask="0.51")
    rule = world.rule(
        "TRAILING_STOP", None, trailing_amount=Decimal("0.05"), activation_price=Decimal("0.60")
    )
    for price in ("0.50", "0.40", "0.59", "0.30"):
        world.price(price)
        world.tick()
        asleep = world.known(rule)
        assert (asleep.trigger_price, asleep.activated_at, asleep.status) == (None, None, "ACTIVE")
    world.price("0.62")
    world.tick()
    awake = world.known(rule)
    assert awake.trigger_price == Decimal("0.57")
    assert awake.activated_at is not None
    assert EventType.RULE_ACTIVATED in world.events(rule)
    world.price("0.58")
    world.tick()
    assert world.known(rule).status == "ACTIVE", "it stays awake below its activation price"
    world.price("0.57")
    world.tick(2)
    assert world.sold() == 100


def test_a_sleeping_trail_with_a_start_does_not_fire_asleep(world):
    world.hold(bid="0.30", ask="0.31")
    rule = world.rule("TRAILING_STOP", "0.40", percent="10", activation_price=Decimal("0.60"))
    world.tick(3)
    assert (world.known(rule).status, world.asked("bet")) == ("ACTIVE", 0)


def test_a_wide_book_wakes_no_trail(world):
    world.hold(bid="0.70", ask="0.95")
    rule = world.rule("TRAILING_STOP", None, percent="10", activation_price=Decimal("0.60"))
    world.tick(2)
    assert world.known(rule).activated_at is None


def test_an_average_that_changes_is_flagged_once_and_never_followed(world):
    world.exchange.create(TOKEN, shares="100", avg_price="0.50", title="Market?")
    world.price("0.50")
    rule = world.rule("STOP_LOSS", "0.40", trigger_percent=Decimal(-20), entry_price=Decimal("0.50"))
    world.tick(2)
    assert world.known(rule).entry_price_now is None
    world.exchange.hold(TOKEN, "200", "0.55")
    world.tick(3)
    known = world.known(rule)
    assert (known.entry_price_now, known.entry_price) == (Decimal("0.55"), Decimal("0.5"))
    assert (known.trigger_price, known.trigger_percent) == (Decimal("0.4"), Decimal(-20))
    assert world.events(rule).count("RULE_ENTRY_CHANGED") == 1
    with world.store() as store:
        (flagged,) = events.listing(store.conn, event_type=EventType.RULE_ENTRY_CHANGED)
    assert flagged.event_data["averageEntryPrice"] == "0.55"
    assert flagged.event_data["triggerPrice"] == "0.4"
