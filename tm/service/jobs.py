"""Jobs by hand: try one again, cancel one, settle an order whose outcome nothing proves."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tm.engine import files, outcomes
from tm.engine.consequences import Ending
from tm.engine.routing import is_late
from tm.errors import Conflict, Invalid, NotFound
from tm.logs import log
from tm.model import AlertStatus, Attempt, Job, JobStatus, JobType, Outcome
from tm.numbers import canonical
from tm.service.alerts import leave_kick
from tm.service.context import Context
from tm.service.ids import full_id
from tm.service.new_alert import not_allowed
from tm.store import alerts, attempts, jobs
from tm.times import iso
from tm.wire import instant, number

CANCELED = "canceled by the user"
_BEFORE_SENDING = timedelta(seconds=5)  # a trade of ours may bear a time so much earlier


def retry_job(ctx: Context, given: str, *, exact: bool = False) -> Job:
    """Let a FAILED job start anew, or one that waits be due now; return it.

    Raise Conflict for a rule's order (the rule makes a new job), for one that is done or being done, and
    for an order that sold something or came too late.
    """
    job_id = full_id(ctx.conn, "job", given, exact=exact)
    now = ctx.clock()
    with ctx.store.write("job.retry") as conn:
        job = _get(conn, job_id)
        _refuse_rules_order(job, "the rule makes a new one when its price is met again")
        if job.status not in (JobStatus.FAILED, JobStatus.PENDING):
            raise _wrong_status(job, "only one that FAILED or waits can be tried again")
        if job.status is JobStatus.PENDING:
            jobs.swap_status(conn, job.id, JobStatus.PENDING, JobStatus.PENDING, now, run_at=now)
        else:
            _refuse_if_pointless(ctx, conn, job)
            fresh: dict[str, Any] = {
                "attempts": 0,
                "run_at": now,
                "last_error": None,
                "promised_shares": None,
                "rearm_count": 0,
                "waiting_since": None,
                "waiting_told": False,
                "cancel_requested": False,
            }
            jobs.swap_status(conn, job.id, JobStatus.FAILED, JobStatus.PENDING, now, **fresh)
            if job.alert_id is not None:
                alerts.swap_status(conn, job.alert_id, AlertStatus.FAILED, AlertStatus.QUEUED, now)
        job = _get(conn, job_id)
    log("job_retried", level="notice", jobId=job.id, alertId=job.alert_id)
    leave_kick(ctx)
    return job


def cancel_job(ctx: Context, given: str, *, exact: bool = False) -> Job:
    """End a job that waits, and its alert, as FAILED; return it. Canceled before: it stays as it is.

    Raise Conflict for a rule's order, and for a job that has ended. While an alert's order is out the wish
    is remembered, and Conflict says so: what that order does not sell is not sent again.
    """
    job_id = full_id(ctx.conn, "job", given, exact=exact)
    now = ctx.clock()
    order_is_out = False
    with ctx.store.write("job.cancel") as conn:
        job = _get(conn, job_id)
        if job.status is JobStatus.FAILED and job.last_error == CANCELED:
            return job
        _refuse_rules_order(job, f"`tm rule cancel {job.rule_id}` cancels its rule")
        if job.status not in (JobStatus.PENDING, JobStatus.RUNNING):
            raise _wrong_status(job, "there is nothing left to cancel")
        if job.status is JobStatus.RUNNING and job.job_type is JobType.WAKE_AGENT:
            raise _wrong_status(job, "it is being sent in this moment; try again")
        order_is_out = _open_attempt(conn, job) is not None
        if order_is_out:
            jobs.update(conn, job.id, now, cancel_requested=True)
        else:
            # An order that is being prepared is let go as well: its intent demands a RUNNING job.
            jobs.swap_status(conn, job.id, job.status, JobStatus.FAILED, now, last_error=CANCELED)
            if job.alert_id is not None:
                alerts.swap_status(conn, job.alert_id, AlertStatus.QUEUED, AlertStatus.FAILED, now)
        job = _get(conn, job_id)
    log("job_canceled", level="notice", jobId=job.id, alertId=job.alert_id, remembered=order_is_out or None)
    if order_is_out:
        raise Conflict(
            f"the order of job {job.id} is out",
            code="order_is_out",
            hint="remembered: what it does not sell is not sent again; `tm job show` follows it",
        )
    return job


def resolve_job(
    ctx: Context, given: str, sold: Decimal, *, by: str, sure: bool = False, exact: bool = False
) -> tuple[Job, Attempt]:
    """Settle by hand the open order of a job: so many shares were sold (0: none). Return both.

    `by`: who says so, for the record. Raise Busy while a tick runs, Conflict where no order is open, or
    where it is not yet for a person to say (unless `sure`), Invalid for more shares than were sent.
    """
    job_id = full_id(ctx.conn, "job", given, exact=exact)
    with files.tick_lock(ctx.settings.state_dir):
        now = ctx.clock()
        with ctx.store.write("job.resolve") as conn:
            job = _get(conn, job_id)
            attempt = _open_attempt(conn, job)
            if attempt is None:
                raise Conflict(
                    f"job {job.id} is {job.status} and has no order whose outcome is open",
                    code="nothing_open",
                    hint="`tm job show` shows what became of its orders",
                )
            if not 0 <= sold <= attempt.shares:
                raise Invalid(f"sold: {canonical(sold)}: {canonical(attempt.shares)} shares were sent")
            if not (attempt.needs_operator or sure):
                raise Conflict(
                    f"the outcome of execution {attempt.id} may still show by itself: it is looked for "
                    f"in every tick, and was sent {iso(attempt.created_at)}",
                    code="not_needed_yet",
                    hint="an order that is called unsold and fills later sells twice; "
                    "if you know better: --yes",
                )
            what = f"{canonical(sold)} shares sold" if sold > 0 else "nothing sold"
            reason = f"settled by the operator ({by}, {iso(now)}): {what}"
            outcome = Outcome.FILLED if sold > 0 else Outcome.NOT_FILLED
            outcomes.end(conn, ctx.settings, attempt, Ending(outcome, reason, sold=sold), now)
            job = _get(conn, job_id)
            settled = attempts.get(conn, attempt.id)
            assert settled is not None
    log("order_resolved", level="notice", jobId=job.id, attemptId=settled.id, outcome=settled.outcome, by=by)
    leave_kick(ctx)
    return job, settled


def what_to_check(attempt: Attempt) -> dict[str, Any] | None:
    """Given an attempt, return what a person needs to find out what became of it; None once it is settled."""
    if attempt.closed_at is not None:
        return None
    return {
        "executionId": attempt.id,
        "needsOperator": attempt.needs_operator,
        "outcome": str(attempt.outcome),
        "reason": attempt.reason,
        "tokenId": attempt.token_id,
        "marketId": attempt.market_id,
        "shares": number(attempt.shares),
        "orderId": attempt.order_id,
        "sentAt": instant(attempt.created_at),
        "tradesSince": instant(attempt.created_at - _BEFORE_SENDING),
        "heldBefore": number(attempt.baseline.held),
        "tradesBefore": list(attempt.baseline.trade_ids),
        "ordersRestingBefore": list(attempt.baseline.resting_ids),
        "bestBidBefore": number(attempt.baseline.best_bid),
        "ifSold": f"tm job resolve {attempt.job_id} --sold {canonical(attempt.shares)}",
        "ifNotSold": f"tm job resolve {attempt.job_id} --not-sold",
    }


def _get(conn: sqlite3.Connection, job_id: str) -> Job:
    job = jobs.get(conn, job_id)
    if job is None:
        raise NotFound(f"no job {job_id!r}")
    return job


def _open_attempt(conn: sqlite3.Connection, job: Job) -> Attempt | None:
    return next((each for each in attempts.open_ones(conn) if each.job_id == job.id), None)


def _refuse_rules_order(job: Job, hint: str) -> None:
    if job.rule_id is not None and job.job_type is JobType.EXECUTE_TXN:
        raise Conflict(f"job {job.id} is an order of rule {job.rule_id}", code="rule_job", hint=hint)


def _refuse_if_pointless(ctx: Context, conn: sqlite3.Connection, job: Job) -> None:
    """Refuse what could sell again, and what would only fail again."""
    if is_late(conn, job, ctx.clock()):
        raise Conflict(f"the alert of job {job.id} has expired", code="expired", hint="hand in a new alert")
    if job.job_type is JobType.WAKE_AGENT:
        return
    allowed = ctx.settings.allowed_actions
    action = str(job.payload["action"]["type"])
    if action not in allowed:
        raise not_allowed(action, allowed)
    made = attempts.listing(conn, job_id=job.id, limit=1000)
    unsettled = any(each.closed_at is None for each in made)
    sold = job.sold_shares + sum((each.filled_shares or Decimal(0) for each in made), Decimal(0))
    if unsettled or sold > 0:
        raise Conflict(
            f"job {job.id} is not tried again: "
            + ("an order of it is still open" if unsettled else "it has sold shares already"),
            code="may_sell_twice",
            hint="hand in a new alert for what is still to be sold; `tm job show` shows what was",
        )


def _wrong_status(job: Job, hint: str) -> Conflict:
    return Conflict(f"job {job.id} is {job.status}", code="job_status", hint=hint)
