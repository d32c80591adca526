"""What the wallet holds, as a ledger of moves, and the trade rows of fills; each with its own lag."""

from __future__ import annotations

import os
import sqlite3
import uuid
from dataclasses import dataclass

from tm.venue.paper.course import Course
from tm.venue.paper.state import Manners
from tm.venue.paper.units import SHARE_STEP, UNIT, worth

ADDRESS = "0x" + "f00d" * 10


@dataclass(frozen=True, slots=True)
class Moment:
    """The exchange at one instant (seconds since 1970, its own clock), inside one transaction."""

    conn: sqlite3.Connection
    manners: Manners
    now: float


def random_hash() -> str:
    return "0x" + os.urandom(32).hex()


def shares_of(m: Moment, token: str, *, visible: bool = False, at: float | None = None) -> int:
    """Given a token, return its shares (millionths): the truth, or what /holdings shows `at` then."""
    column = "visible_at" if visible else "at"
    query = f"SELECT coalesce(sum(shares), 0) FROM moves WHERE token_id = ? AND {column} <= ?"
    found: int = m.conn.execute(query, (token, m.now if at is None else at)).fetchone()[0]
    return found


def cash(m: Moment, *, visible: bool = False, at: float | None = None) -> int:
    """The wallet's USD (millionths)."""
    column = "visible_at" if visible else "at"
    query = f"SELECT coalesce(sum(usd), 0) FROM moves WHERE {column} <= ?"
    found: int = m.conn.execute(query, (m.now if at is None else at,)).fetchone()[0]
    return found


def locked_shares(m: Moment, token: str) -> int:
    """The shares that the wallet's own resting sells keep from being sold otherwise."""
    query = "SELECT coalesce(sum(resting), 0) FROM orders WHERE token_id=? AND status='live' AND side='SELL'"
    found: int = m.conn.execute(query, (token,)).fetchone()[0]
    return found


def locked_cash(m: Moment) -> int:
    query = "SELECT resting, price FROM orders WHERE status = 'live' AND side = 'BUY'"
    return sum(worth(resting, price) for resting, price in m.conn.execute(query))


def move(m: Moment, token: str | None, shares: int, usd: int, at: float, visible_at: float) -> None:
    m.conn.execute(
        "INSERT INTO moves (token_id, shares, usd, at, visible_at) VALUES (?, ?, ?, ?, ?)",
        (token, shares, usd, at, visible_at),
    )


def record_fill(
    m: Moment, order: sqlite3.Row, fills: list[tuple[int, int]], course: Course, at: float
) -> None:
    """Given an order and its fills (price, size), write their trade rows and what they move."""
    listed = at + (m.manners.trade_lag if course.trade_lag is None else course.trade_lag)
    row_lag = m.manners.row_lag if course.row_lag is None else course.row_lag
    for number, (price, size) in enumerate(_split(fills, course.rows)):
        fails = course.fail_after is not None and number < (course.fail_rows or UNIT)
        failed_at = at + (course.fail_after or 0.0) if fails else None
        visible_at = None if course.unlisted else listed + number * row_lag
        _record_row(m, order, price, size, at, visible_at, failed_at)
        _move_both(m, order, price, size, at, failed_at, course)


def _record_row(
    m: Moment,
    order: sqlite3.Row,
    price: int,
    size: int,
    at: float,
    visible_at: float | None,
    failed_at: float | None,
) -> None:
    mined = None if failed_at is not None else at + m.manners.mined_after
    confirmed = None if failed_at is not None else at + m.manners.confirmed_after
    m.conn.execute(
        "INSERT INTO trades (id, order_id, token_id, side, size, price, tx_hash, at, visible_at, mined_at,"
        " confirmed_at, failed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(str(uuid.uuid4()), order["id"], order["token_id"], order["side"], size, price),
            *(random_hash(), at, visible_at, mined, confirmed, failed_at),
        ),
    )


def _move_both(
    m: Moment, order: sqlite3.Row, price: int, size: int, at: float, failed_at: float | None, course: Course
) -> None:
    lag = m.manners.holdings_lag if course.holdings_lag is None else course.holdings_lag
    token, usd = order["token_id"], worth(size, price)
    shares, usd = (-size, usd) if order["side"] == "SELL" else (size, -usd)
    if shares > 0:
        _average_in(m, token, shares, price)
    move(m, token, shares, usd, at, at + lag)
    if failed_at is not None:  # nothing changed hands: both come back
        move(m, token, -shares, -usd, failed_at, failed_at + lag)


def _average_in(m: Moment, token: str, shares: int, price: int) -> None:
    held = max(0, shares_of(m, token))
    (average,) = m.conn.execute("SELECT avg_price FROM tokens WHERE token_id = ?", (token,)).fetchone()
    paid = (held * average + shares * price) // (held + shares)
    m.conn.execute("UPDATE tokens SET avg_price = ? WHERE token_id = ?", (paid, token))


def _split(fills: list[tuple[int, int]], rows: int) -> list[tuple[int, int]]:
    """Given fills, cut each into up to `rows` pieces of whole hundredths of shares; their sum stays."""
    pieces: list[tuple[int, int]] = []
    for price, size in fills:
        piece = max(SHARE_STEP, size // rows // SHARE_STEP * SHARE_STEP)
        for _ in range(rows - 1):
            if size > piece:
                pieces.append((price, piece))
                size -= piece
        pieces.append((price, size))
    return pieces


def trade_status(row: sqlite3.Row, at: float) -> str:
    """Given a trade row and an instant, return its status then."""
    if row["failed_at"] is not None and row["failed_at"] <= at:
        return "FAILED"
    if row["confirmed_at"] is not None and row["confirmed_at"] <= at:
        return "CONFIRMED"
    if row["mined_at"] is not None and row["mined_at"] <= at:
        return "MINED"
    return "MATCHED"
