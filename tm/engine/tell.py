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
    if not settings.notify_agent or settings.agent_wake_url is None:
        return
    subject: dict[str, Any] = {"event": what, "text": text}
    for name, value in (("ruleId", rule_id), ("alertId", alert_id), ("attemptId", attempt_id)):
        if value is not None:
            subject[name] = value
    waiting = jobs.untried_wake(conn)
    if waiting is None:
        jobs.insert(conn, wake_job(now, settings, subjects=[subject], rule_id=rule_id, alert_id=None))
        return
    subjects = [*waiting.subjects, subject]
    same_rule = {entry.get("ruleId") for entry in subjects} == {rule_id}
    jobs.update(conn, waiting.id, now, subjects=subjects, rule_id=rule_id if same_rule and rule_id else None)


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
