"""Status, the switch, and the list of positions, over a real database and the paper exchange."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.world import World
from tm.engine import files
from tm.errors import Conflict, RateLimited, TradeManagerError, Unreachable
from tm.rules.breaker import Breaker
from tm.service import control
from tm.service.context import Context, open_context
from tm.service.positions import list_positions, refresh
from tm.store import state
from tm.venue.paper.faults import Fault


@pytest.fixture
def ctx(world: World) -> Iterator[Context]:
    with open_context(world.settings, world.clock) as opened:
        yield opened


def test_status_of_a_fresh_machine_says_that_nothing_runs(ctx: Context) -> None:
    record = control.status(ctx)
    promised = (
        "running lastSyncTime activeRulesCount consecutiveFailures circuitBreakerUntil paused jobs version"
    )
    assert set(promised.split()) <= set(record)
    assert record["running"] is False
    assert record["lastSyncTime"] is None
    assert record["jobs"] == {"PENDING": 0, "RUNNING": 0, "SUCCEEDED": 0, "FAILED": 0}


def test_running_means_a_tick_within_three_intervals(ctx: Context, world: World) -> None:
    files.stamp(world.state_dir)
    stamped = world.clock.at.timestamp()
    os.utime(world.state_dir / files.STAMP_FILE, (stamped, stamped))
    world.clock.advance(45)
    assert control.status(ctx)["running"] is True
    world.clock.advance(1)
    assert control.status(ctx)["running"] is False


def test_status_counts_what_a_tick_left(ctx: Context, world: World) -> None:
    world.hold()
    world.rule()
    world.tick()
    record = control.status(ctx)
    assert record["activeRulesCount"] == 1
    assert record["lastSyncTime"] is not None
    assert record["openExecutions"] == record["needsOperator"] == 0


def test_an_open_breaker_is_shown_until_it_lets_a_probe_through(ctx: Context, world: World) -> None:
    until = world.clock.at + timedelta(seconds=60)
    with ctx.store.write("test.breaker") as conn:
        state.put_breaker(conn, Breaker(5, until))
    record = control.status(ctx)
    assert record["circuitBreakerUntil"] == "2026-07-01T12:01:00.000Z"
    assert record["consecutiveFailures"] == 5
    world.clock.advance(61)
    assert control.status(ctx)["circuitBreakerUntil"] is None


def test_paused_twice_keeps_the_first_reason_and_resumed_twice_is_no_fault(ctx: Context) -> None:
    assert control.pause(ctx, "moving")["reason"] == "moving"
    assert control.pause(ctx, "other")["reason"] == "moving"
    assert control.status(ctx)["paused"] is True
    assert control.status(ctx)["pause"]["reason"] == "moving"
    assert control.resume(ctx) is True
    assert control.status(ctx)["paused"] is False
    assert control.resume(ctx) is False


def test_a_pause_holds_a_sale_back_and_resume_lets_it_go(ctx: Context, world: World) -> None:
    world.hold(bid="0.30", ask="0.31")
    world.rule()
    control.pause(ctx)
    world.tick(2)
    assert world.sold() == 0
    control.resume(ctx)
    world.tick(2)
    assert world.sold() == 100


def test_an_old_copy_is_resumed_only_by_who_vouches_for_it(ctx: Context, world: World) -> None:
    files.write_sent_mark(world.state_dir, 7)
    with pytest.raises(Conflict) as caught:
        control.resume(ctx)
    assert caught.value.code == "restored_copy"
    world.tick()
    assert control.status(ctx)["pause"]["restored"] is True
    control.pause(ctx, "by hand as well")
    assert control.status(ctx)["pause"]["restored"] is True, "a pause by hand must not hide the reason"
    with pytest.raises(Conflict):
        control.resume(ctx)
    assert control.resume(ctx, restored=True) is True
    assert control.resume(ctx) is False
    world.tick()
    assert control.status(ctx)["paused"] is False


# ---- positions -----------------------------------------------------------------------------------


def test_positions_are_read_where_nothing_was_read_before(ctx: Context, world: World) -> None:
    world.hold(shares="12.5")
    (position,), trouble = list_positions(ctx)
    assert trouble is None
    assert (position.token_id, position.quantity) == ("111", Decimal("12.5"))
    assert position.label == "Market 111? · Yes"
    assert control.status(ctx)["lastSyncTime"] is not None


def test_a_fresh_list_asks_nobody_and_an_old_one_asks_once(ctx: Context, world: World) -> None:
    world.hold()
    list_positions(ctx)
    world.clock.advance(15)
    list_positions(ctx)
    assert world.asked("holdings") == 1
    world.clock.advance(1)
    list_positions(ctx)
    assert world.asked("holdings") == 2


def test_no_position_is_a_fact_only_when_it_was_read(ctx: Context, world: World) -> None:
    world.exchange.fault(Fault("holdings", "status", count=None, status=503))
    with pytest.raises(Unreachable):
        list_positions(ctx)
    world.exchange.clear_faults()
    assert list_positions(ctx) == ([], None)


def test_while_vincent_is_away_the_last_reading_is_served_with_its_age(ctx: Context, world: World) -> None:
    world.hold()
    (first,), _ = list_positions(ctx)
    world.clock.advance(600)
    world.exchange.fault(Fault("holdings", "status", count=None, status=503))
    (again,), trouble = list_positions(ctx)
    assert isinstance(trouble, TradeManagerError)
    assert again == first


def test_a_sold_position_leaves_the_list(ctx: Context, world: World) -> None:
    world.hold()
    list_positions(ctx)
    world.exchange.hold("111", 0)
    world.clock.advance(60)
    assert list_positions(ctx) == ([], None)


def test_a_refresh_does_not_undo_what_a_tick_wrote_meanwhile(world: World) -> None:
    world.hold(shares="100")

    class Ticking:
        """A clock at whose second look, after the read has begun, a tick has run."""

        looks = 0

        def __call__(self) -> Any:
            self.looks += 1
            if self.looks == 2:
                world.clock.advance(1)
                world.rule()
                world.one_tick()
            return world.clock.at

    with open_context(world.settings, Ticking()) as ctx:
        refresh(ctx)
        (position,), _ = list_positions(ctx)
    assert position.best_bid == Decimal("0.50"), "the tick's quote stands"


def test_an_open_breaker_or_a_wish_to_wait_is_respected(ctx: Context, world: World) -> None:
    world.hold()
    list_positions(ctx)
    world.clock.advance(60)
    with ctx.store.write("test.breaker") as conn:
        state.put_breaker(conn, Breaker(5, world.clock.at + timedelta(seconds=30)))
    _, trouble = list_positions(ctx)
    assert isinstance(trouble, Unreachable)
    with ctx.store.write("test.wait") as conn:
        state.put_breaker(conn, Breaker())
        state.put(conn, state.READS_NOT_BEFORE, world.clock.at + timedelta(seconds=30))
    _, trouble = list_positions(ctx)
    assert isinstance(trouble, RateLimited)
    assert world.asked("holdings") == 1


def test_the_minutes_requests_are_shared_with_the_ticks(ctx: Context, world: World) -> None:
    world.hold()
    with ctx.store.write("test.bucket") as conn:
        state.put_bucket(conn, Decimal(20), world.clock.at)
    with pytest.raises(RateLimited):
        refresh(ctx)
    assert world.asked("holdings") == 0


def test_a_database_that_is_damaged_says_so(world: World, tmp_path: Path) -> None:
    world.settings.database_path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(TradeManagerError) as caught, open_context(world.settings):
        pass
    assert caught.value.code == "database_corrupt"
