"""rule_events: what happened to a rule. Written once, never changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tm.ids import new_id
from tm.model import EventType, RuleEvent
from tm.store import codec
from tm.times import iso, parse_iso

_COLUMNS = ("id", "rule_id", "event_type", "attempt_id", "event_data", "created_at")
_INSERT = f"INSERT INTO rule_events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
Row = tuple[codec.Column, ...]


def add(
    conn: sqlite3.Connection,
    rule_id: str,
    event_type: EventType,
    now: datetime,
    data: dict[str, Any] | None = None,
    *,
    attempt_id: str | None = None,
) -> None:
    """Record an event. Data uses the wire's names; Decimals become text."""
    if attempt_id is not None:
        data = {"attemptId": attempt_id, **(data or {})}
    conn.execute(_INSERT, row(rule_id, event_type, now, data, attempt_id))


def row(
    rule_id: str,
    event_type: EventType,
    now: datetime,
    data: dict[str, Any] | None = None,
    attempt_id: str | None = None,
) -> Row:
    """Given an event, return it ready for `add_all`: made before the transaction, which is short then."""
    return new_id(), rule_id, str(event_type), attempt_id, codec.to_json(data or {}), iso(now)


def add_all(conn: sqlite3.Connection, rows: Iterable[Row]) -> None:
    conn.executemany(_INSERT, rows)


def listing(
    conn: sqlite3.Connection,
    *,
    rule_id: str | None = None,
    event_type: EventType | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[RuleEvent]:
    """Events, newest first."""
    conditions, values = ["1"], []
    if rule_id is not None:
        conditions.append("rule_id = ?")
        values.append(rule_id)
    if event_type is not None:
        conditions.append("event_type = ?")
        values.append(str(event_type))
    rows = conn.execute(
        f"SELECT * FROM rule_events WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return [from_row(row) for row in rows]


def exists(conn: sqlite3.Connection, attempt_id: str, event_type: EventType) -> bool:
    """Say whether an attempt already has an event of this type."""
    row = conn.execute(
        "SELECT 1 FROM rule_events WHERE attempt_id = ? AND event_type = ?", (attempt_id, str(event_type))
    ).fetchone()
    return row is not None


def has_evaluations(conn: sqlite3.Connection, before: datetime) -> bool:
    """Say whether there are RULE_EVALUATED events older than `before`."""
    row = conn.execute(
        "SELECT 1 FROM rule_events WHERE event_type = 'RULE_EVALUATED' AND created_at < ? LIMIT 1",
        (iso(before),),
    ).fetchone()
    return row is not None


def delete_evaluations(conn: sqlite3.Connection, before: datetime, at_most: int) -> int:
    """Delete at most so many RULE_EVALUATED events older than `before`; return how many went."""
    conn.execute(
        "INSERT INTO config (key, value) VALUES ('evaluatedBefore', ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (iso(before),),
    )
    return conn.execute(
        "DELETE FROM rule_events WHERE seq IN (SELECT seq FROM rule_events "
        "WHERE event_type = 'RULE_EVALUATED' AND created_at < ? ORDER BY created_at LIMIT ?)",
        (iso(before), at_most),
    ).rowcount


def from_row(row: sqlite3.Row) -> RuleEvent:
    return RuleEvent(
        id=row["id"],
        rule_id=row["rule_id"],
        event_type=EventType(row["event_type"]),
        event_data=json.loads(row["event_data"]),
        created_at=parse_iso(row["created_at"]),
    )
