"""harness_jobs: what is to be done about what happened."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.model import Job, JobStatus, JobType
from tm.store import codec
from tm.times import parse_iso

TABLE = "harness_jobs"


def insert(conn: sqlite3.Connection, job: Job) -> None:
    codec.insert(
        conn,
        TABLE,
        {
            "id": job.id,
            "alert_id": job.alert_id,
            "rule_id": job.rule_id,
            "job_type": job.job_type,
            "status": job.status,
            "attempts": job.attempts,
            "max_attempts": job.max_attempts,
            "run_at": job.run_at,
            "subjects": job.subjects,
            "payload": job.payload,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
        },
    )


def get(conn: sqlite3.Connection, job_id: str) -> Job | None:
    row = conn.execute("SELECT * FROM harness_jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else from_row(row)


def listing(
    conn: sqlite3.Connection, status: JobStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[Job]:
    """Jobs, newest first."""
    where, values = ("WHERE status = ?", [str(status)]) if status else ("", [])
    rows = conn.execute(
        f"SELECT * FROM harness_jobs {where} ORDER BY seq DESC LIMIT ? OFFSET ?", [*values, limit, offset]
    )
    return [from_row(row) for row in rows]


def of_alert(conn: sqlite3.Connection, alert_id: str) -> list[Job]:
    rows = conn.execute("SELECT * FROM harness_jobs WHERE alert_id = ? ORDER BY seq DESC", (alert_id,))
    return [from_row(row) for row in rows]


def counts(conn: sqlite3.Connection) -> dict[str, int]:
    """How many jobs are in each status; every status is named."""
    found = {str(status): 0 for status in JobStatus}
    found.update(conn.execute("SELECT status, count(*) FROM harness_jobs GROUP BY status").fetchall())
    return found


def pending(conn: sqlite3.Connection) -> list[Job]:
    """Jobs that wait: never tried first, then by when they are due, then by age."""
    rows = conn.execute(
        "SELECT * FROM harness_jobs WHERE status = 'PENDING' "
        "ORDER BY last_attempt_at IS NOT NULL, run_at, seq"
    )
    return [from_row(row) for row in rows]


def untried_wake(conn: sqlite3.Connection) -> Job | None:
    """The wake that tells of outcomes and waits for its first try; not one that an alert asked for."""
    row = conn.execute(
        "SELECT * FROM harness_jobs WHERE job_type = 'WAKE_AGENT' AND status = 'PENDING' "
        "AND last_attempt_at IS NULL AND alert_id IS NULL ORDER BY seq LIMIT 1"
    ).fetchone()
    return None if row is None else from_row(row)


def running(conn: sqlite3.Connection) -> list[Job]:
    rows = conn.execute("SELECT * FROM harness_jobs WHERE status = 'RUNNING' ORDER BY seq")
    return [from_row(row) for row in rows]


def swap_status(
    conn: sqlite3.Connection, job_id: str, old: JobStatus, new: JobStatus, now: datetime, **fields: Any
) -> bool:
    """Compare-and-swap; False when the job was not `old`."""
    changed = codec.update(
        conn, TABLE, {**fields, "status": new, "updated_at": now}, "id = ? AND status = ?", job_id, str(old)
    )
    return changed == 1


def update(conn: sqlite3.Connection, job_id: str, now: datetime, **fields: Any) -> bool:
    return codec.update(conn, TABLE, {**fields, "updated_at": now}, "id = ?", job_id) == 1


def from_row(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        alert_id=row["alert_id"],
        rule_id=row["rule_id"],
        job_type=JobType(row["job_type"]),
        status=JobStatus(row["status"]),
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        run_at=parse_iso(row["run_at"]),
        last_error=row["last_error"],
        last_attempt_at=codec.instant(row["last_attempt_at"]),
        subjects=json.loads(row["subjects"]),
        payload=json.loads(row["payload"]),
        promised_shares=codec.decimal(row["promised_shares"]),
        sold_shares=Decimal(row["sold_shares"]),
        rearm_count=row["rearm_count"],
        waiting_since=codec.instant(row["waiting_since"]),
        waiting_told=bool(row["waiting_told"]),
        cancel_requested=bool(row["cancel_requested"]),
        created_at=parse_iso(row["created_at"]),
        updated_at=parse_iso(row["updated_at"]),
    )
