"""The drain: due jobs, one at a time. Orders first, then the wakes that tell of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta

from tm.engine import consequences, orders, reconcile, routing, triggers
from tm.engine.baseline import Facts
from tm.engine.context import DRAIN_SECONDS, Engine
from tm.errors import TradeManagerError
from tm.logs import log
from tm.model import Job, JobStatus, JobType
from tm.rules.backoff import MAX_JOB_SECONDS, MAX_REARM_SECONDS, is_due
from tm.store import alerts, attempts, jobs, state

WAITS_LONG = timedelta(minutes=15)
GIVES_UP = timedelta(days=1)  # what was asked for yesterday must not be done by surprise


def adopt_orphans(engine: Engine) -> None:
    """Under the tick's lock whatever is RUNNING has lost its process: put each job where it can go on.

    An order that may have left is looked for. A rule's job that never got to an order is ended and its
    rule is ACTIVE again; an alert's order and a wake are PENDING again.
    """
    conn = engine.store.conn
    with_attempt = {attempt.job_id: attempt for attempt in attempts.open_ones(conn)}
    left_over = [job for job in jobs.pending(conn) if job.rule_id and job.job_type is JobType.EXECUTE_TXN]
    for job in [*jobs.running(conn), *left_over]:
        attempt = with_attempt.get(job.id)
        if attempt is not None:
            if attempt.outcome == "sent":
                with engine.store.write("orphan.unknown") as tx:
                    reconcile.forget_nothing(tx, attempt)
        elif job.rule_id is not None and job.job_type is JobType.EXECUTE_TXN:
            triggers.put_back(engine, job, "interrupted before an order was sent")
        else:
            now = engine.clock()
            with engine.store.write("orphan.pending") as tx:
                jobs.swap_status(tx, job.id, JobStatus.RUNNING, JobStatus.PENDING, now)


def drain(engine: Engine, facts: Callable[[], Facts | None]) -> None:
    """Run due jobs until none is due within `jobPollIntervalSeconds`, or 10 s are gone.

    `facts`: what orders need to know (holdings, quotes); None where Vincent must not or cannot be asked.
    """
    started = engine.monotonic()
    seen: set[str] = set()
    while engine.monotonic() - started < DRAIN_SECONDS:
        job, pause = _next(engine, seen)
        if job is None:
            break
        if pause > 0:
            engine.sleep(pause)
            continue
        seen.add(job.id)
        try:
            if job.job_type is JobType.WAKE_AGENT:
                from tm.engine import wakes  # most ticks have nothing to tell

                wakes.deliver(engine, job)
            else:
                _run_order(engine, job, facts)
        except (TradeManagerError, sqlite3.Error):
            raise
        except Exception as error:
            # One broken job must not hold up the others. What it may have sent is looked for next time.
            fault = TradeManagerError(f"job {job.id} could not be run: {error!r}", code="job_fault")
            engine.report.problem(fault, jobId=job.id)


def _next(engine: Engine, seen: set[str]) -> tuple[Job | None, float]:
    """The next job of this drain, and for how many seconds to wait for it."""
    now = engine.clock()
    waiting = [job for job in jobs.pending(engine.store.conn) if job.id not in seen]
    waiting.sort(key=lambda job: job.job_type is JobType.WAKE_AGENT)
    for job in waiting:
        is_order = job.job_type is JobType.EXECUTE_TXN
        longest = MAX_REARM_SECONDS if is_order else MAX_JOB_SECONDS
        # What was put off under a clock that since went back is due.
        if job.updated_at > now or is_due(job.run_at, now, longest):
            return job, 0
    soon = min(waiting, key=lambda job: job.run_at, default=None)
    if soon is None:
        return None, 0
    pause = (soon.run_at - now).total_seconds()
    return (soon, pause) if pause <= engine.settings.job_poll_interval_seconds else (None, 0)


def _run_order(engine: Engine, job: Job, facts: Callable[[], Facts | None]) -> None:
    """Claim an order job and send it, where an order may leave now; else leave it as it is."""
    conn = engine.store.conn
    if job.alert_id is not None and not _may_start(engine, job):
        return
    if state.paused(conn) is not None:
        _let_wait(engine, job, "paused")
        return
    if job.payload["tokenId"] in attempts.open_tokens(conn):
        _let_wait(engine, job, "another order of this token is open")
        return
    known = facts()
    if known is None:
        _let_wait(engine, job, "Vincent cannot be asked now")
        return
    now = engine.clock()
    with engine.store.write("job.claim") as tx:
        claimed = jobs.swap_status(tx, job.id, JobStatus.PENDING, JobStatus.RUNNING, now, last_attempt_at=now)
    if claimed:
        orders.send(engine, job, known)


def _let_wait(engine: Engine, job: Job, reason: str) -> None:
    """An order that cannot leave now: a rule's is given back to its rule, an alert's says why it waits."""
    if job.rule_id is not None:
        triggers.put_back(engine, job, reason)
        return
    now = engine.clock()
    since = consequences.waits_since(job, now)
    if since != job.waiting_since or job.last_error != reason:
        fields = {"last_error": reason, "waiting_since": since}
        with engine.store.write("job.waits") as conn:
            jobs.swap_status(conn, job.id, JobStatus.PENDING, JobStatus.PENDING, now, **fields)


def _may_start(engine: Engine, job: Job) -> bool:
    """End an alert's order job that came too late or was canceled; tell of one that waits for long."""
    assert job.alert_id is not None
    now = engine.clock()
    end = "canceled by the user" if job.cancel_requested else None
    if routing.is_late(engine.store.conn, job, now):
        end = "expired"
    if job.waiting_since is not None and now - job.waiting_since >= GIVES_UP:
        end = f"not possible for a day: {job.last_error}"
    if end is not None:
        with engine.store.write("alert.end") as conn:
            consequences.fail_alert_job(conn, engine.settings, job, end, now)
        log("alert_ended", level="notice", alertId=job.alert_id, jobId=job.id, reason=end)
        return False
    waits_long = job.waiting_since is not None and now - job.waiting_since >= WAITS_LONG
    if waits_long and not job.waiting_told:
        with engine.store.write("alert.waits_long") as conn:
            consequences.tell_of_wait(conn, engine.settings, job, now)
    return True


def route_received(engine: Engine) -> None:
    """Give each RECEIVED alert that was left over its job. (Ingest commits both together.)"""
    left_over = alerts.received(engine.store.conn)
    if not left_over:
        return
    with engine.store.write("alerts.route") as conn:
        for alert in left_over:
            routing.route(conn, engine.settings, alert, engine.clock())
