"""Each recorded series does to a rule what a good stop should do: which row sells, and at which price.

A row is a tick. The expected rows were found by reading the recordings, not by running the program.
"""

from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.venue.paper.series import recorded_names


def play(world, recording, rules, *, first=0, last=None):
    """Tick through rows of a recording; return (row, price) of each sale."""
    world.exchange.create(TOKEN, shares="100")
    length = world.exchange.load(TOKEN, recording, row=first)
    made = [world.rule(kind, price, percent=percent) for kind, price, percent in rules]
    sales = []
    for row in range(first, length if last is None else last):
        world.exchange.advance(TOKEN, row)
        before = len(world.orders())
        world.tick()
        sales += [(row, Decimal(order["avg_price"])) for order in world.orders()[before:]]
    return sales, made


def stop(price):
    return ("STOP_LOSS", price, None)


def target(price):
    return ("TAKE_PROFIT", price, None)


CRASH, WICK = "crash_0.815_to_0.155", "wick_0.79_to_0.55"
CASES = {
    "a stop sells at the first valid bid after a gap": (CRASH, [stop("0.50")], {}, 500, 552, (548, "0.155")),
    "a target fires before the crash": (CRASH, [target("0.80")], {}, 470, 500, (491, "0.8")),
    "a stop fires on the wick": (WICK, [stop("0.60")], {}, 0, 60, (33, "0.6")),
    "two ticks in a row fire one row later": (WICK, [stop("0.60")], {"confirmTicks": 2}, 0, 60, (34, "0.6")),
    "a lower stop outlives the first wick": (WICK, [stop("0.50")], {}, 150, 200, (183, "0.48")),
    "a target needs no ask": ("resolves_yes", [target("0.95")], {}, 215, 240, (234, "0.99")),
    "a target looks at the bid, not the middle": (
        "midpoint_artefact", [target("0.70")], {}, 1235, 1260, (1254, "0.99")),
    "a stop above 0.621 goes while the spread allows": (
        "empty_book_at_close", [stop("0.65")], {}, 0, None, (7, "0.621")),
}  # fmt: skip


@pytest.mark.parametrize("story", CASES)
def test_a_recording_sells_at_its_row_and_price(new_world, story):
    recording, rules, flags, first, last, sale = CASES[story]
    world = new_world(**flags)
    sales, _ = play(world, recording, rules, first=first, last=last)
    assert sales == [(sale[0], Decimal(sale[1]))]


QUIET = {
    "an empty book at the close never sells for 0.01": ("empty_book_at_close", [stop("0.60")]),
    "a bid that vanishes is not price 0": ("gap_to_no_bid", [stop("0.04")]),
    "a swept book's middle fires no target": ("book_swept", [target("0.50")]),
}


@pytest.mark.parametrize("story", QUIET)
def test_a_recording_that_says_nothing_sells_nothing(new_world, story):
    recording, rules = QUIET[story]
    world = new_world()
    sales, made = play(world, recording, rules)
    assert sales == []
    assert world.known(made[0]).status == "ACTIVE"
    assert world.asked("bet") == 0


def test_a_stop_that_cannot_see_says_so_once(world):
    _, (rule,) = play(world, "gap_to_no_bid", [stop("0.04")])
    world.tick(30)
    assert world.known(rule).blind_told
    assert world.known(rule).blind_since is not None
    assert world.known(rule).status == "ACTIVE"


def test_a_trailing_stop_rises_with_the_wicks_recovery_and_falls_with_nothing(new_world):
    world = new_world()
    world.exchange.create(TOKEN, shares="100")
    world.exchange.load(TOKEN, "slow_drift")
    rule = world.rule("TRAILING_STOP", None, percent="2")
    highest = None
    for row in range(0, 697, 12):
        world.exchange.advance(TOKEN, row)
        world.tick()
        known = world.known(rule)
        if known.status != "ACTIVE":
            break
        assert highest is None or known.trigger_price >= highest
        highest = known.trigger_price
    assert highest is not None


def test_quiet_ticks_fire_nothing_and_write_little(world):
    sales, (rule,) = play(world, "slow_drift", [stop("0.10")], last=120)
    assert sales == []
    with world.store() as store:
        from tm.store import events

        written = len(events.listing(store.conn, rule_id=rule, limit=1000))
    assert written < 60  # an event where the price moved, none where it stood


@pytest.mark.long
@pytest.mark.parametrize("recording", recorded_names())
def test_a_whole_recording_oversells_nothing(new_world, recording):
    world = new_world()
    sales, made = play(world, recording, [stop("0.55"), target("0.90"), ("TRAILING_STOP", None, "15")])
    world.tick(8)
    assert world.sold() <= 100
    assert world.held() >= 0
    assert len(sales) <= 1
    assert all(world.known(rule).status in ("ACTIVE", "TRIGGERED", "CANCELED") for rule in made)
