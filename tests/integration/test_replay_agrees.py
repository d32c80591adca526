"""A replay and the ticks agree row by row: the same decision, reason, trigger and sale at the same row.

The ticks are real: sockets, database, paper exchange. Each row of a recording is one tick, at its own time.
"""

import random
from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.model import EventType
from tm.rules.replay import Manner, Replay
from tm.store import events, rules
from tm.venue.paper.series import parse_series, recorded, recorded_names

D = Decimal


def manner(settings):
    return Manner(settings.max_spread, settings.confirm_ticks, settings.max_slippage_percent)


def rows_of(source):
    return recorded(source) if isinstance(source, str) else parse_series(source.read_text().splitlines())


def ticked(world, source, wanted, first, last):
    """Tick through rows; return the rules as they were made, what each row said, and the sales."""
    rows = rows_of(source)
    world.clock.at = rows[first].at
    world.exchange.create(TOKEN, shares="100")
    world.exchange.load(TOKEN, source, row=first)
    made = [world.rule(kind, price, percent=percent, **more) for kind, price, percent, more in wanted]
    with world.store() as store:
        stand = [rules.get(store.conn, each) for each in made]
    said, sales, read = {}, [], 0
    for row in range(first, min(last, len(rows))):
        world.clock.at = rows[row].at
        world.exchange.advance(TOKEN, row)
        before = len(world.orders())
        world.one_tick()
        with world.store() as store:
            found = events.listing(store.conn, event_type=EventType.RULE_EVALUATED, limit=1000)
            said[row] = {each.rule_id: told(each.event_data) for each in found[: len(found) - read]}
            read = len(found)
            if read > 900:
                store.conn.execute("DROP TRIGGER IF EXISTS rule_events_stay")
                store.conn.execute("DELETE FROM rule_events WHERE event_type = 'RULE_EVALUATED'")
                read = 0
        for order in world.orders()[before:]:
            if D(order["filled"]) > 0:
                sales.append((row, D(order["filled"]), D(order["avg_price"])))
        if world.held() == 0:
            break
    return stand, said, sales


def told(data):
    numbers = (None if data.get(name) is None else D(data[name]) for name in ("bestBid", "triggerPrice"))
    return (data["decision"], data["reason"], *numbers)


def replayed(settings, source, stand, first, said):
    """Replay the same rows; return what each row said, and the sales."""
    found = {}

    def trace(row, judgements):
        found[first + row] = {
            rule_id: (j.decision, j.evaluation.reason, j.evaluation.best_bid, j.evaluation.trigger_price)
            for rule_id, j in judgements.items()
        }

    replay = Replay(stand, D(100), manner(settings), trace)
    replay.feed(rows_of(source)[first : max(said) + 1])
    replay.finish()
    sales = [(first + each.row, each.sold, each.bid) for each in replay.firings if each.sold > 0]
    return found, sales


def stop(price, **more):
    return ("STOP_LOSS", price, None, more)


def target(price, **more):
    return ("TAKE_PROFIT", price, None, more)


def trail(percent, start=None, **more):
    return ("TRAILING_STOP", start, percent, more)


def cents(amount, **more):
    return ("TRAILING_STOP", None, None, {"trailing_amount": D(amount), **more})


def assert_agreement(world, source, wanted, first=0, last=10_000):
    stand, said, sales = ticked(world, source, wanted, first, last)
    found, would = replayed(world.settings, source, stand, first, said)
    for row, ticks in said.items():
        assert found.get(row, {}) == ticks, f"{source}, row {row}"
    assert would == sales
    return said, sales


def settled(new_world, **flags):
    return new_world(evaluationLog="all", **flags)


CRASH, WICK = "crash_0.815_to_0.155", "wick_0.79_to_0.55"
PARTS = [stop("0.55", sell="30"), target("0.70", sell="40"), target("0.80")]
CASES = {
    "a stop through the gap": (CRASH, [stop("0.50")], {}, 500, 552),
    "a target before the crash": (CRASH, [target("0.80")], {}, 470, 500),
    "the wick, two in a row": (WICK, [stop("0.60")], {"confirmTicks": 2}, 0, 60),
    "the wick, three in a row": (WICK, [stop("0.60"), trail("10")], {"confirmTicks": 3}, 0, 60),
    "a trail in percent": (WICK, [trail("12"), target("0.95")], {}, 0, 60),
    "a trail in cents that slept": (WICK, [cents("0.08", activation_price=D("0.70"))], {}, 0, 60),
    "a trail that never wakes": (CRASH, [cents("0.05", activation_price=D("0.99"))], {}, 520, 552),
    "parts that share a position": (WICK, PARTS, {}, 0, 70),
    "a crumb that holdings hide": (WICK, [stop("0.60", sell="99.5"), stop("0.601")], {}, 30, 37),
    "wide spreads": ("empty_book_at_close", [stop("0.65"), target("0.90")], {}, 0, 99),
    "a stricter gate": ("empty_book_at_close", [stop("0.65")], {"maxSpread": "0.05"}, 0, 99),
    "a bid that vanishes": ("gap_to_no_bid", [stop("0.04"), trail("50")], {}, 0, 99),
    "a swept book": ("book_swept", [target("0.20"), stop("0.17")], {}, 0, 99),
    "one side empty": ("midpoint_artefact", [target("0.70"), stop("0.30")], {}, 1225, 1265),
    "one side empty, quiet": ("resolves_yes", [target("0.95"), stop("0.5")], {}, 205, 245),
}  # fmt: skip


@pytest.mark.parametrize("story", CASES)
def test_a_replay_says_what_the_ticks_said(new_world, story):
    name, wanted, flags, first, last = CASES[story]
    assert_agreement(settled(new_world, **flags), name, wanted, first, last)


THIN = """ts,best_bid,best_ask,bid_depth,ask_depth
2026-07-10T00:00:00Z,0.41,0.42,500,500
2026-07-10T00:00:15Z,0.39,0.41,2,500
2026-07-10T00:00:30Z,0.39,0.41,2,500
2026-07-10T00:00:45Z,0.39,0.41,2,500
2026-07-10T00:01:00Z,0.39,0.41,2,500
2026-07-10T00:01:15Z,0.41,0.42,2,500
2026-07-10T00:01:20Z,0.38,0.41,0,500
2026-07-10T00:01:25Z,0.38,0.41,30.5,0
2026-07-10T00:01:30Z,0.38,0.41,2,500
2026-07-10T00:01:45Z,0.38,0.41,2,500
2026-07-10T00:02:15Z,0.38,0.41,30.5,500
2026-07-10T00:02:30Z,0.38,0.41,3,500
2026-07-10T00:02:45Z,0.38,0.41,3,500
2026-07-10T00:02:50Z,0.38,0.41,44,500
2026-07-10T00:03:00Z,0.37,0.41,44,500
2026-07-10T00:03:15Z,0.36,0.41,44,500
2026-07-10T00:03:30Z,0.36,0.41,44,500
2026-07-10T00:03:45Z,0.36,0.41,44,500
"""


@pytest.mark.parametrize(
    "wanted", [[stop("0.40")], [stop("0.40", sell="50"), trail("5")], [stop("0.40", sell="300")]]
)
def test_a_thin_book_is_waited_for_alike(new_world, tmp_path, wanted):
    """Orders are put off, cut to the depth, and taken up again for the rest."""
    series = tmp_path / "thin.csv"
    series.write_text(THIN)
    said, sales = assert_agreement(settled(new_world), series, wanted)
    assert len(sales) >= 2
    assert any(each[0] == "BACK_OFF" for row in said.values() for each in row.values())


def a_random_series(seed):
    """Gaps, wide spreads, empty sides, thin and deep books, in 80 rows."""
    chance = random.Random(seed)
    at, bid, lines = 1_783_641_600, 50, ["ts,best_bid,best_ask,bid_depth,ask_depth"]
    for _ in range(80):
        at += chance.choice((15, 15, 15, 30, 120, 600))
        bid = min(97, max(3, bid + chance.choice((-6, -2, -1, 0, 0, 1, 2, 5))))
        ask = min(99, bid + chance.choice((1, 1, 2, 3, 9, 10, 11, 30)))
        texts = [f"{bid / 100:.2f}", f"{ask / 100:.2f}", str(chance.choice((0, 2, 6, 40, 500, 500))), "500"]
        texts = ["" if chance.random() < 0.05 else text for text in texts]
        lines.append(",".join([str(at), *texts]))
    return "\n".join(lines) + "\n"


def random_agreement(new_world, tmp_path, seed):
    series = tmp_path / f"{seed}.csv"
    series.write_text(a_random_series(seed))
    chance = random.Random(seed)
    wanted = chance.sample(
        [stop("0.45"), stop("0.40", sell="60"), target("0.56", sell="33"), target("0.62"), trail("10"),
         cents("0.06", activation_price=D("0.53"))], chance.choice((1, 2, 3))
    )  # fmt: skip
    flags = {"confirmTicks": chance.choice((1, 2)), "maxSpread": chance.choice(("0.05", "0.10"))}
    assert_agreement(settled(new_world, **flags), series, wanted)


@pytest.mark.parametrize("seed", range(6))
def test_they_agree_on_unruly_series(new_world, tmp_path, seed):
    random_agreement(new_world, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_they_agree_on_many_unruly_series(new_world, tmp_path, seed):
    random_agreement(new_world, tmp_path, seed)


EVERY = [
    stop("0.30"),
    target("0.97"),
    trail("25"),
    cents("0.2", activation_price=D("0.6")),
    stop("0.5", sell="30"),
]


@pytest.mark.long
@pytest.mark.parametrize("confirm", [1, 2])
@pytest.mark.parametrize("recording", recorded_names())
def test_they_agree_on_every_row_of_every_recording(new_world, recording, confirm):
    world = settled(new_world, confirmTicks=confirm)
    said, _ = assert_agreement(world, recording, EVERY)
    assert said


@pytest.mark.long
@pytest.mark.parametrize("recording", recorded_names())
def test_they_agree_to_the_last_row_where_nothing_fires(new_world, recording):
    world = settled(new_world)
    said, sales = assert_agreement(world, recording, [stop("0.0001"), target("0.9999")])
    assert len(said) == len(recorded(recording))
    assert sales == []
