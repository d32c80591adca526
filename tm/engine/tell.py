"""Telling the agent: subjects of one tick are folded into one wake, written with what they tell of."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from tm.config import Settings
from tm.ids import new_id
from tm.model import Job, JobStatus, JobType
from tm.store import jobs


def tell(
    conn: sqlite3.Connection,
    settings: Settings,
    now: datetime,
    what: str,
    text: str,
    *,
    rule_id: str | None = None,
    alert_id: str | None = None,
    attempt_id: str | None = None,
) -> None:
    """Given what happened in a word and in a line, see that the agent is woken with it.

    Must be called inside the transaction that records the thing. Without `agentWakeUrl`, or with
    `notifyAgent` off, nobody is told.
    """
    subject: dict[str, Any] = {"event": what, "text": text}
    for name, value in (("ruleId", rule_id), ("alertId", alert_id), ("attemptId", attempt_id)):
        if value is not None:
            subject[name] = value
    tell_all(conn, settings, now, [subject])


def tell_all(
    conn: sqlite3.Connection, settings: Settings, now: datetime, subjects: list[dict[str, Any]]
) -> None:
    """Given subjects ({"event", "text", "ruleId"?}), fold them into the wake that waits, or a new one."""
    if not subjects or not settings.notify_agent or settings.agent_wake_url is None:
        return
    waiting = jobs.untried_wake(conn)
    told = [*(waiting.subjects if waiting else []), *subjects]
    rules = {subject.get("ruleId") for subject in told}
    rule_id = rules.pop() if len(rules) == 1 else None
    if waiting is None:
        jobs.insert(conn, wake_job(now, settings, subjects=told, rule_id=rule_id, alert_id=None))
    else:
        jobs.update(conn, waiting.id, now, subjects=told, rule_id=rule_id)


def wake_job(
    now: datetime,
    settings: Settings,
    *,
    subjects: list[dict[str, Any]],
    rule_id: str | None,
    alert_id: str | None,
    payload: dict[str, Any] | None = None,
) -> Job:
    return Job(
        id=new_id(),
        job_type=JobType.WAKE_AGENT,
        status=JobStatus.PENDING,
        attempts=0,
        max_attempts=settings.max_job_attempts,
        run_at=now,
        created_at=now,
        updated_at=now,
        rule_id=rule_id,
        alert_id=alert_id,
        subjects=subjects,
        payload=payload or {},
    )
