"""alert_events: what was handed in, once for ever per source and key."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from tm.model import Alert, AlertMode, AlertStatus
from tm.store import codec
from tm.times import iso, parse_iso

TABLE = "alert_events"
PRUNED = {"pruned": True}


def insert(conn: sqlite3.Connection, alert: Alert) -> None:
    codec.insert(
        conn,
        TABLE,
        {
            "id": alert.id,
            "source": alert.source,
            "alert_type": alert.alert_type,
            "mode": alert.mode,
            "idempotency_key": alert.idempotency_key,
            "fingerprint": alert.fingerprint,
            "payload": codec.to_json(alert.payload),
            "expires_at": alert.expires_at,
            "status": alert.status,
            "created_at": alert.created_at,
            "updated_at": alert.updated_at,
        },
    )


def get(conn: sqlite3.Connection, alert_id: str) -> Alert | None:
    row = conn.execute("SELECT * FROM alert_events WHERE id = ?", (alert_id,)).fetchone()
    return None if row is None else from_row(row)


def by_key(conn: sqlite3.Connection, source: str, key: str) -> Alert | None:
    row = conn.execute(
        "SELECT * FROM alert_events WHERE source = ? AND idempotency_key = ?", (source, key)
    ).fetchone()
    return None if row is None else from_row(row)


def listing(
    conn: sqlite3.Connection, status: AlertStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[Alert]:
    """Alerts, newest first."""
    where, values = ("WHERE status = ?", [str(status)]) if status else ("", [])
    rows = conn.execute(
        f"SELECT * FROM alert_events {where} ORDER BY seq DESC LIMIT ? OFFSET ?", [*values, limit, offset]
    )
    return [from_row(row) for row in rows]


def received(conn: sqlite3.Connection) -> list[Alert]:
    """Alerts that wait to be routed, oldest first."""
    rows = conn.execute("SELECT * FROM alert_events WHERE status = 'RECEIVED' ORDER BY seq")
    return [from_row(row) for row in rows]


def swap_status(
    conn: sqlite3.Connection, alert_id: str, old: AlertStatus, new: AlertStatus, now: datetime
) -> bool:
    """Compare-and-swap; False when the alert was not `old`."""
    changed = codec.update(
        conn, TABLE, {"status": new, "updated_at": now}, "id = ? AND status = ?", alert_id, str(old)
    )
    return changed == 1


def older_than(conn: sqlite3.Connection, before: datetime, after_seq: int) -> bool:
    """Say whether the first alert above `after_seq` is older than that."""
    row = conn.execute(
        "SELECT created_at FROM alert_events WHERE seq > ? ORDER BY seq LIMIT 1", (after_seq,)
    ).fetchone()
    return row is not None and row["created_at"] < iso(before)


def prune(conn: sqlite3.Connection, before: datetime, after_seq: int, at_most: int) -> int | None:
    """Given an instant, empty the bodies of older alerts that have ended; their keys stay for ever.

    Looks at no more than `at_most` alerts above `after_seq`, and returns the highest one that it looked
    at, None where there was none that old.
    """
    rows = conn.execute(
        "SELECT seq FROM alert_events WHERE seq > ? AND created_at < ? ORDER BY seq LIMIT ?",
        (after_seq, iso(before), at_most),
    ).fetchall()
    if not rows:
        return None
    last = int(rows[-1]["seq"])
    codec.update(
        conn,
        TABLE,
        {"payload": codec.to_json(PRUNED)},
        "seq > ? AND seq <= ? AND created_at < ? AND status IN ('PROCESSED', 'FAILED', 'IGNORED')",
        after_seq,
        last,
        iso(before),
    )
    return last


def from_row(row: sqlite3.Row) -> Alert:
    return Alert(
        id=row["id"],
        source=row["source"],
        alert_type=row["alert_type"],
        mode=AlertMode(row["mode"]),
        idempotency_key=row["idempotency_key"],
        fingerprint=row["fingerprint"],
        payload=json.loads(row["payload"]),
        expires_at=codec.instant(row["expires_at"]),
        status=AlertStatus(row["status"]),
        created_at=parse_iso(row["created_at"]),
        updated_at=parse_iso(row["updated_at"]),
    )
