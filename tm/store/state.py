"""config: small facts that outlive a tick (each tick is a new process), one row a key."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.rules.breaker import Breaker
from tm.store import codec

PAUSED = "paused"
LAST_SYNC = "lastSyncTime"
BREAKER = "breaker"
BREAKER_TOLD = "breakerTold"
READS_NOT_BEFORE = "readsNotBefore"
BUCKET = "requestBucket"
MACHINE_ID = "machineId"


def get(conn: sqlite3.Connection, key: str) -> Any:
    """The fact under a key, or None."""
    row = conn.execute("SELECT value FROM config WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row["value"])


def put(conn: sqlite3.Connection, key: str, value: Any) -> None:
    conn.execute(
        "INSERT INTO config (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, codec.to_json(value)),
    )


def drop(conn: sqlite3.Connection, key: str) -> None:
    conn.execute("DELETE FROM config WHERE key = ?", (key,))


def instant(conn: sqlite3.Connection, key: str) -> datetime | None:
    return codec.instant(get(conn, key))


def paused(conn: sqlite3.Connection) -> dict[str, Any] | None:
    """{"since", "reason", "restored"} while paused, else None."""
    value = get(conn, PAUSED)
    return value if isinstance(value, dict) else None


def breaker(conn: sqlite3.Connection) -> Breaker:
    value = get(conn, BREAKER) or {}
    return Breaker(failures=value.get("failures", 0), open_until=codec.instant(value.get("openUntil")))


def put_breaker(conn: sqlite3.Connection, value: Breaker) -> None:
    put(conn, BREAKER, {"failures": value.failures, "openUntil": value.open_until})


def bucket(conn: sqlite3.Connection) -> tuple[Decimal, datetime] | None:
    """(requests left, as of), or None before the first request."""
    value = get(conn, BUCKET)
    if value is None:
        return None
    at = codec.instant(value["at"])
    assert at is not None
    return Decimal(value["left"]), at


def put_bucket(conn: sqlite3.Connection, left: Decimal, at: datetime) -> None:
    put(conn, BUCKET, {"left": left, "at": at})
