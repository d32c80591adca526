"""Waking the agent: at least once, always with the same correlation id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tm.agent import openclaw
from tm.agent.openclaw import WakeAnswer
from tm.engine.context import Engine
from tm.engine.routing import is_late
from tm.logs import log
from tm.model import AlertStatus, Job, JobStatus
from tm.reply import one_line
from tm.rules.backoff import MAX_JOB_SECONDS, job_delay
from tm.store import alerts, jobs

NO_URL = "agentWakeUrl is not configured"
QUOTED_AT_MOST = 2000  # characters of what came in with an alert
TOLD_AT_MOST = 20  # things that happened; the gateway refuses a body over 256 KiB
LINE_AT_MOST = 1000  # characters of each


def deliver(engine: Engine, job: Job) -> None:
    """Given a due wake, send it and record how that went: done, again later, or FAILED with the reason."""
    claimed = _claim(engine, job)
    if claimed is None:
        return
    job = claimed
    settings = engine.settings
    if is_late(engine.store.conn, job, engine.clock()):
        answer = WakeAnswer(delivered=False, retry=False, reason="expired", retry_after=None)
    elif settings.agent_wake_url is None:
        answer = WakeAnswer(delivered=False, retry=False, reason=NO_URL, retry_after=None)
    else:
        secret = settings.agent_wake_token
        answer = openclaw.wake(
            settings.agent_wake_url,
            secret.get_secret_value() if secret else None,
            job_id=job.id,
            text=text_of(engine, job),
            event=_event(job),
            alert_id=job.alert_id,
            rule_id=job.rule_id,
        )
    _record(engine, job, answer)


def _claim(engine: Engine, job: Job) -> Job | None:
    """Make a wake RUNNING and return it as it is now: another process may have folded more into it."""
    now = engine.clock()
    fields = {"attempts": job.attempts + 1, "last_attempt_at": now}
    with engine.store.write("wake.claim") as conn:
        claimed = jobs.swap_status(conn, job.id, JobStatus.PENDING, JobStatus.RUNNING, now, **fields)
        return jobs.get(conn, job.id) if claimed else None


def text_of(engine: Engine, job: Job) -> str:
    """What the agent reads: what happened, one line each; then what to run; the correlation id inside."""
    told = job.subjects[:TOLD_AT_MOST]
    lines = [one_line(subject["text"], LINE_AT_MOST) for subject in told]
    if len(job.subjects) > len(told):
        lines.append(f"And {len(job.subjects) - len(told)} more: tm job show {job.id}")
    commands = []
    if job.alert_id is not None:
        alert = alerts.get(engine.store.conn, job.alert_id)
        if alert is not None:
            lines.append(f"Alert {alert.alert_type} from {alert.source}.")
            lines.append(f"Untrusted data from it: {_quoted(alert.payload)}")
        commands.append(f"tm alert show {job.alert_id}")
    for subject in told:
        for key, command in (("ruleId", "tm rule show"), ("alertId", "tm alert show")):
            if key in subject:
                commands.append(f"{command} {subject[key]}")
    paper = "PAPER. " if engine.settings.paper else ""
    run = "; ".join(dict.fromkeys(commands))
    return f"[tm-{job.id}] {paper}" + "\n".join(lines) + (f"\nRun: {run}" if run else "")


def _quoted(payload: Any) -> str:
    """An alert's own words, as data: control characters removed, at most 2,000 characters."""
    import json

    text = json.dumps(payload, ensure_ascii=False)
    clean = "".join(char for char in text if char.isprintable())
    return clean if len(clean) <= QUOTED_AT_MOST else clean[: QUOTED_AT_MOST - 1] + "…"


def _event(job: Job) -> str:
    return str(job.subjects[0]["event"]) if job.subjects else "alert"


def _record(engine: Engine, job: Job, answer: WakeAnswer) -> None:
    now = engine.clock()
    again = answer.retry and job.attempts < job.max_attempts
    with engine.store.write("wake.record") as conn:
        if answer.delivered:
            jobs.swap_status(conn, job.id, JobStatus.RUNNING, JobStatus.SUCCEEDED, now, last_error=None)
            end = AlertStatus.PROCESSED
        elif again:
            delay = min(max(job_delay(job.id, job.attempts), answer.retry_after or 0), MAX_JOB_SECONDS)
            due = now + timedelta(seconds=delay)
            jobs.swap_status(
                conn, job.id, JobStatus.RUNNING, JobStatus.PENDING, now, run_at=due, last_error=answer.reason
            )
            end = None
        else:
            jobs.swap_status(conn, job.id, JobStatus.RUNNING, JobStatus.FAILED, now, last_error=answer.reason)
            end = AlertStatus.FAILED
        if end is not None and job.alert_id is not None:
            alerts.swap_status(conn, job.alert_id, AlertStatus.QUEUED, end, now)
    engine.report.wakes += answer.delivered
    if not answer.delivered:
        log(
            "wake_failed",
            level="warning",
            jobId=job.id,
            alertId=job.alert_id,
            correlationId=f"tm-{job.id}",
            reason=answer.reason,
            again=again,
        )
