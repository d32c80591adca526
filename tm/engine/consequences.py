"""What follows from how an attempt ended: for the rule or the alert, its job, its events, and the agent.

Every function here is called inside a transaction (`conn`) and commits nothing itself.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tm.config import Settings
from tm.engine.tell import tell
from tm.model import AlertStatus, Attempt, EventType, Job, JobStatus, Outcome, Rule, RuleStatus
from tm.numbers import canonical, is_dust
from tm.rules.backoff import MAX_REARM_SECONDS, rearm_delay
from tm.store import alerts, events, jobs, rules


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended. `sold` in shares, `avg_price` in USD per share."""

    outcome: Outcome  # filled (whole or in part), not_filled, rejected or not_sent
    reason: str
    sold: Decimal = Decimal(0)
    avg_price: Decimal | None = None
    tx_hash: str | None = None
    order_id: str | None = None
    retry_after: float | None = None
    by_size: bool = False


def end_for_rule(
    conn: sqlite3.Connection,
    settings: Settings,
    attempt: Attempt,
    rule: Rule,
    job: Job,
    ending: Ending,
    outcome: Outcome,
    now: datetime,
) -> None:
    sold = rule.sold_shares + ending.sold
    data = facts(attempt, ending)
    name = rule.label or rule.token_id
    said_matched = events.exists(conn, attempt.id, EventType.ACTION_EXECUTED)
    if said_matched and ending.sold < attempt.shares:
        lost = canonical(attempt.shares - ending.sold)
        note(conn, attempt, EventType.ACTION_FAILED, now, {**data, "notSold": lost})
        text = f"{lost} shares of {name} were matched but not sold after all: {ending.reason}"
        tell(conn, settings, now, "sale_failed", text, **subject(attempt))
    if outcome is Outcome.FILLED:
        _end_job(conn, job, JobStatus.SUCCEEDED, now, None)
        tx_hash = ending.tx_hash or rule.trigger_tx_hash
        rules.update(
            conn,
            rule.id,
            now,
            sold_shares=sold,
            trigger_tx_hash=tx_hash,
            rearm_count=0,
            unsold_since=None,
            unsold_told=False,
        )
        if not said_matched:
            note(conn, attempt, EventType.ACTION_EXECUTED, now, data)
            tell(conn, settings, now, "sold", sold_text(name, rule, ending), **subject(attempt))
    elif outcome is Outcome.PARTIAL:
        _end_job(conn, job, JobStatus.FAILED, now, f"sold {canonical(ending.sold)} shares, more is wanted")
        note(conn, attempt, EventType.ACTION_PARTIALLY_EXECUTED, now, data)
        fresh: dict[str, Any] = {
            "sold_shares": sold,
            "rearm_count": 0,
            "unsold_since": None,
            "unsold_told": False,
            "trigger_tx_hash": ending.tx_hash,
        }
        rearm(conn, rule, now, "more_wanted", attempt_id=attempt.id, **fresh)
        tell(conn, settings, now, "partly_sold", sold_text(name, rule, ending), **subject(attempt))
    elif outcome is Outcome.REJECTED:
        _end_job(conn, job, JobStatus.FAILED, now, ending.reason)
        note(conn, attempt, EventType.ACTION_FAILED, now, data)
        rules.swap_status(
            conn, rule.id, RuleStatus.TRIGGERED, RuleStatus.FAILED, now, error_message=ending.reason
        )
        events.add(conn, rule.id, EventType.RULE_FAILED, now, {"reason": ending.reason})
        text = f"The rule on {name} FAILED and protects nothing any more: {ending.reason}"
        tell(conn, settings, now, "rule_failed", text, **subject(attempt))
    else:
        _end_job(conn, job, JobStatus.FAILED, now, ending.reason)
        count = rule.rearm_count + 1
        extra: dict[str, Any] = {"rearm_count": count}
        if said_matched:
            extra["trigger_tx_hash"] = None
        delay = _delay(attempt, rule, ending)
        rearm(conn, rule, now, ending.reason, delay=delay, attempt_id=attempt.id, **extra)


def end_for_alert(
    conn: sqlite3.Connection,
    settings: Settings,
    attempt: Attempt,
    job: Job,
    ending: Ending,
    outcome: Outcome,
    now: datetime,
) -> None:
    sold = job.sold_shares + ending.sold
    assert attempt.alert_id is not None
    if outcome is Outcome.FILLED:
        _end_job(conn, job, JobStatus.SUCCEEDED, now, None, sold_shares=sold)
        alerts.swap_status(conn, attempt.alert_id, AlertStatus.QUEUED, AlertStatus.PROCESSED, now)
    elif outcome is Outcome.REJECTED or job.cancel_requested:
        reason = ending.reason if outcome is Outcome.REJECTED else "canceled while its order was out"
        fail_alert_job(conn, settings, job, reason, now, sold_shares=sold)
    elif outcome is Outcome.PARTIAL:
        wait(conn, job, f"sold {canonical(ending.sold)} shares, more is wanted", now, 0, sold_shares=sold)
    else:
        wait(conn, job, ending.reason, now, _delay(attempt, job, ending), rearm_count=job.rearm_count + 1)


def rearm(
    conn: sqlite3.Connection,
    rule: Rule,
    now: datetime,
    reason: str,
    *,
    delay: float = 0,
    attempt_id: str | None = None,
    **fields: Any,
) -> None:
    """Make a TRIGGERED rule ACTIVE again (or CANCELED, where that was asked while its order was out)."""
    fields = {"triggered_at": None, "confirm_count": 0, "cancel_requested": False, **fields}
    if rule.cancel_requested:
        if rules.swap_status(conn, rule.id, RuleStatus.TRIGGERED, RuleStatus.CANCELED, now, **fields):
            data = {"reason": "asked_while_an_order_was_out", "after": reason}
            events.add(conn, rule.id, EventType.RULE_CANCELED, now, _with_attempt(data, attempt_id))
        return
    fields["not_before"] = now + timedelta(seconds=delay) if delay else None
    if rules.swap_status(conn, rule.id, RuleStatus.TRIGGERED, RuleStatus.ACTIVE, now, **fields):
        waits = {"reason": reason, "delaySeconds": delay}
        events.add(conn, rule.id, EventType.RULE_REARMED, now, _with_attempt(waits, attempt_id))


def wait(conn: sqlite3.Connection, job: Job, reason: str, now: datetime, delay: float, **fields: Any) -> None:
    """Let an alert's job wait: it burns no attempt, and after 15 minutes of it the agent is told."""
    jobs.swap_status(
        conn,
        job.id,
        JobStatus.RUNNING,
        JobStatus.PENDING,
        now,
        run_at=now + timedelta(seconds=delay),
        last_error=reason,
        waiting_since=waits_since(job, now),
        **fields,
    )


def waits_since(job: Job, now: datetime) -> datetime:
    """Since when a job waits: from now on, where it did not, or the clock went back meanwhile."""
    return now if job.waiting_since is None or job.waiting_since > now else job.waiting_since


def fail_alert_job(
    conn: sqlite3.Connection, settings: Settings, job: Job, reason: str, now: datetime, **fields: Any
) -> None:
    """End an alert's job, RUNNING or PENDING, as FAILED with its alert, and tell the agent why."""
    ended = any(
        jobs.swap_status(conn, job.id, status, JobStatus.FAILED, now, last_error=reason, **fields)
        for status in (JobStatus.RUNNING, JobStatus.PENDING)
    )
    if not ended or job.alert_id is None:
        return
    alerts.swap_status(conn, job.alert_id, AlertStatus.QUEUED, AlertStatus.FAILED, now)
    sold = fields.get("sold_shares", job.sold_shares)
    done = f"was done in part ({canonical(sold)} shares sold)" if sold > 0 else "was not done"
    text = f"What alert {job.alert_id} asked for {done}: {reason}"
    tell(conn, settings, now, "alert_failed", text, alert_id=job.alert_id)


def tell_of_wait(conn: sqlite3.Connection, settings: Settings, job: Job, now: datetime) -> None:
    """Tell, once, that an alert's order has been waiting for 15 minutes."""
    jobs.update(conn, job.id, now, waiting_told=True)
    text = f"What alert {job.alert_id} asked for still waits: {job.last_error or 'no reason recorded'}"
    tell(conn, settings, now, "alert_waits", text, alert_id=job.alert_id)


def note(
    conn: sqlite3.Connection, attempt: Attempt, event: EventType, now: datetime, data: dict[str, Any]
) -> None:
    if attempt.rule_id is not None and not events.exists(conn, attempt.id, event):
        events.add(conn, attempt.rule_id, event, now, data, attempt_id=attempt.id)


def subject(attempt: Attempt) -> dict[str, str | None]:
    return {"rule_id": attempt.rule_id, "alert_id": attempt.alert_id, "attempt_id": attempt.id}


def facts(attempt: Attempt, ending: Ending) -> dict[str, Any]:
    found = {
        "shares": attempt.shares,
        "sold": ending.sold,
        "avgPrice": ending.avg_price,
        "txHash": ending.tx_hash,
        "orderId": ending.order_id or attempt.order_id,
        "reason": ending.reason,
    }
    return {**found, "matchedBySize": True} if ending.by_size else found


def sold_text(name: str, rule: Rule, ending: Ending) -> str:
    price = f" at {canonical(ending.avg_price.quantize(Decimal('0.0001')))}" if ending.avg_price else ""
    kind = rule.rule_type.replace("_", " ").lower()
    trigger = f" {canonical(rule.trigger_price)}" if rule.trigger_price is not None else ""
    how = " (matched by size)" if ending.by_size else ""
    return f"Sold {canonical(ending.sold)} shares of {name}{price}: {kind}{trigger}{how}"


def _delay(attempt: Attempt, owner: Rule | Job, ending: Ending) -> float:
    """Seconds until the next try; a longer Retry-After wins."""
    dust = is_dust(attempt.shares, attempt.baseline.best_bid)
    asked = min(ending.retry_after or 0, MAX_REARM_SECONDS)  # a longer wait would be taken for a wrong clock
    return max(rearm_delay(owner.rearm_count + 1, dust=dust), asked)


def _end_job(
    conn: sqlite3.Connection, job: Job, status: JobStatus, now: datetime, error: str | None, **fields: Any
) -> None:
    jobs.swap_status(conn, job.id, JobStatus.RUNNING, status, now, last_error=error, **fields)


def _with_attempt(data: dict[str, Any], attempt_id: str | None) -> dict[str, Any]:
    return data if attempt_id is None else {**data, "attemptId": attempt_id}
