"""What the exchange shows: its records in Vincent's and Polymarket's own words."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from tm.market import HOLDINGS_PAGE
from tm.venue.paper.faults import Fault
from tm.venue.paper.ladder import Ladder, Levels, ladder_of
from tm.venue.paper.units import UNIT, micro, number, text
from tm.venue.paper.wallet import ADDRESS, Moment, cash, trade_status

_TOKENS = "SELECT t.*, m.* FROM tokens t JOIN markets m USING (condition_id)"
View = tuple[Fault, ...]


def holdings(m: Moment, view: View = ()) -> dict[str, Any]:
    """`GET /holdings`: positions of 1 share and more, the largest first, at most 100."""
    query = (
        "SELECT token_id, sum(shares) AS held FROM moves WHERE token_id IS NOT NULL AND visible_at <= ?"
        " GROUP BY token_id HAVING held >= ? ORDER BY held DESC, token_id"
    )
    held = m.conn.execute(query, (_seen_at(m, view), UNIT)).fetchall()
    kept = [row for row in held if _shows(view, row["token_id"])][:HOLDINGS_PAGE]
    return {"walletAddress": ADDRESS, "holdings": [_holding(m, row["token_id"], row["held"]) for row in kept]}


def _holding(m: Moment, token_id: str, held: int) -> dict[str, Any]:
    token = m.conn.execute(f"{_TOKENS} WHERE token_id = ?", (token_id,)).fetchone()
    paid, price = token["avg_price"], current_price(m, token)
    shown: dict[str, Any] = {
        "tokenId": token_id,
        "conditionId": token["condition_id"],
        "shares": number(held),
        "averageEntryPrice": number(paid),
        "currentPrice": number(price),
        "pnl": number(held * (price - paid) // UNIT),
        "pnlPercent": round(100 * (price - paid) / paid, 4) if paid else 0.0,
        "marketTitle": token["question"],
        "marketSlug": token["slug"],
        "outcome": token["outcome"],
        "redeemable": token["winner"] is not None,
    }
    if token["end_date"] is not None:
        shown["endDate"] = token["end_date"]
    return shown


def current_price(m: Moment, token: sqlite3.Row) -> int:
    """Midpoint, or the one side there is, or what was paid; 1 or 0 once the market is resolved."""
    if token["winner"] is not None:
        return UNIT if token["winner"] == token["token_id"] else 0
    ladder = ladder_of(m.conn, token, m.now, m.manners)
    tops = [] if ladder is None else [levels[0][0] for levels in (ladder.bids, ladder.asks) if levels]
    paid: int = token["avg_price"]
    return sum(tops) // len(tops) if tops else paid


def trades(m: Moment, market: str | None = None, view: View = ()) -> dict[str, Any]:
    """`GET /trades`: the rows listed by now, newest first."""
    at = _seen_at(m, view)
    query = (
        "SELECT r.*, t.condition_id, t.outcome FROM trades r JOIN tokens t USING (token_id)"
        " WHERE r.visible_at <= ? AND coalesce(?, t.condition_id) = t.condition_id ORDER BY r.seq DESC"
    )
    rows = m.conn.execute(query, (at, market)).fetchall()
    return {"trades": [_trade(row, at) for row in rows if _shows(view, row["token_id"])]}


def _trade(row: sqlite3.Row, at: float) -> dict[str, Any]:
    return {
        "id": row["id"],
        "taker_order_id": row["order_id"],
        "market": row["condition_id"],
        "asset_id": row["token_id"],
        "side": row["side"],
        "size": text(row["size"]),
        "price": text(row["price"]),
        "status": trade_status(row, at),
        "match_time": str(int(row["at"])),
        "outcome": row["outcome"],
        "transaction_hash": row["tx_hash"],
    }


def open_orders(m: Moment, market: str | None = None, view: View = ()) -> dict[str, Any]:
    """`GET /open-orders` and its alias /positions."""
    query = (
        "SELECT o.*, t.condition_id, t.outcome,"
        " (SELECT coalesce(sum(size), 0) FROM trades WHERE order_id = o.id) AS filled"
        " FROM orders o JOIN tokens t USING (token_id)"
        " WHERE o.status = 'live' AND coalesce(?, t.condition_id) = t.condition_id ORDER BY o.seq DESC"
    )
    rows = m.conn.execute(query, (market,)).fetchall()
    shown = [_open_order(row) for row in rows if _shows(view, row["token_id"])]
    return {"walletAddress": ADDRESS, "openOrders": shown}


def _open_order(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": "LIVE",
        "market": row["condition_id"],
        "asset_id": row["token_id"],
        "side": row["side"],
        "original_size": text(row["resting"] + row["filled"]),
        "size_matched": text(row["filled"]),
        "price": text(row["price"]),
        "outcome": row["outcome"],
        "created_at": int(row["at"]),
        "order_type": row["type"],
    }


def balance(m: Moment, view: View = ()) -> dict[str, Any]:
    """`GET /balance`, in USD."""
    usd = text(cash(m, visible=True, at=_seen_at(m, view)))
    return {"walletAddress": ADDRESS, "collateral": {"balance": usd, "allowance": "1000000000"}}


def book(m: Moment, token_id: str, view: View = ()) -> dict[str, Any] | None:
    """The CLOB's book of a token, best level last on both sides; None: it has no book."""
    token = m.conn.execute(f"{_TOKENS} WHERE token_id = ?", (token_id,)).fetchone()
    if token is None or token["winner"] is not None:
        return None
    ladder: Ladder | None = ladder_of(m.conn, token, m.now, m.manners)
    for fault in view:
        if ladder is not None and fault.token in (None, token_id):
            ladder = _bent(ladder, fault)
    if ladder is None:
        return None
    bids, asks = _side(ladder.bids), _side(ladder.asks)
    return {
        "market": token["condition_id"],
        "asset_id": token_id,
        "timestamp": str(int(m.now * 1000)),
        "hash": hashlib.sha1(json.dumps([bids, asks]).encode()).hexdigest(),
        "bids": bids,
        "asks": asks,
        "min_order_size": "5",
        "tick_size": text(ladder.tick),
        "neg_risk": False,
    }


def _side(levels: Levels) -> list[dict[str, str]]:
    return [{"price": text(price), "size": text(size)} for price, size in reversed(levels)]


def _bent(ladder: Ladder, fault: Fault) -> Ladder | None:
    bids, asks = ladder.bids, ladder.asks
    match fault.kind:
        case "no_book" | "missing":
            return None
        case "thin":
            bids = ((bids[0][0], micro(fault.shares or "1")),) if bids else ()
        case "one_sided":
            bids, asks = ((), asks) if fault.side == "bid" else (bids, ())
        case "crossed":
            asks = ((bids[0][0] - ladder.tick, UNIT * 100),) if bids else asks
        case "wide":
            asks = ((990_000, UNIT * 100),)
    return Ladder(bids, asks)


def market(m: Moment, condition_id: str) -> dict[str, Any] | None:
    """`GET /market/:conditionId`, as Polymarket's CLOB shows a market; None: unknown."""
    found = m.conn.execute("SELECT * FROM markets WHERE condition_id = ?", (condition_id,)).fetchone()
    if found is None:
        return None
    tokens = _tokens_of(m, condition_id)
    return {
        "market": {
            "condition_id": condition_id,
            "question": found["question"],
            "market_slug": found["slug"],
            "tokens": [
                {
                    "token_id": token["token_id"],
                    "outcome": token["outcome"],
                    "price": number(current_price(m, token)),
                    "winner": found["winner"] == token["token_id"],
                }
                for token in tokens
            ],
            "active": bool(found["active"]),
            "closed": bool(found["closed"]),
            "accepting_orders": bool(found["accepting_orders"]),
            "minimum_order_size": 5,
            "minimum_tick_size": 0.01,
            "neg_risk": False,
            "end_date_iso": found["end_date"],
        }
    }


def markets(m: Moment, asked: dict[str, str], view: View = ()) -> dict[str, Any]:
    """`GET /markets`: by words (`query`), `slug`, `active`; others are ignored, as Vincent does."""
    limit = int(asked["limit"]) if asked.get("limit", "").isdigit() else 20
    words = asked.get("query", "").lower()
    rows = m.conn.execute("SELECT * FROM markets ORDER BY rowid").fetchall()
    found = [
        row
        for row in rows
        if (words in row["question"].lower() or words in row["slug"].lower())
        and asked.get("slug") in (None, row["slug"])
        and asked.get("active") in (None, "true" if row["active"] else "false")
    ]
    if any(fault.kind == "empty" for fault in view):
        found = []
    return {"markets": [_summary(m, row) for row in found[:limit]], "hasMore": len(found) > limit}


def _summary(m: Moment, row: sqlite3.Row) -> dict[str, Any]:
    tokens = _tokens_of(m, row["condition_id"])
    shown: dict[str, Any] = {
        "id": hashlib.sha1(row["condition_id"].encode()).hexdigest()[:8],
        "question": row["question"],
        "conditionId": row["condition_id"],
        "slug": row["slug"],
        "outcomes": [token["outcome"] for token in tokens],
        "outcomePrices": [text(current_price(m, token)) for token in tokens],
        "tokenIds": [token["token_id"] for token in tokens],
        "active": bool(row["active"]),
        "closed": bool(row["closed"]),
        "acceptingOrders": bool(row["accepting_orders"]),
        "endDate": row["end_date"],
    }
    ladder = ladder_of(m.conn, tokens[0], m.now, m.manners) if tokens else None
    if ladder is not None and ladder.bids:
        shown["bestBid"] = number(ladder.bids[0][0])
    if ladder is not None and ladder.asks:
        shown["bestAsk"] = number(ladder.asks[0][0])
    return shown


def _tokens_of(m: Moment, condition_id: str) -> list[sqlite3.Row]:
    query = f"{_TOKENS} WHERE condition_id = ? ORDER BY t.rowid"
    return m.conn.execute(query, (condition_id,)).fetchall()


def _shows(view: Iterable[Fault], token_id: str) -> bool:
    return not any(
        fault.kind == "empty" or (fault.kind == "missing" and fault.token in (None, token_id))
        for fault in view
    )


def _seen_at(m: Moment, view: Iterable[Fault]) -> float:
    return m.now - sum(fault.seconds or 0.0 for fault in view if fault.kind == "stale")
