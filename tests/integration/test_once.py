"""One sale, and only one, whatever happens to the answer, the process, or the other people involved."""

import os
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm.engine import files
from tm.errors import Busy
from tm.venue.paper.faults import Fault

LOST_AFTER_ACCEPTANCE = [
    Fault("bet", "drop", after=True),
    Fault("bet", "truncated", after=True),
    Fault("bet", "garbage", after=True),
    Fault("bet", "page", status=502, after=True),
    Fault("bet", "status", status=500, code="INTERNAL_ERROR", message="boom", after=True),
    Fault("bet", "bet_failed", message="socket hang up", after=True),
    Fault("bet", "text", status=200, body="ok", after=True),
]


def triggered(world, **rule):
    world.hold()
    made = world.rule("STOP_LOSS", "0.40", **rule)
    world.tick()
    world.price("0.39")
    return made


@pytest.mark.parametrize("fault", LOST_AFTER_ACCEPTANCE, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_an_answer_lost_after_acceptance_is_looked_for_and_not_sent_again(world, fault):
    rule = triggered(world)
    world.exchange.fault(fault)
    world.tick()
    assert world.attempts()[0].outcome == "unknown"
    world.tick(20)
    assert len(world.orders()) == 1
    assert world.known(rule).status == "TRIGGERED"
    assert world.known(rule).sold_shares == 100
    assert world.events(rule)[-1] == "ACTION_EXECUTED"
    assert [attempt.outcome for attempt in world.attempts()] == ["filled"]


@pytest.mark.parametrize("kind", ["drop", "page"])
def test_an_order_that_never_arrived_is_sent_again_after_the_horizon_only(world, kind):
    rule = triggered(world)
    world.exchange.fault(Fault("bet", kind))
    world.tick(8)
    assert world.orders() == []
    assert world.known(rule).status == "TRIGGERED"
    world.tick(6)
    assert world.sold() == 100
    assert len(world.orders()) == 1


@pytest.mark.parametrize("point", ["intent.commit.after_commit", "order.marked", "vincent.bet.before",
                                   "vincent.bet.after", "answer.commit.before_commit"])  # fmt: skip
def test_a_kill_around_the_order_never_sells_twice(world, point):
    rule = triggered(world)
    assert world.killed_tick(point)
    world.tick(20)
    assert world.sold() == 100
    assert len(world.orders()) == 1
    assert world.known(rule).sold_shares == 100


@pytest.mark.parametrize("point", ["monitor.remember.after_commit", "trigger.commit.before_commit",
                                   "trigger.commit.after_commit", "job.claim.after_commit",
                                   "intent.commit.before_commit"])  # fmt: skip
def test_a_kill_before_the_intent_forgets_no_trigger(world, point):
    rule = triggered(world)
    assert world.killed_tick(point)
    assert world.orders() == []
    world.tick(2)
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"


def test_two_ticks_at_once_are_one(world):
    triggered(world)
    with files.tick_lock(world.state_dir), pytest.raises(Busy):
        world.one_tick()
    assert world.orders() == []
    world.tick()
    assert len(world.orders()) == 1


def test_the_lock_of_a_killed_tick_is_free(world):
    triggered(world)
    child = os.fork()
    if child == 0:
        with files.tick_lock(world.state_dir):
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    world.tick()
    assert len(world.orders()) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [(("STOP_LOSS", "0.40"), ("STOP_LOSS", "0.41")), (("STOP_LOSS", "0.40"), ("TAKE_PROFIT", "0.30"))],
)
def test_two_rules_that_fire_together_sell_what_is_held_once_and_the_other_ends(world, first, second):
    world.hold()
    world.tick(6)
    rules = [world.rule(*first), world.rule(*second)]
    world.price("0.39")
    world.tick()
    assert len(world.orders()) == 1
    world.tick(20)
    assert len(world.orders()) == 1
    assert world.sold() == 100
    assert sorted(world.known(rule).status for rule in rules) == ["CANCELED", "TRIGGERED"]


def test_two_partial_rules_that_fire_together_both_sell(world):
    world.hold()
    rules = [world.rule("STOP_LOSS", "0.40", sell="30"), world.rule("STOP_LOSS", "0.41", sell="20")]
    world.price("0.39")
    world.tick(4)
    assert world.sold() == 50
    assert [world.known(rule).sold_shares for rule in rules] == [30, 20]


@pytest.mark.parametrize("lost", [False, True])
def test_an_approval_granted_late_sells_once(world, lost):
    rule = triggered(world, sell="60")
    world.exchange.fault(Fault("bet", "approval", seconds=1700))
    if lost:
        world.exchange.fault(Fault("bet", "drop", after=True))
    world.tick(10, every=120)
    assert world.sold() == 0
    assert len(world.orders()) == 1
    world.tick(10, every=120)
    assert world.sold() == 60
    assert len(world.orders()) == 1
    assert world.known(rule).sold_shares == 60


@pytest.mark.parametrize("deny", [True, False])
def test_an_approval_never_granted_is_asked_again_after_its_horizon_only(world, deny):
    rule = triggered(world)
    world.exchange.fault(Fault("bet", "approval", seconds=600 if deny else None, deny=deny))
    world.tick()
    assert world.attempts()[0].outcome == "pending_approval"
    assert world.events(rule)[-1] == "ACTION_PENDING_APPROVAL"
    world.tick(17, every=120)
    assert len(world.orders()) == 1
    world.tick(4, every=60)
    assert world.attempts()[0].outcome == "not_filled"
    world.tick(2)
    assert world.sold() == 100


def test_a_users_sale_by_hand_meanwhile_is_never_sold_again(world):
    rule = triggered(world)
    world.exchange.fault(Fault("bet", "drop"))
    world.tick()
    world.exchange.user_sell(TOKEN, 100)
    world.tick(30)
    assert world.sold() == 0 or world.held() == 0
    assert world.held() == 0
    assert len(world.orders()) <= 1
    assert world.known(rule).status in ("TRIGGERED", "CANCELED")


def test_a_users_smaller_sale_meanwhile_leaves_the_rest_protected(world):
    triggered(world)
    world.exchange.fault(Fault("bet", "drop"))
    world.tick()
    world.exchange.user_sell(TOKEN, 30)
    world.tick(14)
    assert world.sold() == 70
    assert world.held() == 0


def test_a_cancel_while_the_order_is_out_is_kept(world):
    from tm.errors import Conflict
    from tm.service.context import open_context
    from tm.service.rules import cancel_rule

    rule = triggered(world)
    world.exchange.fault(Fault("bet", "drop"))
    world.tick()
    with open_context(world.settings, world.now) as context, pytest.raises(Conflict):
        cancel_rule(context, rule)
    world.tick(30)
    assert world.orders() == []
    assert world.known(rule).status == "CANCELED"
    assert world.events(rule)[-1] == "RULE_CANCELED"


def test_a_users_resting_order_is_never_touched_and_its_shares_are_not_sold(world):
    triggered(world)
    world.exchange.user_rest(TOKEN, 40, "0.90")
    world.tick(4)
    assert world.sold() == 60
    assert world.asked("cancel") == 0


def test_an_order_of_ours_that_rests_is_canceled_and_then_tried_again(world):
    rule = triggered(world)
    world.exchange.fault(Fault("bet", "live"))
    world.tick(2)
    assert world.asked("cancel") == 1
    assert world.orders()[0]["status"] == "canceled"
    world.tick(14)
    assert world.sold() == 100
    assert world.known(rule).sold_shares == 100


def test_an_old_copy_of_the_database_sends_nothing_until_a_person_vouches(world, tmp_path):
    from tm.service.context import open_context
    from tm.service.control import resume

    rule = triggered(world)
    with world.store() as store:
        store.conn.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    world.tick(3)
    assert world.sold() == 100
    world.exchange.hold(TOKEN, 100)
    database = world.settings.database_path
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    os.replace(tmp_path / "copy.db", database)
    world.tick(5)
    assert len(world.orders()) == 1
    assert world.known(rule).status == "ACTIVE"
    with open_context(world.settings, world.now) as context:
        resume(context, restored=True)
    world.tick()
    assert len(world.orders()) == 2


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_expires_nothing_and_hides_nothing(world, hours):
    rule = triggered(world, sell="60")
    world.exchange.fault(Fault("bet", "approval", seconds=900))
    world.tick()
    world.local_offset = hours * 3600.0
    world.tick(40)
    assert len(world.orders()) == 1
    world.tick(30)
    assert world.sold() == 60
    assert len(world.orders()) == 1
    assert world.known(rule).sold_shares == 60


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_delays_no_stop(world, hours):
    world.hold()
    world.rule("STOP_LOSS", "0.40")
    world.tick(2)
    world.local_offset = hours * 3600.0
    world.price("0.39")
    world.tick(2)
    assert world.sold() == 100


def test_a_match_whose_rows_fail_is_taken_back_and_tried_again(world):
    rule = triggered(world)
    world.exchange.settings(confirmed_after=40.0, mined_after=40.0)
    world.exchange.fault(Fault("bet", "fail_trades", seconds=20))
    world.tick()
    assert world.events(rule)[-1] == "ACTION_EXECUTED"
    assert world.known(rule).trigger_tx_hash is not None
    world.tick(2)
    assert world.events(rule)[-2:] == ["ACTION_FAILED", "RULE_REARMED"]
    assert world.known(rule).trigger_tx_hash is None
    world.tick(8)
    assert world.sold() == 100
    assert world.known(rule).sold_shares == 100
    assert len(world.orders()) == 2


def test_rows_that_come_late_and_one_by_one_are_one_sale(world):
    rule = triggered(world)
    world.exchange.settings(trade_lag=40.0, row_lag=20.0, holdings_lag=30.0)
    world.exchange.fault(Fault("bet", "split", rows=3), Fault("bet", "drop", after=True))
    world.tick(12)
    assert len(world.orders()) == 1
    assert world.known(rule).sold_shares == 100
    assert world.attempts()[0].filled_shares == Decimal(100)


def test_an_unknown_outcome_is_flagged_for_a_person_and_still_settles_by_itself(world):
    rule = triggered(world)
    world.exchange.settings(trade_lag=1500.0)
    world.exchange.fault(Fault("bet", "drop", after=True))
    world.tick(70)
    (attempt,) = world.attempts()
    assert attempt.needs_operator
    assert attempt.outcome == "unknown"
    world.clock.advance(timedelta(minutes=15).total_seconds())
    world.tick(2)
    assert world.attempts()[0].outcome == "filled"
    assert world.known(rule).sold_shares == 100


def test_a_clock_that_goes_back_ends_a_back_off(world):
    triggered(world)
    world.exchange.fault(Fault("bet", "bet_failed", count=4, message="no match"))
    world.tick(14)
    assert world.asked("bet") == 4
    world.local_offset = -1800.0
    world.tick(2)
    assert world.sold() == 100
