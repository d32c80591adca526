"""monitored_positions: what was last known of each held token."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta

from tm.model import Position
from tm.store import codec
from tm.times import iso, parse_iso

STALE_AFTER = 3  # poll intervals without a look at a token's book

_COLUMNS = (
    "id",
    "token_id",
    "created_at",
    "market_id",
    "side",
    "quantity",
    "avg_entry_price",
    "current_price",
    "label",
    "best_bid",
    "best_ask",
    "quote_at",
    "tick_size",
    "redeemable",
    "quantity_since",
    "anchor_quantity",
    "anchor_at",
    "absent_since",
    "absent_looks",
    "last_updated_at",
    "updated_at",
)


def get(conn: sqlite3.Connection, token_id: str) -> Position | None:
    row = conn.execute("SELECT * FROM monitored_positions WHERE token_id = ?", (token_id,)).fetchone()
    return None if row is None else from_row(row)


def by_token(conn: sqlite3.Connection) -> dict[str, Position]:
    found = conn.execute("SELECT * FROM monitored_positions")
    return {row["token_id"]: from_row(row) for row in found}


def listing(conn: sqlite3.Connection, *, limit: int = 50, offset: int = 0) -> list[Position]:
    """Positions held when last looked, newest first."""
    rows = conn.execute(
        "SELECT * FROM monitored_positions WHERE absent_since IS NULL ORDER BY seq DESC LIMIT ? OFFSET ?",
        (limit, offset),
    )
    return [from_row(row) for row in rows]


def stale(conn: sqlite3.Connection, now: datetime, interval: int, limit: int) -> list[str]:
    """Given the poll interval in seconds, return tokens that ACTIVE rules watch and nobody looks at.

    Those whose book was not read for STALE_AFTER intervals, the longest first.
    """
    rows = conn.execute(
        "SELECT token_id FROM trade_rules LEFT JOIN monitored_positions USING (token_id) "
        "WHERE trade_rules.status = 'ACTIVE' AND trade_rules.created_at < ?1 "
        "AND coalesce(quote_at, '') < ?1 GROUP BY token_id ORDER BY quote_at, token_id LIMIT ?2",
        (iso(now - timedelta(seconds=STALE_AFTER * interval)), limit),
    )
    return [row[0] for row in rows]


def save_all(conn: sqlite3.Connection, positions: Iterable[Position]) -> None:
    """Write each position whole: a new token's row, or the one that stands."""
    save_rows(conn, rows(positions))


def rows(positions: Iterable[Position]) -> list[list[codec.Column]]:
    """Given positions, return them ready for `save_rows`: made before the transaction, to keep it short."""
    return [[codec.to_column(getattr(position, column)) for column in _COLUMNS] for position in positions]


def save_rows(conn: sqlite3.Connection, made: list[list[codec.Column]]) -> None:
    conn.executemany(
        f"INSERT INTO monitored_positions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
        f"ON CONFLICT (token_id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in _COLUMNS[3:])}",
        made,
    )


def forget(conn: sqlite3.Connection, token_id: str) -> None:
    conn.execute("DELETE FROM monitored_positions WHERE token_id = ?", (token_id,))


def last_updated(conn: sqlite3.Connection) -> str | None:
    """The instant (ISO) of the newest reading of any position, or None."""
    row = conn.execute("SELECT max(last_updated_at) FROM monitored_positions").fetchone()
    return None if row[0] is None else str(row[0])


def from_row(row: sqlite3.Row) -> Position:
    quantity = codec.decimal(row["quantity"])
    assert quantity is not None
    return Position(
        id=row["id"],
        market_id=row["market_id"],
        token_id=row["token_id"],
        side=row["side"],
        quantity=quantity,
        avg_entry_price=codec.decimal(row["avg_entry_price"]),
        current_price=codec.decimal(row["current_price"]),
        label=row["label"],
        best_bid=codec.decimal(row["best_bid"]),
        best_ask=codec.decimal(row["best_ask"]),
        quote_at=codec.instant(row["quote_at"]),
        tick_size=codec.decimal(row["tick_size"]),
        redeemable=bool(row["redeemable"]),
        quantity_since=codec.instant(row["quantity_since"]),
        anchor_quantity=codec.decimal(row["anchor_quantity"]),
        anchor_at=codec.instant(row["anchor_at"]),
        absent_since=codec.instant(row["absent_since"]),
        absent_looks=row["absent_looks"],
        last_updated_at=parse_iso(row["last_updated_at"]),
        created_at=parse_iso(row["created_at"]),
        updated_at=parse_iso(row["updated_at"]),
    )
