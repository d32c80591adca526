"""What a person does with jobs: try again, cancel, settle an order that nothing proves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.gateway import TOKEN as GATEWAY_TOKEN
from tests.gateway import Gateway
from tests.world import TOKEN
from tm.engine import files
from tm.errors import Busy, Conflict, Invalid, NotFound, Refused
from tm.service.alerts import ingest_alert
from tm.service.context import Context
from tm.service.jobs import cancel_job, resolve_job, retry_job, what_to_check
from tm.service.new_alert import new_alert
from tm.store import alerts, attempts, jobs
from tm.venue.paper.faults import Fault

ORDER = {"marketId": f"0xmarket-{TOKEN}", "tokenId": TOKEN, "action": "SELL_ALL"}
DENIED = Fault("bet", "denied")
LOST = Fault("bet", "drop")  # never accepted, and no answer


@pytest.fixture
def gateway():
    with Gateway() as one:
        yield one


@pytest.fixture
def wired(new_world, gateway):
    return new_world(agentWakeUrl=gateway.url, agentWakeToken=GATEWAY_TOKEN)


def by_hand(world, use_case, *args, **more):
    with world.store() as store:
        return use_case(Context(world.settings, store, world.now), *args, **more)


def hand_in(world, key="k1", mode="EXECUTE_TXN", payload=ORDER, **more):
    body = {"source": "tv", "alertType": "price", "mode": mode, "idempotencyKey": key, "payload": payload}
    return by_hand(world, ingest_alert, new_alert({**body, **more}))[0]


def job_of(world, alert):
    with world.store() as store:
        (job,) = jobs.of_alert(store.conn, alert.id)
    return job


def status_of(world, alert):
    with world.store() as store:
        return alerts.get(store.conn, alert.id).status


def order_out(world, **alert):
    """An alert whose order left, and whose answer was lost."""
    world.hold()
    made = hand_in(world, **alert)
    world.exchange.fault(LOST)
    world.tick()
    assert [attempt.outcome for attempt in world.attempts()] == ["unknown"]
    return made


# ---- retry ---------------------------------------------------------------------------------------


def test_a_failed_wake_is_sent_again(wired, gateway):
    gateway.answer(404)
    alert = hand_in(wired, mode="WAKE_AGENT")
    wired.tick()
    assert status_of(wired, alert) == "FAILED"
    gateway.answer()
    job = by_hand(wired, retry_job, job_of(wired, alert).id[:8])
    assert (job.status, job.attempts, job.last_error) == ("PENDING", 0, None)
    assert status_of(wired, alert) == "QUEUED"
    assert files.kick_waits(wired.state_dir)
    wired.tick()
    assert status_of(wired, alert) == "PROCESSED"
    assert len(gateway.wakes) == 1


def test_a_waiting_wake_is_due_now(wired, gateway):
    gateway.answer(503, times=1)
    alert = hand_in(wired, mode="WAKE_AGENT")
    wired.tick(1, every=1)
    by_hand(wired, retry_job, job_of(wired, alert).id)
    wired.tick()
    assert status_of(wired, alert) == "PROCESSED"


def test_a_denied_order_may_be_tried_again_and_sells_once(wired):
    wired.hold()
    alert = hand_in(wired)
    wired.exchange.fault(DENIED)
    wired.tick(3)
    assert status_of(wired, alert) == "FAILED"
    wired.tick(5)
    assert len(wired.attempts()) == 1
    by_hand(wired, retry_job, job_of(wired, alert).id)
    wired.tick(3)
    assert (status_of(wired, alert), wired.sold()) == ("PROCESSED", 100)


def test_an_order_tried_again_sells_all_that_is_held_then(wired):
    wired.hold()
    alert = hand_in(wired)
    wired.exchange.fault(DENIED)
    wired.tick(2)
    wired.exchange.hold(TOKEN, "150")
    by_hand(wired, retry_job, job_of(wired, alert).id)
    wired.tick(3)
    assert wired.sold() == 150
    assert status_of(wired, alert) == "PROCESSED"


def test_an_order_that_sold_something_is_not_tried_again(wired):
    wired.hold()
    wired.exchange.set_levels(TOKEN, bids=[("0.50", "20"), ("0.49", "5")], asks=[("0.51", "500")])
    alert = hand_in(wired)
    wired.tick(2)
    assert wired.sold() > 0
    by_hand(wired, cancel_job, job_of(wired, alert).id)
    with pytest.raises(Conflict) as refused:
        by_hand(wired, retry_job, job_of(wired, alert).id)
    assert refused.value.code == "may_sell_twice"
    assert job_of(wired, alert).status == "FAILED"


def test_an_expired_or_no_longer_allowed_order_is_not_tried_again(wired):
    wired.hold()
    soon = (wired.now() + timedelta(seconds=5)).isoformat()
    wired.pause()
    late = hand_in(wired, expiresAt=soon)
    other = hand_in(wired, "k2")
    by_hand(wired, cancel_job, job_of(wired, other).id)
    wired.tick(2)
    with pytest.raises(Conflict, match="expired"):
        by_hand(wired, retry_job, job_of(wired, late).id)
    wired.configure(allowedActions=["SELL_PARTIAL"])
    with pytest.raises(Refused):
        by_hand(wired, retry_job, job_of(wired, other).id)


@pytest.mark.parametrize("use_case", [retry_job, cancel_job])
def test_a_rules_order_is_the_rules_business(world, use_case):
    world.hold()
    world.rule("STOP_LOSS", "0.40")
    world.tick()
    world.price("0.39")
    world.tick()
    with pytest.raises(Conflict) as refused:
        by_hand(world, use_case, world.jobs()[0].id)
    assert refused.value.code == "rule_job"


def test_what_is_done_is_neither_tried_again_nor_canceled(wired):
    alert = hand_in(wired, mode="WAKE_AGENT")
    wired.tick()
    for use_case in (retry_job, cancel_job):
        with pytest.raises(Conflict, match="SUCCEEDED"):
            by_hand(wired, use_case, job_of(wired, alert).id)


# ---- cancel --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["EXECUTE_TXN", "WAKE_AGENT"])
def test_a_job_that_waits_is_canceled_with_its_alert(wired, gateway, mode):
    wired.hold()
    alert = hand_in(wired, mode=mode)
    job = by_hand(wired, cancel_job, job_of(wired, alert).id)
    assert (job.status, job.last_error) == ("FAILED", "canceled by the user")
    assert status_of(wired, alert) == "FAILED"
    again = by_hand(wired, cancel_job, job.id)
    assert again == job
    wired.tick(3)
    assert wired.orders() == []
    assert gateway.wakes == []


def test_an_order_that_is_being_prepared_is_let_go(wired):
    """The cancellation comes between the claim of the job and the commit of the intent."""
    wired.hold()
    alert = hand_in(wired)
    job = job_of(wired, alert)
    assert wired.killed_tick("intent.commit.before_commit")
    assert job_of(wired, alert).status == "RUNNING"
    assert by_hand(wired, cancel_job, job.id).status == "FAILED"
    wired.tick(3)
    assert wired.orders() == []
    assert status_of(wired, alert) == "FAILED"


def test_a_cancellation_between_claim_and_intent_stops_the_order(wired):
    from tm import points

    wired.hold()
    alert = hand_in(wired)
    job = job_of(wired, alert)
    asked = []

    def cancel(name):
        if name == "vincent.open_orders.after" and not asked:
            asked.append(by_hand(wired, cancel_job, job.id).status)

    points.set_hook(cancel)
    try:
        wired.tick(2)
    finally:
        points.set_hook(None)
    assert asked == ["FAILED"]
    assert wired.orders() == []
    assert wired.attempts() == []
    assert status_of(wired, alert) == "FAILED"


def test_a_cancellation_while_the_order_is_out_is_remembered(wired, gateway):
    alert = order_out(wired)
    with pytest.raises(Conflict) as refused:
        by_hand(wired, cancel_job, job_of(wired, alert).id)
    assert refused.value.code == "order_is_out"
    wired.tick(30)
    assert wired.orders() == []
    assert len(wired.attempts()) == 1
    assert job_of(wired, alert).last_error == "canceled while its order was out"
    assert status_of(wired, alert) == "FAILED"


def test_without_the_cancellation_the_same_order_is_sent_again(wired):
    """What the test above would see if nothing were remembered."""
    order_out(wired)
    wired.tick(30)
    assert wired.sold() == 100


# ---- resolve -------------------------------------------------------------------------------------


def needs_operator(world):
    """An order that a person must settle: sent, unanswered, and the exchange shows nothing of it."""
    alert = order_out(world)
    with world.store() as store, store.write("test.flag") as conn:
        (attempt,) = attempts.open_ones(conn)
        attempts.move(conn, attempt.id, [attempt.outcome], needs_operator=True)
    return alert


def test_an_order_that_was_sold_ends_its_job_and_alert(wired):
    alert = needs_operator(wired)
    job, attempt = by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(100), by="ann")
    assert (job.status, job.sold_shares) == ("SUCCEEDED", 100)
    assert (attempt.outcome, attempt.filled_shares) == ("filled", 100)
    assert attempt.reason.startswith("settled by the operator (ann, 2026-07-01T12:00:15.000Z)")
    assert status_of(wired, alert) == "PROCESSED"
    wired.tick(5)
    assert wired.orders() == []


def test_an_order_that_was_sold_in_part_goes_on_with_the_rest(wired):
    alert = needs_operator(wired)
    job, attempt = by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(40), by="ann")
    assert (job.status, job.sold_shares, attempt.outcome) == ("PENDING", 40, "partial")
    wired.tick(3)
    assert wired.sold() == 60


def test_an_order_that_was_not_sold_is_sent_anew(wired):
    alert = needs_operator(wired)
    job, attempt = by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(0), by="ann")
    assert (job.status, attempt.outcome) == ("PENDING", "not_filled")
    wired.tick(4)
    assert wired.sold() == 100
    assert len(wired.orders()) == 1


def test_a_rules_order_is_settled_too(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick()
    world.price("0.39")
    world.exchange.fault(LOST)
    world.tick()
    (job,) = world.jobs()
    by_hand(world, resolve_job, job.id, Decimal(0), by="ann", sure=True)
    assert world.known(rule).status == "ACTIVE"
    world.tick(3)
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"


def test_before_a_person_is_needed_one_must_be_sure(wired):
    alert = order_out(wired)
    job = job_of(wired, alert)
    with pytest.raises(Conflict) as refused:
        by_hand(wired, resolve_job, job.id, Decimal(0), by="ann")
    assert refused.value.code == "not_needed_yet"
    assert "--yes" in refused.value.hint
    assert wired.attempts()[0].closed_at is None
    by_hand(wired, resolve_job, job.id, Decimal(0), by="ann", sure=True)
    assert wired.attempts()[0].closed_at is not None


@pytest.mark.parametrize("sold", ["-1", "100.01", "1000"])
def test_no_more_than_was_sent_can_be_called_sold(wired, sold):
    alert = needs_operator(wired)
    with pytest.raises(Invalid, match="100 shares were sent"):
        by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(sold), by="ann")
    assert wired.attempts()[0].closed_at is None


def test_only_an_open_order_is_settled(wired):
    wired.hold()
    alert = hand_in(wired)
    with pytest.raises(Conflict, match="no order whose outcome is open"):
        by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(0), by="ann", sure=True)
    wired.tick(3)
    with pytest.raises(Conflict, match="no order whose outcome is open"):
        by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(0), by="ann", sure=True)
    with pytest.raises(NotFound):
        by_hand(wired, resolve_job, "cnothere", Decimal(0), by="ann")


def test_a_tick_and_a_settlement_do_not_meet(wired):
    alert = needs_operator(wired)
    with files.tick_lock(wired.state_dir), pytest.raises(Busy) as refused:
        by_hand(wired, resolve_job, job_of(wired, alert).id, Decimal(0), by="ann")
    assert refused.value.exit_code == 75
    assert wired.attempts()[0].closed_at is None


def test_what_to_check_names_what_a_person_must_compare(wired):
    alert = order_out(wired)
    (attempt,) = wired.attempts()
    check = what_to_check(attempt)
    assert check["shares"] == 100
    assert check["heldBefore"] == 100
    assert check["tokenId"] == TOKEN
    assert check["sentAt"] == "2026-07-01T12:00:00.000Z"
    assert check["tradesSince"] == "2026-07-01T11:59:55.000Z"
    assert check["ifSold"] == f"tm job resolve {job_of(wired, alert).id} --sold 100"
    by_hand(wired, resolve_job, attempt.job_id, Decimal(100), by="ann", sure=True)
    assert what_to_check(wired.attempts()[0]) is None
