"""A token's order book at an instant, and what an order takes out of it.

A ladder's levels are (price, size) in millionths, best first.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace

from tm.venue.paper.state import Manners
from tm.venue.paper.units import SHARE_STEP, UNIT, micro, worth

Levels = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    bids: Levels
    asks: Levels
    key: str = ""  # changes when the book does

    @property
    def tick(self) -> int:
        """The tick size that the prices imply: 0.01 unless one of them is finer."""
        prices = [price for price, _ in self.bids + self.asks]
        return next((tick for tick in (10_000, 1_000) if all(p % tick == 0 for p in prices)), 100)


class NoFill(Exception):
    """A fill-or-kill order found too little; the text is the exchange's."""


NO_MATCH = "no match"
KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."


def ladder_of(conn: sqlite3.Connection, token: sqlite3.Row, at: float, manners: Manners) -> Ladder | None:
    """Given a token's row and an instant, return its book, less what was eaten of it; None: it has none."""
    found = _explicit(token) if token["book"] is not None else _recorded(conn, token, at, manners)
    if found is None or token["eaten_key"] != found.key:
        return found
    return replace(
        found,
        bids=less(found.bids, token["eaten_bids"]),
        asks=less(found.asks, token["eaten_asks"]),
    )


def series_row(conn: sqlite3.Connection, token: sqlite3.Row, at: float) -> sqlite3.Row | None:
    """Given a token's row and an instant, return the row of its series that stands then."""
    if token["row"] is None:
        return None
    found: sqlite3.Row | None = conn.execute(
        "SELECT * FROM series WHERE token_id = ? AND n = ?", (token["token_id"], token["row"])
    ).fetchone()
    if found is None or token["play_since"] is None:
        return found
    then = found["at"] + max(0.0, at - token["play_since"]) * token["play_speed"]
    query = "SELECT * FROM series WHERE token_id = ? AND n >= ? AND at <= ? ORDER BY n DESC LIMIT 1"
    return conn.execute(query, (token["token_id"], token["row"], then)).fetchone() or found


def _explicit(token: sqlite3.Row) -> Ladder | None:
    book = json.loads(token["book"])
    if book is None:
        return None
    bids = sorted(((p, s) for p, s in book["bids"]), reverse=True)
    return Ladder(tuple(bids), tuple(sorted((p, s) for p, s in book["asks"])), f"{token['version']}")


def _recorded(conn: sqlite3.Connection, token: sqlite3.Row, at: float, manners: Manners) -> Ladder | None:
    row = series_row(conn, token, at)
    if row is None:
        return None
    depth = micro(manners.depth)
    return Ladder(
        one_level(row["bid"], row["bid_depth"], depth),
        one_level(row["ask"], row["ask_depth"], depth),
        f"{token['version']}:{row['n']}",
    )


def one_level(price: int | None, depth: int | None, default: int) -> Levels:
    size = default if depth is None else depth
    return () if price is None or size <= 0 else ((price, size),)


def less(levels: Levels, eaten: int) -> Levels:
    """Given levels, return what is left of them once `eaten` shares are taken from the best price on."""
    left = []
    for price, size in levels:
        taken = min(size, eaten)
        eaten -= taken
        if size > taken:
            left.append((price, size - taken))
    return tuple(left)


def take_shares(levels: Levels, shares: int) -> list[tuple[int, int]]:
    """Given bids and shares to sell, return the fills. Raise NoFill unless all of it fills."""
    if not levels:
        raise NoFill(NO_MATCH)
    fills = []
    for price, size in levels:
        taken = min(size, shares)
        if taken > 0:
            fills.append((price, taken))
        shares -= taken
    if shares > 0:
        raise NoFill(KILLED)
    return fills


def take_usd(levels: Levels, usd: int) -> list[tuple[int, int]]:
    """Given asks and USD to spend, return the fills. Raise NoFill unless all of it fills."""
    if not levels:
        raise NoFill(NO_MATCH)
    fills = []
    for price, size in levels:
        taken = min(size, usd * UNIT // price)
        taken -= taken % SHARE_STEP
        if taken > 0:
            fills.append((price, taken))
            usd -= worth(taken, price)
        if taken < size or usd < worth(SHARE_STEP, price):
            return fills
    raise NoFill(KILLED)
