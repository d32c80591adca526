"""From an alert to its job. Called inside the transaction that records the alert."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from tm.config import Settings
from tm.engine.tell import wake_job
from tm.ids import new_id
from tm.logs import log
from tm.model import Alert, AlertMode, AlertStatus, Job, JobStatus, JobType
from tm.store import alerts, jobs


def route(conn: sqlite3.Connection, settings: Settings, alert: Alert, now: datetime) -> AlertStatus:
    """Given a RECEIVED alert, make it QUEUED with its job, or IGNORED; return which.

    One whose payload is no order is FAILED.
    """
    if alert.mode is AlertMode.IGNORE:
        alerts.swap_status(conn, alert.id, AlertStatus.RECEIVED, AlertStatus.IGNORED, now)
        return AlertStatus.IGNORED
    if alert.mode is AlertMode.WAKE_AGENT:
        job = wake_job(now, settings, subjects=[], rule_id=None, alert_id=alert.id)
    else:
        try:
            job = _order_job(alert, settings, now)
        except (KeyError, TypeError):  # not by this program's ingest; it must not stop every tick
            alerts.swap_status(conn, alert.id, AlertStatus.RECEIVED, AlertStatus.FAILED, now)
            log("alert_unusable", level="warning", alertId=alert.id, reason="its payload orders nothing")
            return AlertStatus.FAILED
    jobs.insert(conn, job)
    alerts.swap_status(conn, alert.id, AlertStatus.RECEIVED, AlertStatus.QUEUED, now)
    return AlertStatus.QUEUED


def is_late(conn: sqlite3.Connection, job: Job, now: datetime) -> bool:
    """Say whether the alert that asked for a job has passed its `expiresAt`."""
    alert = None if job.alert_id is None else alerts.get(conn, job.alert_id)
    return alert is not None and alert.expires_at is not None and alert.expires_at <= now


def _order_job(alert: Alert, settings: Settings, now: datetime) -> Job:
    return Job(
        id=new_id(),
        job_type=JobType.EXECUTE_TXN,
        status=JobStatus.PENDING,
        attempts=0,
        max_attempts=settings.max_job_attempts,
        run_at=now,
        created_at=now,
        updated_at=now,
        alert_id=alert.id,
        payload={
            "marketId": alert.payload["marketId"],
            "tokenId": alert.payload["tokenId"],
            "action": {**alert.payload["action"]},
        },
    )
