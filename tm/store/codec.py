"""Between records and columns: Decimals and instants are text, structures are JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from tm.numbers import canonical
from tm.times import iso, parse_iso

Column = str | int | None


def to_column(value: Any) -> Column:
    """Given a field of a record, return what its column holds. Raise TypeError for a float: not money."""
    if value is None or type(value) in (str, int):
        return value  # type: ignore[no-any-return]
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (dict, list, tuple)):
        return to_json(value)
    raise TypeError(f"no column form for {type(value).__name__}")


def to_json(value: Any) -> str:
    return json.dumps(value, default=_json_default, ensure_ascii=False, separators=(",", ":"))


def _json_default(value: Any) -> Any:
    return to_column(value)


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def instant(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)


def insert(conn: sqlite3.Connection, table: str, fields: Mapping[str, Any]) -> int:
    """Given a table and its fields, insert one row and return its seq."""
    names = ", ".join(fields)
    marks = ", ".join("?" * len(fields))
    cursor = conn.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})", [to_column(v) for v in fields.values()]
    )
    return int(cursor.lastrowid or 0)


def update(
    conn: sqlite3.Connection, table: str, fields: Mapping[str, Any], where: str, *values: Column
) -> int:
    """Given fields and a condition, update and return how many rows it changed: the count decides."""
    assignments = ", ".join(f"{name} = ?" for name in fields)
    cursor = conn.execute(
        f"UPDATE {table} SET {assignments} WHERE {where}",
        [*(to_column(v) for v in fields.values()), *values],
    )
    return cursor.rowcount


def ids_with_prefix(conn: sqlite3.Connection, table: str, prefix: str, limit: int = 10) -> list[str]:
    """Given the beginning of an id, return the ids that begin so, newest first, at most `limit`."""
    rows = conn.execute(
        f"SELECT id FROM {table} WHERE id >= ? AND id < ? ORDER BY seq DESC LIMIT ?",
        (prefix, prefix + "\U0010ffff", limit),
    )
    return [row["id"] for row in rows]
