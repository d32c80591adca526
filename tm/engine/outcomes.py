"""What an outcome does: attempt, rule or alert, job, event and wake change in one transaction.

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
from tm.model import (
    OPEN_OUTCOMES,
    AlertStatus,
    Answer,
    Attempt,
    EventType,
    Job,
    JobStatus,
    Outcome,
    Rule,
    RuleStatus,
)
from tm.numbers import canonical, is_dust
from tm.rules.backoff import rearm_delay
from tm.store import alerts, attempts, events, jobs, rules

FIRST_ANSWER = (Outcome.SENT, Outcome.UNKNOWN)


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


def record_answer(
    conn: sqlite3.Connection, settings: Settings, attempt: Attempt, answer: Answer, now: datetime
) -> None:
    """Given the answer to an attempt's POST, record it; where it is final, end the attempt with it."""
    if answer.outcome not in OPEN_OUTCOMES:
        ending = Ending(
            answer.outcome, answer.reason, order_id=answer.order_id, retry_after=answer.retry_after
        )
        end(conn, settings, attempt, ending, now, expected=FIRST_ANSWER, response=answer.raw)
        return
    moved = attempts.move(
        conn,
        attempt.id,
        FIRST_ANSWER,
        outcome=answer.outcome,
        heard=answer.heard,
        order_id=answer.order_id,
        tx_hash=answer.tx_hash,
        avg_price=answer.avg_price,
        reason=answer.reason,
        response=answer.raw,
    )
    if not moved:
        return
    if answer.outcome is Outcome.MATCHED:
        _say_matched(conn, settings, attempt, answer, now)
    elif answer.outcome is Outcome.PENDING_APPROVAL:
        _note(conn, attempt, EventType.ACTION_PENDING_APPROVAL, now, {"reason": answer.reason})
        tell(
            conn,
            settings,
            now,
            "approval_wanted",
            f"A person must approve the sale of {canonical(attempt.shares)} shares of "
            f"{_name(conn, attempt)} (30 minutes): {answer.reason}",
            **_subject(attempt),
        )
    else:
        _note(conn, attempt, EventType.ACTION_UNKNOWN, now, {"reason": answer.reason})


def end(
    conn: sqlite3.Connection,
    settings: Settings,
    attempt: Attempt,
    ending: Ending,
    now: datetime,
    *,
    expected: tuple[Outcome, ...] = tuple(OPEN_OUTCOMES),
    response: dict[str, Any] | None = None,
) -> Outcome | None:
    """Close an attempt and let rule or alert, job, event and wake follow. None: it was closed before."""
    job = jobs.get(conn, attempt.job_id)
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    assert job is not None
    owner: Rule | Job = rule or job
    left = (owner.promised_shares or Decimal(0)) - owner.sold_shares - ending.sold
    price = ending.avg_price or attempt.baseline.best_bid
    outcome = ending.outcome
    if outcome is Outcome.FILLED and not is_dust(left, price):
        outcome = Outcome.PARTIAL
    fields: dict[str, Any] = {
        "outcome": outcome,
        "reason": ending.reason,
        "filled_shares": ending.sold,
        "closed_at": now,
    }
    if response is not None:
        fields["response"] = response
    for name in ("avg_price", "tx_hash", "order_id"):
        if getattr(ending, name) is not None:
            fields[name] = getattr(ending, name)
    if not attempts.move(conn, attempt.id, expected, **fields):
        return None
    if rule is not None:
        _end_for_rule(conn, settings, attempt, rule, job, ending, outcome, now)
    else:
        _end_for_alert(conn, settings, attempt, job, ending, outcome, now)
    return outcome


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


def _end_for_rule(
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
    facts = _facts(attempt, ending)
    name = rule.label or rule.token_id
    said_matched = events.exists(conn, attempt.id, EventType.ACTION_EXECUTED)
    if said_matched and ending.sold < attempt.shares:
        lost = canonical(attempt.shares - ending.sold)
        _note(conn, attempt, EventType.ACTION_FAILED, now, {**facts, "notSold": lost})
        text = f"{lost} shares of {name} were matched but not sold after all: {ending.reason}"
        tell(conn, settings, now, "sale_failed", text, **_subject(attempt))
    if outcome is Outcome.FILLED:
        _end_job(conn, job, JobStatus.SUCCEEDED, now, None)
        tx_hash = ending.tx_hash or rule.trigger_tx_hash
        rules.update(
            conn, rule.id, now, sold_shares=sold, trigger_tx_hash=tx_hash, rearm_count=0, unsold_since=None
        )
        if not said_matched:
            _note(conn, attempt, EventType.ACTION_EXECUTED, now, facts)
            tell(conn, settings, now, "sold", _sold_text(name, rule, ending), **_subject(attempt))
    elif outcome is Outcome.PARTIAL:
        _end_job(conn, job, JobStatus.FAILED, now, f"sold {canonical(ending.sold)} shares, more is wanted")
        _note(conn, attempt, EventType.ACTION_PARTIALLY_EXECUTED, now, facts)
        fresh: dict[str, Any] = {
            "sold_shares": sold,
            "rearm_count": 0,
            "unsold_since": None,
            "trigger_tx_hash": ending.tx_hash,
        }
        rearm(conn, rule, now, "more_wanted", attempt_id=attempt.id, **fresh)
        tell(conn, settings, now, "partly_sold", _sold_text(name, rule, ending), **_subject(attempt))
    elif outcome is Outcome.REJECTED:
        _end_job(conn, job, JobStatus.FAILED, now, ending.reason)
        _note(conn, attempt, EventType.ACTION_FAILED, now, facts)
        rules.swap_status(
            conn, rule.id, RuleStatus.TRIGGERED, RuleStatus.FAILED, now, error_message=ending.reason
        )
        events.add(conn, rule.id, EventType.RULE_FAILED, now, {"reason": ending.reason})
        text = f"The rule on {name} FAILED and protects nothing any more: {ending.reason}"
        tell(conn, settings, now, "rule_failed", text, **_subject(attempt))
    else:
        _end_job(conn, job, JobStatus.FAILED, now, ending.reason)
        count = rule.rearm_count + 1
        extra: dict[str, Any] = {"rearm_count": count}
        if said_matched:
            extra["trigger_tx_hash"] = None
        delay = _delay(attempt, rule, ending)
        rearm(conn, rule, now, ending.reason, delay=delay, attempt_id=attempt.id, **extra)


def _end_for_alert(
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
        waiting_since=job.waiting_since or now,
        **fields,
    )


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
    text = f"What alert {job.alert_id} asked for was not done: {reason}"
    tell(conn, settings, now, "alert_failed", text, alert_id=job.alert_id)


def tell_of_wait(conn: sqlite3.Connection, settings: Settings, job: Job, now: datetime) -> None:
    """Tell, once, that an alert's order has been waiting for 15 minutes."""
    jobs.update(conn, job.id, now, waiting_told=True)
    text = f"What alert {job.alert_id} asked for still waits: {job.last_error or 'no reason recorded'}"
    tell(conn, settings, now, "alert_waits", text, alert_id=job.alert_id)


def _say_matched(
    conn: sqlite3.Connection, settings: Settings, attempt: Attempt, answer: Answer, now: datetime
) -> None:
    """Tell of a match at once, where it keeps the whole promise; a slice is told when it has settled."""
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    if rule is None:
        return
    left = (rule.promised_shares or Decimal(0)) - rule.sold_shares - attempt.shares
    if not is_dust(left, answer.avg_price or attempt.baseline.best_bid):
        return
    ending = Ending(
        Outcome.FILLED, answer.reason, attempt.shares, answer.avg_price, answer.tx_hash, answer.order_id
    )
    rules.update(conn, rule.id, now, trigger_tx_hash=answer.tx_hash)
    _note(conn, attempt, EventType.ACTION_EXECUTED, now, _facts(attempt, ending))
    text = _sold_text(rule.label or rule.token_id, rule, ending)
    tell(conn, settings, now, "sold", text, **_subject(attempt))


def _delay(attempt: Attempt, owner: Rule | Job, ending: Ending) -> float:
    """Seconds until the next try; a longer Retry-After wins."""
    dust = is_dust(attempt.shares, attempt.baseline.best_bid)
    return max(rearm_delay(owner.rearm_count + 1, dust=dust), ending.retry_after or 0)


def _end_job(
    conn: sqlite3.Connection, job: Job, status: JobStatus, now: datetime, error: str | None, **fields: Any
) -> None:
    jobs.swap_status(conn, job.id, JobStatus.RUNNING, status, now, last_error=error, **fields)


def _note(
    conn: sqlite3.Connection, attempt: Attempt, event: EventType, now: datetime, data: dict[str, Any]
) -> None:
    if attempt.rule_id is not None and not events.exists(conn, attempt.id, event):
        events.add(conn, attempt.rule_id, event, now, data, attempt_id=attempt.id)


def _subject(attempt: Attempt) -> dict[str, str | None]:
    return {"rule_id": attempt.rule_id, "alert_id": attempt.alert_id, "attempt_id": attempt.id}


def _with_attempt(data: dict[str, Any], attempt_id: str | None) -> dict[str, Any]:
    return data if attempt_id is None else {**data, "attemptId": attempt_id}


def _facts(attempt: Attempt, ending: Ending) -> dict[str, Any]:
    facts = {
        "shares": attempt.shares,
        "sold": ending.sold,
        "avgPrice": ending.avg_price,
        "txHash": ending.tx_hash,
        "orderId": ending.order_id or attempt.order_id,
        "reason": ending.reason,
    }
    return {**facts, "matchedBySize": True} if ending.by_size else facts


def _name(conn: sqlite3.Connection, attempt: Attempt) -> str:
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    return (rule.label if rule else None) or attempt.token_id


def _sold_text(name: str, rule: Rule, ending: Ending) -> str:
    price = f" at {canonical(ending.avg_price.quantize(Decimal('0.0001')))}" if ending.avg_price else ""
    kind = rule.rule_type.replace("_", " ").lower()
    trigger = f" {canonical(rule.trigger_price)}" if rule.trigger_price is not None else ""
    how = " (matched by size)" if ending.by_size else ""
    return f"Sold {canonical(ending.sold)} shares of {name}{price}: {kind}{trigger}{how}"
