"""The database stays small: old evaluations go in small steps, and their room goes back to the disk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import NOON
from tm.engine import housekeeping
from tm.model import EventType
from tm.store import events
from tm.store.db import free_pages

OLD = NOON - timedelta(days=31)
COUNT = 6000


@pytest.fixture
def watched(world):
    """A rule that has been looked at thousands of times, more than thirty days ago."""
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    data = {"bestBid": "0.5", "triggerPrice": "0.4", "decision": "HOLD", "reason": "not_reached"}
    with world.store() as store, store.write("test.events") as conn:
        events.add(conn, rule, EventType.RULE_CREATED, OLD, data)
        rows = [events.row(rule, EventType.RULE_EVALUATED, OLD, data) for _ in range(COUNT)]
        events.add_all(conn, rows)
    return rule


def counted(world, event_type="RULE_EVALUATED"):
    with world.store() as store:
        query = "SELECT count(*) FROM rule_events WHERE event_type = ?"
        return store.conn.execute(query, (event_type,)).fetchone()[0]


def test_a_tick_deletes_a_few_old_evaluations_until_none_is_left(world, watched):
    before = counted(world)
    world.tick()
    at_most = housekeeping.DELETE_AT_MOST + 1  # beside those that the tick may have added
    assert before - at_most <= counted(world) < before
    world.tick(COUNT // housekeeping.DELETE_AT_MOST + 1)
    assert counted(world) == 1  # of now
    assert counted(world, "RULE_CREATED") == 1


def test_the_file_shrinks_when_what_it_held_is_deleted(world, watched):
    path = world.settings.database_path
    full = path.stat().st_size
    world.tick(COUNT // housekeeping.DELETE_AT_MOST + 10)
    with world.store() as store:
        assert free_pages(store.conn) <= housekeeping.KEPT_FREE
        assert store.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert path.stat().st_size < full / 3


def test_more_old_evaluations_go_than_new_ones_come(new_world):
    world = new_world(evaluationLog="all", eventRetentionDays=1)
    world.hold()
    for _ in range(20):
        world.rule("STOP_LOSS", "0.40")
    world.tick(3, every=12 * 3600)
    with world.store() as store:
        oldest = store.conn.execute(
            "SELECT min(created_at) FROM rule_events WHERE event_type = 'RULE_EVALUATED'"
        )
        kept_from = oldest.fetchone()[0]
    world.tick()
    with world.store() as store:
        oldest = store.conn.execute(
            "SELECT min(created_at) FROM rule_events WHERE event_type = 'RULE_EVALUATED'"
        )
        assert oldest.fetchone()[0] > kept_from


def test_old_evaluations_are_not_deleted_before_their_time(new_world):
    world = new_world(evaluationLog="all", eventRetentionDays=2)
    world.hold()
    world.rule("STOP_LOSS", "0.40")
    world.tick(4, every=12 * 3600)
    assert counted(world) == 4
