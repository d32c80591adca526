"""Many rules: how much is asked, how much is written, and what a page of holdings does not show."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal

import pytest

from tm import points
from tm.engine import files, tick
from tm.engine.context import Engine
from tm.ids import new_id
from tm.market import HOLDINGS_PAGE
from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.service.context import open_context
from tm.service.control import status
from tm.store import positions, rules
from tm.store.db import open_store
from tm.venue.clob import BATCH
from tm.venue.paper.faults import Fault


@contextmanager
def noted_points():
    """The names of the points that are passed."""
    passed = []
    points.set_hook(passed.append)
    try:
        yield passed
    finally:
        points.set_hook(None)


def asked(world) -> int:
    return sum(world.exchange.requests()["counts"].values())


def stops(world, tokens, sell="all"):
    """A stop at 0.40 on each token, in one transaction."""
    action = Action(ActionType.SELL_ALL) if sell == "all" else Action(ActionType.SELL_PARTIAL, Decimal(sell))
    with world.store() as store, store.write("test.rules") as conn:
        for token in tokens:
            made = Rule(
                id=new_id(),
                rule_type=RuleType.STOP_LOSS,
                market_id=f"0xmarket-{token}",
                token_id=token,
                trigger_price=Decimal("0.40"),
                trailing_percent=None,
                action=action,
                status=RuleStatus.ACTIVE,
                created_at=world.now(),
                updated_at=world.now(),
            )
            rules.insert(conn, made)


def many(world, count, sell="all"):
    """Hold so many tokens, the last ones the least, with a stop on each; return the tokens."""
    tokens = [f"t{number:04}" for number in range(count)]
    for place, token in enumerate(tokens):
        world.hold(token, shares=str(1000 - place))
    stops(world, tokens, sell)
    return tokens


def test_all_books_of_a_tick_are_asked_of_the_clob_in_full_batches(world):
    stops(world, [f"t{number}" for number in range(BATCH + 1)])
    before = asked(world)
    report = world.tick()
    assert asked(world) - before == 1 + 2  # holdings, and as many calls as 501 tokens fill
    assert world.asked("books") == 2
    assert report.evaluated == BATCH + 1


@pytest.mark.parametrize(("per_tick", "ticks"), [(5, 18), (8, 8), (20, 4)])
def test_vincent_is_never_asked_more_in_a_tick_than_is_allowed(new_world, per_tick, ticks):
    world = new_world(priceSource="vincent", requestsPerTick=per_tick)
    tokens = many(world, 30)
    looked_at = set()
    for _ in range(ticks):
        before = asked(world)
        world.tick()
        assert asked(world) - before <= per_tick
        recent = world.exchange.requests()["recent"]
        looked_at |= {entry["path"].rsplit("/", 1)[1] for entry in recent if entry["endpoint"] == "book"}
    assert looked_at == set(tokens)


def test_a_fault_does_not_make_a_tick_ask_more_than_is_allowed(new_world):
    world = new_world(priceSource="vincent", requestsPerTick=8)
    many(world, 10)
    world.exchange.fault(Fault("book", "status", status=503, count=None))
    for _ in range(2):
        before = asked(world)
        world.tick()
        assert asked(world) - before <= 8


def test_the_token_nearest_to_its_trigger_is_always_looked_at(new_world):
    world = new_world(priceSource="vincent", requestsPerTick=5)
    tokens = many(world, 12)
    world.price("0.41", token=tokens[7])
    world.tick(12)
    for _ in range(3):
        before = world.exchange.requests()["counts"]["book"]
        world.tick()
        made = world.exchange.requests()["counts"]["book"] - before
        paths = [each["path"] for each in world.exchange.requests()["recent"] if each["endpoint"] == "book"]
        assert any(path.endswith(tokens[7]) for path in paths[-made:])


def test_tokens_that_are_not_reached_for_long_are_named(new_world):
    world = new_world(priceSource="vincent", requestsPerTick=5)
    tokens = many(world, 12)
    world.tick(4)
    report = world.one_tick()
    with open_context(world.settings, world.now) as context:
        stale = status(context)["staleTokens"]
    assert stale
    assert set(stale) < set(tokens)
    assert report.notes == [f"books not read for three intervals and more: {', '.join(stale)}"]
    world.configure(priceSource="clob")
    assert world.tick().notes == []
    with open_context(world.settings, world.now) as context:
        assert status(context)["staleTokens"] == []


def one_tick(world) -> tuple[list[str], int]:
    """Run a tick; return the commits that it made, and how many rows it wrote."""
    with files.tick_lock(world.state_dir), open_store(world.settings.database_path) as store:
        engine = Engine(world.settings, store, world.now)
        with noted_points() as passed:
            tick.run(engine)
        engine.close()
        written = store.conn.total_changes
    world.clock.advance(15)
    return [name for name in passed if name.endswith(".after_commit")], written


def test_an_evaluation_reads_once_and_is_one_transaction(world):
    many(world, 10)
    world.tick()
    world.price("0.45", token="t0003")
    commits, _ = one_tick(world)
    assert commits.count("monitor.remember.after_commit") == 1
    assert set(commits) == {"monitor.remember.after_commit", "budget.take.after_commit"}


def test_a_quiet_tick_writes_no_event_and_each_row_at_most_once(world):
    count = 10
    many(world, count)
    world.tick(2)
    with world.store() as store:
        events = store.conn.execute("SELECT count(*) FROM rule_events").fetchone()[0]
    _, written = one_tick(world)
    # Of each token its position, of each rule when it was seen; lastSyncTime, and the bucket twice.
    assert written <= 2 * count + 3
    with world.store() as store:
        assert store.conn.execute("SELECT count(*) FROM rule_events").fetchone()[0] == events


def test_evaluation_log_all_writes_each_evaluation(new_world):
    world = new_world(evaluationLog="all")
    many(world, 3)
    world.tick(4)
    with world.store() as store:
        found = store.conn.execute("SELECT count(*) FROM rule_events WHERE event_type = 'RULE_EVALUATED'")
        assert found.fetchone()[0] == 12


# ---- more positions than a page of holdings shows


def crowded(world, sell):
    """More is held than the page shows: the last token, the smallest position, is not on it."""
    tokens = many(world, HOLDINGS_PAGE + 1, sell)
    return tokens[-1]


@pytest.mark.parametrize("source", ["clob", "vincent"])
def test_a_token_beyond_the_page_is_neither_sold_nor_failed_nor_closed(new_world, source):
    world = new_world(priceSource=source)
    hidden = crowded(world, "all")
    world.price("0.30", token=hidden)
    world.tick(8, every=60)
    with world.store() as store:
        row = store.conn.execute("SELECT * FROM trade_rules WHERE token_id = ?", (hidden,)).fetchone()
    assert row["status"] == "ACTIVE"
    assert world.orders(hidden) == []
    assert world.events(row["id"]) == []


def test_all_of_a_token_beyond_the_page_waits_and_says_so(new_world):
    world = new_world(priceSource="clob")
    hidden = crowded(world, "all")
    world.price("0.30", token=hidden)
    world.tick(2)
    with world.store() as store:
        query = (
            "SELECT e.event_data FROM rule_events e JOIN trade_rules r ON r.id = e.rule_id WHERE token_id = ?"
        )
        said = [row[0] for row in store.conn.execute(query, (hidden,))]
    assert any('"decision":"POSITION_NOT_SEEN"' in each for each in said)


def test_all_of_a_token_is_sold_once_the_page_shows_it(new_world):
    world = new_world(priceSource="clob")
    hidden = crowded(world, "all")
    world.price("0.30", token=hidden)
    world.tick(3)
    assert world.sold(hidden) == 0
    world.exchange.hold("t0000", "0")
    world.tick(2)
    assert world.sold(hidden) == 1000 - HOLDINGS_PAGE


def test_so_many_shares_of_a_token_beyond_the_page_are_sold_once(new_world):
    world = new_world(priceSource="clob")
    hidden = crowded(world, "50")
    world.price("0.30", token=hidden)
    world.tick(8, every=60)
    assert world.sold(hidden) == 50
    assert len(world.orders(hidden)) == 1


def test_a_full_page_that_loses_a_token_closes_none_of_its_rules(new_world):
    """It fell off the page because others grew: nobody sold it."""
    world = new_world(priceSource="clob")
    hidden = crowded(world, "all")
    other = "t0099"
    world.tick(3)
    world.exchange.hold(hidden, "5000")  # now it shows, and another does not
    world.tick(8, every=60)
    with world.store() as store:
        rule = store.conn.execute("SELECT status FROM trade_rules WHERE token_id = ?", (other,)).fetchone()
        kept = positions.get(store.conn, other)
    assert rule["status"] == "ACTIVE"
    assert (kept.quantity, kept.absent_since) == (901, None)
    assert world.sold(other) == 0
