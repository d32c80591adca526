"""Orders: what is accepted, what it fills, what rests, and what comes due later."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass, replace
from typing import Any

from tm.venue.paper.course import Course, course_from_text
from tm.venue.paper.ladder import (
    Ladder,
    Levels,
    NoFill,
    ladder_of,
    take_shares,
    take_usd,
)
from tm.venue.paper.units import SHARE_STEP, UNIT, micro, text, worth
from tm.venue.paper.wallet import (
    Moment,
    cash,
    locked_cash,
    locked_shares,
    random_hash,
    record_fill,
    shares_of,
)

MIN_ORDER_SIZE = 5 * UNIT  # shares; a resting order's least
MIN_BUY = 1 * UNIT  # USD; a market buy's least


class Refused(Exception):
    """The exchange does not take the order; the text is its message."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as asked for: shares of a SELL, USD of a BUY; a price makes it a limit order that may rest."""

    token: str
    side: str
    amount: int
    price: int | None = None
    source: str = "api"


@dataclass(frozen=True, slots=True)
class _Plan:
    status: str
    fills: list[tuple[int, int]]
    resting: int = 0


def place(m: Moment, ticket: Ticket, course: Course) -> str:
    """Given an order, take it and return its id. Raise Refused, with nothing changed, if it is not taken."""
    if course.status == "pending_approval":  # Vincent asks its human before the exchange hears of it
        wait = m.manners.approval_seconds
        expires = course.due_after is None or course.due_after > wait
        due = "expire" if expires else "deny" if course.deny else "go"
        after = wait if expires or course.due_after is None else course.due_after
        return _insert(m, ticket, course, _Plan("pending_approval", []), m.now + after, due)
    plan, ladder = _planned(m, ticket, course)
    if plan.status == "delayed":
        due = "unmatch" if course.deny else "go"
        return _insert(m, ticket, course, plan, m.now + (course.due_after or 0.0), due)
    order_id = _insert(m, ticket, course, plan, None, None)
    _carry_out(m, order_by_id(m, order_id), plan, ladder, course)
    return order_id


def settle(m: Moment) -> None:
    """Bring the exchange up to its clock: orders that came due, then resting ones that the book reaches."""
    query = "SELECT * FROM orders WHERE due_at <= ? ORDER BY due_at, seq"
    for order in m.conn.execute(query, (m.now,)).fetchall():
        _come_due(replace(m, now=order["due_at"]), order, order["due"])
    for order in m.conn.execute("SELECT * FROM orders WHERE status = 'live' ORDER BY seq").fetchall():
        _match_resting(m, order)


def decide(m: Moment, order_id: str, *, grant: bool) -> None:
    """Given an order that waits for its approval, end the wait now. Raise LookupError if it does not wait."""
    order = order_by_id(m, order_id)
    if order["status"] != "pending_approval":
        raise LookupError(f"order {order_id} is {order['status']}, not pending_approval")
    _come_due(m, order, "go" if grant else "deny")


def cancel(m: Moment, order_id: str | None, *, source: str | None = None) -> list[str]:
    """Given an order's id (None: all), cancel what rests of it; return the ids that did rest."""
    query = (
        "UPDATE orders SET status = 'canceled', resting = 0 WHERE status = 'live' AND coalesce(?, id) = id"
        " AND coalesce(?, source) = source RETURNING id"
    )
    return [row["id"] for row in m.conn.execute(query, (order_id, source)).fetchall()]


def order_by_id(m: Moment, order_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = m.conn.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
    if row is None:
        raise LookupError(f"no order {order_id}")
    return row


def _planned(m: Moment, ticket: Ticket, course: Course) -> tuple[_Plan, Ladder]:
    """Given an order, return what becomes of it now and the book it meets. Raise Refused."""
    token = m.conn.execute(
        "SELECT t.*, m.winner, m.accepting_orders FROM tokens t JOIN markets m USING (condition_id)"
        " WHERE t.token_id = ?",
        (ticket.token,),
    ).fetchone()
    ladder = None if token is None else ladder_of(m.conn, token, m.now, m.manners)
    if token is None or ladder is None or token["winner"] is not None:
        raise Refused("No orderbook exists for the requested token id")
    if not token["accepting_orders"]:
        raise Refused("the market is not yet ready to process new orders")
    _check_size(ticket, ladder)
    _check_balance(m, ticket)
    return _met(ticket, ladder, course), ladder


def _met(ticket: Ticket, ladder: Ladder, course: Course) -> _Plan:
    if course.status in ("delayed", "unmatched"):
        return _Plan(course.status, [])
    if course.status == "live":
        return _Plan("live", [], resting=_shares(ticket))
    if ticket.price is not None:
        return _limit(ticket, ticket.price, ladder)
    try:
        if ticket.side == "BUY":
            return _Plan("matched", take_usd(ladder.asks, ticket.amount))
        return _Plan("matched", take_shares(ladder.bids, _wanted(ticket, course)))
    except NoFill as reason:
        raise Refused(str(reason)) from None


def _wanted(ticket: Ticket, course: Course) -> int:
    shares = _shares(ticket)
    if not course.partial:
        return shares
    return min(shares, shares // 2 if course.shares is None else course.shares) // SHARE_STEP * SHARE_STEP


def _shares(ticket: Ticket) -> int:
    shares = ticket.amount
    if ticket.side == "BUY" and ticket.price is not None:
        shares = ticket.amount * UNIT // ticket.price
    return shares // SHARE_STEP * SHARE_STEP


def _limit(ticket: Ticket, price: int, ladder: Ladder) -> _Plan:
    levels = ladder.bids if ticket.side == "SELL" else ladder.asks
    reached = _reached(levels, ticket.side, price)
    shares = _shares(ticket)
    now = min(shares, sum(size for _, size in reached))
    fills = take_shares(reached, now) if now > 0 else []
    return _Plan("live" if now < shares else "matched", fills, resting=shares - now)


def _reached(levels: Levels, side: str, price: int) -> Levels:
    return tuple((p, s) for p, s in levels if (p >= price if side == "SELL" else p <= price))


def _check_size(ticket: Ticket, ladder: Ladder) -> None:
    if ticket.price is None:
        if ticket.side == "BUY" and ticket.amount < MIN_BUY:
            raise Refused(f"invalid amount for a marketable BUY order (${text(ticket.amount)}), min size: $1")
        if ticket.side == "SELL" and _shares(ticket) <= 0:
            raise Refused("invalid amounts, the size rounds down to 0")
        return
    if ticket.price % ladder.tick != 0:
        raise Refused(f"price {text(ticket.price)} breaks the minimum tick size rule: {text(ladder.tick)}")
    if _shares(ticket) < MIN_ORDER_SIZE:
        raise Refused(f"Size ({text(_shares(ticket))}) lower than the minimum: 5")


def _check_balance(m: Moment, ticket: Ticket) -> None:
    if ticket.side == "SELL":
        free = shares_of(m, ticket.token) - locked_shares(m, ticket.token)
        enough = _shares(ticket) <= free
    else:
        enough = ticket.amount <= cash(m) - locked_cash(m)
    if not enough:
        raise Refused("not enough balance / allowance")


def _insert(
    m: Moment, ticket: Ticket, course: Course, plan: _Plan, due_at: float | None, due: str | None
) -> str:
    order_id = random_hash()
    price = course.rest_price if plan.status == "live" and ticket.price is None else ticket.price
    kind = "FOK" if price is None else "GTC"
    values: tuple[Any, ...] = (
        *(order_id, ticket.token, ticket.side, kind, ticket.amount, price, plan.resting, ticket.source),
        *(plan.status, m.now, due_at, due, str(uuid.uuid4()), course.to_text()),
    )
    m.conn.execute(
        "INSERT INTO orders (id, token_id, side, type, amount, price, resting, source,"
        f" status, at, due_at, due, log_id, course) VALUES ({', '.join('?' * len(values))})",
        values,
    )
    return order_id


def _carry_out(m: Moment, order: sqlite3.Row, plan: _Plan, ladder: Ladder, course: Course) -> None:
    m.conn.execute(
        "UPDATE orders SET status = ?, resting = ?, due_at = NULL, due = NULL WHERE id = ?",
        (plan.status, plan.resting, order["id"]),
    )
    _fill(m, order, plan.fills, ladder, course)


def _fill(
    m: Moment, order: sqlite3.Row, fills: list[tuple[int, int]], ladder: Ladder, course: Course
) -> None:
    if not fills:
        return
    record_fill(m, order, fills, course, m.now)
    if m.manners.eats:
        taken = sum(size for _, size in fills)
        bids, asks = (taken, 0) if order["side"] == "SELL" else (0, taken)
        m.conn.execute(
            "UPDATE tokens SET eaten_bids = ? + iif(eaten_key IS ?, eaten_bids, 0),"
            " eaten_asks = ? + iif(eaten_key IS ?, eaten_asks, 0), eaten_key = ? WHERE token_id = ?",
            (bids, ladder.key, asks, ladder.key, ladder.key, order["token_id"]),
        )


def _come_due(m: Moment, order: sqlite3.Row, due: str) -> None:
    ended = {"expire": "expired", "deny": "denied", "unmatch": "unmatched"}.get(due)
    if ended is not None:
        _end(m, order, ended, None)
        return
    course = replace(course_from_text(order["course"]), status="matched")
    ticket = Ticket(order["token_id"], order["side"], order["amount"], order["price"], order["source"])
    try:
        plan, ladder = _planned(m, ticket, course)
    except Refused as reason:
        _end(m, order, "killed", str(reason))
        return
    _carry_out(m, order, plan, ladder, course)


def _end(m: Moment, order: sqlite3.Row, status: str, reason: str | None) -> None:
    m.conn.execute(
        "UPDATE orders SET status = ?, reason = ?, due_at = NULL, due = NULL WHERE id = ?",
        (status, reason, order["id"]),
    )


def _match_resting(m: Moment, order: sqlite3.Row) -> None:
    token = m.conn.execute("SELECT * FROM tokens WHERE token_id = ?", (order["token_id"],)).fetchone()
    ladder = ladder_of(m.conn, token, m.now, m.manners)
    if ladder is None:
        return
    levels = ladder.bids if order["side"] == "SELL" else ladder.asks
    there = sum(size for _, size in _reached(levels, order["side"], order["price"]))
    filled = min(order["resting"], there) // SHARE_STEP * SHARE_STEP
    if filled <= 0:
        return
    left = order["resting"] - filled
    m.conn.execute(
        "UPDATE orders SET resting = ?, status = ? WHERE id = ?",
        (left, "live" if left > 0 else "matched", order["id"]),
    )
    _fill(m, order, [(order["price"], filled)], ladder, course_from_text(order["course"]))


def fills_of(m: Moment, order_id: str) -> list[sqlite3.Row]:
    query = "SELECT * FROM trades WHERE order_id = ? ORDER BY seq"
    return m.conn.execute(query, (order_id,)).fetchall()


def answer_details(m: Moment, order: sqlite3.Row) -> dict[str, Any]:
    """Given an order just taken, return the exchange's own words on it (`orderDetails`)."""
    rows = fills_of(m, order["id"])
    shares = sum(row["size"] for row in rows)
    usd = sum(worth(row["size"], row["price"]) for row in rows)
    making, taking = (shares, usd) if order["side"] == "SELL" else (usd, shares)
    details: dict[str, Any] = {
        "errorMsg": "",
        "orderID": order["id"],
        "takingAmount": text(taking) if rows else "",
        "makingAmount": text(making) if rows else "",
        "status": order["status"],
        "success": True,
    }
    if rows:
        details["transactionsHashes"] = [row["tx_hash"] for row in rows]
        details["tradeIDs"] = [row["id"] for row in rows]
    return details


def usd_or_shares(value: object) -> int:
    """Given an order's amount from outside, return it in millionths. Raise ValueError unless above 0."""
    amount = micro(value)
    if amount <= 0:
        raise ValueError("must be above 0")
    return amount
