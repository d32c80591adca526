"""The exchange's back door: what a script, a test or the demo does to it, and the truth it tells them.

Each verb is `POST /paper/<verb>` with its arguments as a JSON object; control.py is the client.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tm.times import iso, parse_iso
from tm.venue.paper import matching, views
from tm.venue.paper.course import Course
from tm.venue.paper.exchange import Exchange
from tm.venue.paper.faults import Fault
from tm.venue.paper.ladder import ladder_of, series_row
from tm.venue.paper.series import parse_series, recorded_text
from tm.venue.paper.units import UNIT, maybe_micro, micro, text, worth
from tm.venue.paper.wallet import Moment, cash, move, shares_of, trade_status

Verb = Callable[..., Any]


def create(
    x: Exchange, token: str, condition_id: str, title: str, outcome: str, slug: str, end_date: str | None
) -> None:
    """Make a token and, if need be, its market. One that exists keeps its book and its holdings."""
    with x.moment() as m:
        m.conn.execute(
            "INSERT INTO markets (condition_id, question, slug, end_date) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET question = excluded.question, slug = excluded.slug,"
            " end_date = excluded.end_date",
            (condition_id, title, slug, end_date),
        )
        m.conn.execute(
            "INSERT INTO tokens (token_id, condition_id, outcome) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (token, condition_id, outcome),
        )


def hold(x: Exchange, token: str, shares: str, avg_price: str | None) -> None:
    """Set how many shares the wallet holds, without a trade. It shows at once."""
    with x.moment() as m:
        _token(m, token)
        known = m.conn.execute("SELECT 1 FROM moves WHERE token_id = ?", (token,)).fetchone()
        since = m.now if known else 0.0
        move(m, token, micro(shares) - shares_of(m, token), 0, since, since)
        if avg_price is not None:
            m.conn.execute("UPDATE tokens SET avg_price = ? WHERE token_id = ?", (micro(avg_price), token))


def pay_in(x: Exchange, usd: str) -> None:
    with x.moment() as m:
        move(m, None, 0, micro(usd), m.now, m.now)


def set_market(x: Exchange, condition_id: str, flags: dict[str, bool]) -> None:
    with x.moment() as m:
        _market(m, condition_id)
        for name, value in flags.items():
            if name not in ("active", "closed", "accepting_orders"):
                raise ValueError(f"no flag {name!r} of a market")
            m.conn.execute(
                f"UPDATE markets SET {name} = ? WHERE condition_id = ?", (int(value), condition_id)
            )


def resolve(x: Exchange, condition_id: str, winner: str) -> None:
    """End a market: its books are gone, its resting orders canceled, its holdings redeemable."""
    with x.moment() as m:
        _market(m, condition_id)
        m.conn.execute(
            "UPDATE markets SET winner = ?, closed = 1, accepting_orders = 0 WHERE condition_id = ?",
            (winner, condition_id),
        )
        m.conn.execute(
            "UPDATE orders SET status = 'canceled', resting = 0 WHERE status = 'live' AND token_id IN"
            " (SELECT token_id FROM tokens WHERE condition_id = ?)",
            (condition_id,),
        )


def load(x: Exchange, token: str, name: str | None, csv: str | None, row: int) -> int:
    """Put a series (a recording's name, or CSV text) under a token's book, at `row`; return its length."""
    rows = parse_series((recorded_text(name or "") if csv is None else csv).splitlines())
    with x.moment() as m:
        _token(m, token)
        m.conn.execute("DELETE FROM series WHERE token_id = ?", (token,))
        m.conn.executemany(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(token, n, r.at.timestamp(), maybe_micro(r.bid), maybe_micro(r.ask)),
                    *(maybe_micro(r.bid_depth), maybe_micro(r.ask_depth)),
                )
                for n, r in enumerate(rows)
            ],
        )
        _stand(m, token, row)
    return len(rows)


def advance(x: Exchange, token: str, row: int | None) -> dict[str, Any]:
    """Let a token's book show the next row of its series, or row `row`; return that row. Ends play."""
    with x.moment() as m:
        now = series_row(m.conn, _token(m, token), m.now)
        if now is None:
            raise ValueError(f"token {token} has no series")
        return _stand(m, token, now["n"] + 1 if row is None else row)


def play(x: Exchange, token: str, speed: float, row: int) -> None:
    """Let the series run by the exchange's clock from `row` on, `speed` recorded seconds a second."""
    with x.moment() as m:
        _stand(m, token, row)
        m.conn.execute(
            "UPDATE tokens SET play_since = ?, play_speed = ? WHERE token_id = ?", (m.now, speed, token)
        )


def _stand(m: Moment, token: str, row: int) -> dict[str, Any]:
    (last,) = m.conn.execute("SELECT max(n) FROM series WHERE token_id = ?", (token,)).fetchone()
    if last is None:
        raise ValueError(f"token {token} has no series")
    n = max(0, last + 1 + row) if row < 0 else min(row, last)
    m.conn.execute(
        "UPDATE tokens SET row = ?, book = NULL, play_since = NULL, version = version + 1 WHERE token_id = ?",
        (n, token),
    )
    found = m.conn.execute("SELECT * FROM series WHERE token_id = ? AND n = ?", (token, n)).fetchone()
    shown = {key: _text(found[key]) for key in ("bid", "ask", "bid_depth", "ask_depth")}
    return {"row": n, "last": n == last, "at": _iso(found["at"]), **shown}


def set_levels(x: Exchange, token: str, bids: list[list[str]] | None, asks: list[list[str]] | None) -> None:
    """Set a token's book: levels of (price, shares); None for both: it has no book (404)."""
    book = None
    if bids is not None or asks is not None:
        sides = {"bids": bids or [], "asks": asks or []}
        book = {
            side: [(micro(price), micro(size)) for price, size in levels] for side, levels in sides.items()
        }
    with x.moment() as m:
        _token(m, token)
        m.conn.execute(
            "UPDATE tokens SET book = ?, version = version + 1 WHERE token_id = ?", (json.dumps(book), token)
        )


def user_order(
    x: Exchange, token: str, side: str, amount: str, price: str | None, course: dict[str, Any]
) -> dict[str, Any]:
    """The wallet's owner trades by hand. Raise ValueError with the exchange's message if it refuses."""
    ticket = matching.Ticket(token, side, matching.usd_or_shares(amount), maybe_micro(price), "user")
    with x.moment() as m:
        try:
            order_id = matching.place(m, ticket, Course(**course))
        except matching.Refused as reason:
            raise ValueError(str(reason)) from None
        return _order(m, matching.order_by_id(m, order_id))


def user_cancel(x: Exchange, order_id: str | None) -> list[str]:
    with x.moment() as m:
        return matching.cancel(m, order_id, source=None if order_id else "user")


def decide(x: Exchange, order_id: str | None, grant: bool) -> dict[str, Any]:
    """Grant or deny an order that waits for approval; None: the only one that waits."""
    with x.moment() as m:
        if order_id is None:
            found = m.conn.execute("SELECT id FROM orders WHERE status = 'pending_approval'").fetchall()
            if len(found) != 1:
                raise ValueError(f"{len(found)} orders wait for an approval")
            order_id = found[0]["id"]
        matching.decide(m, str(order_id), grant=grant)
        return _order(m, matching.order_by_id(m, str(order_id)))


def add_faults(x: Exchange, faults: list[dict[str, Any]]) -> None:
    x.script.add([Fault(**fault) for fault in faults])


def clear_faults(x: Exchange, endpoint: str | None) -> None:
    x.script.clear(endpoint)


def faults(x: Exchange) -> list[dict[str, Any]]:
    return x.script.pending()


def settings(x: Exchange, values: dict[str, Any]) -> dict[str, Any]:
    return asdict(x.behave(**values))


def clock(x: Exchange, at: str | None = None, advance: float | None = None) -> str:
    """Stand still at an instant, or step on by seconds; neither: follow the real clock again."""
    if advance is not None:
        x.step(advance)
    else:
        x.freeze(None if at is None else parse_iso(at))
    return iso(x.now())


def orders(x: Exchange, source: str | None, token: str | None) -> list[dict[str, Any]]:
    """Every order ever accepted, oldest first, with what it really filled by now."""
    chosen = "coalesce(?, source) = source AND coalesce(?, token_id) = token_id"
    query = f"SELECT * FROM orders WHERE {chosen} ORDER BY seq"
    with x.moment() as m:
        return [_order(m, row) for row in m.conn.execute(query, (source, token)).fetchall()]


def wallet(x: Exchange) -> dict[str, Any]:
    """What the wallet holds in truth, whatever /holdings shows: shares by token, and USD."""
    with x.moment() as m:
        tokens = [row["token_id"] for row in m.conn.execute("SELECT token_id FROM tokens ORDER BY rowid")]
        return {"usd": text(cash(m)), "shares": {token: text(shares_of(m, token)) for token in tokens}}


def tokens(x: Exchange) -> list[dict[str, Any]]:
    """Every token in the order in which they were made: its market, what is held in truth, its prices."""
    query = (
        "SELECT t.*, question, winner, (SELECT max(n) FROM series s WHERE s.token_id = t.token_id) AS last"
        " FROM tokens t JOIN markets USING (condition_id) ORDER BY t.rowid"
    )
    with x.moment() as m:
        return [_told(m, row) for row in m.conn.execute(query).fetchall()]


def book(x: Exchange, token: str) -> dict[str, Any] | None:
    with x.moment() as m:
        return views.book(m, token)


def requests(x: Exchange) -> dict[str, Any]:
    return x.requests()


def _order(m: Moment, row: sqlite3.Row) -> dict[str, Any]:
    rows = matching.fills_of(m, row["id"])
    done = [r for r in rows if trade_status(r, m.now) != "FAILED"]
    filled = sum(r["size"] for r in done)
    usd = sum(worth(r["size"], r["price"]) for r in done)
    return {
        **{key: row[key] for key in ("id", "side", "type", "source", "status", "reason")},
        "token": row["token_id"],
        "at": _iso(row["at"]),
        "amount": text(row["amount"]),  # shares of a SELL, USD of a BUY
        "shares": text(row["amount"]) if row["side"] == "SELL" else None,
        "price": _text(row["price"]),
        "resting": text(row["resting"]),
        "filled": text(filled),
        "usd": text(usd),
        "avg_price": text(usd * UNIT // filled) if filled else None,
        "fills": [
            {
                **{"id": r["id"], "tx": r["tx_hash"], "size": text(r["size"]), "price": text(r["price"])},
                **{"status": trade_status(r, m.now), "at": _iso(r["at"])},
            }
            for r in rows
        ],
    }


def _told(m: Moment, token: sqlite3.Row) -> dict[str, Any]:
    ladder = None if token["winner"] is not None else ladder_of(m.conn, token, m.now, m.manners)
    shown = None if token["book"] is not None else series_row(m.conn, token, m.now)
    return {
        **{"token": token["token_id"], "market": token["condition_id"], "title": token["question"]},
        **{"outcome": token["outcome"], "winner": token["winner"]},
        "shares": text(shares_of(m, token["token_id"])),
        "avg_price": text(token["avg_price"]),
        "bid": _text(ladder.bids[0][0]) if ladder and ladder.bids else None,
        "ask": _text(ladder.asks[0][0]) if ladder and ladder.asks else None,
        "row": None if shown is None else shown["n"],  # of its series, where that is what the book shows
        "last": token["last"],
        "playing": token["play_since"] is not None and shown is not None and shown["n"] < token["last"],
    }


def _token(m: Moment, token: str) -> sqlite3.Row:
    row: sqlite3.Row | None = m.conn.execute("SELECT * FROM tokens WHERE token_id=?", (token,)).fetchone()
    if row is None:
        raise LookupError(f"no token {token}")
    return row


def _market(m: Moment, condition_id: str) -> None:
    if m.conn.execute("SELECT 1 FROM markets WHERE condition_id = ?", (condition_id,)).fetchone() is None:
        raise LookupError(f"no market {condition_id}")


def _iso(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))


def _text(millionths: int | None) -> str | None:
    return None if millionths is None else text(millionths)


_VERBS: list[Verb] = [
    *(create, hold, pay_in, set_market, resolve, load, advance, play, set_levels),
    *(user_order, user_cancel, decide, add_faults, clear_faults, faults, settings, clock),
    *(orders, wallet, tokens, book, requests),
]
VERBS = {verb.__name__: verb for verb in _VERBS}
