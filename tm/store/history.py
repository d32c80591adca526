"""quote_history: what the ticks read of a token, one row for each stretch in which its quote stood still.

A row begins with the reading that found another quote, and ends (`span` seconds later) with the last that
found the same. Of the stretch that still goes on, `span` is 0: it lasts until the position's `quote_at`.
A new row begins also with each hour, and where readings are too far apart to say that nothing happened
between them. So a quiet market costs about 20 bytes an hour, and one that never rests about 20 a tick.

Kept are: every change for a day; then the last stretch that begins in a minute, for 30 days; then the last
that begins in an hour, for a year.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tm.model import Position, Stretch

UNITS = 10_000  # of a USD: the finest tick size of any market
HOUR = 3600
DAY = 86_400
YEAR = 365 * DAY
# column that says how far it is done, length of what is kept one of, age from which on, seconds in one step
_ID = "(SELECT id FROM quoted_tokens WHERE token_id = ?2)"
STEPS = (("minutes_to", 60, DAY, 6 * HOUR), ("hours_to", HOUR, 30 * DAY, 7 * DAY))


@dataclass(frozen=True, slots=True)
class News:
    """A quote that was not there before, and when the one before it was last read."""

    token_id: str
    at: int  # seconds since 1970
    bid: int | None  # units
    ask: int | None
    before_until: int | None


def news(before: Mapping[str, Position], after: Iterable[Position], longest_gap: float) -> list[News]:
    """Given positions as they were and as they are now, return the quotes that are new.

    `longest_gap`: seconds between two readings up to which a quote that is the same is taken to have stood.
    """
    found = []
    for new in after:
        old = before.get(new.token_id)
        if new.quote_at is not None and _begins(old, new, longest_gap):
            until = None if old is None or old.quote_at is None else _seconds(old.quote_at)
            bid, ask = _units(new.best_bid), _units(new.best_ask)
            found.append(News(new.token_id, _seconds(new.quote_at), bid, ask, until))
    return found


def longest_gap(poll_interval: int) -> int:
    """Given the seconds between ticks, return the longest gap within a stretch: one tick may be missed."""
    return max(60, 3 * poll_interval)


def record(conn: sqlite3.Connection, found: list[News]) -> None:
    """Write down new quotes, in the transaction that saves the positions: they tell where a stretch ends."""
    if not found:
        return
    conn.executemany(
        "INSERT INTO quoted_tokens (token_id) VALUES (?) ON CONFLICT DO NOTHING",
        [(each.token_id,) for each in found],
    )
    conn.executemany(
        f"UPDATE quote_history SET span = ?1 - at WHERE token = {_ID} AND at < ?1 AND span = 0 "
        f"AND at = (SELECT max(at) FROM quote_history WHERE token = {_ID})",
        [(each.before_until, each.token_id) for each in found if each.before_until is not None],
    )
    conn.executemany(
        f"INSERT INTO quote_history (token, at, bid, ask) VALUES ({_ID}, ?1, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET bid = excluded.bid, ask = excluded.ask, span = 0",
        [(each.at, each.token_id, each.bid, each.ask) for each in found],
    )


def is_known(conn: sqlite3.Connection, token_id: str) -> bool:
    return conn.execute("SELECT 1 FROM quoted_tokens WHERE token_id = ?", (token_id,)).fetchone() is not None


def newest_first(
    conn: sqlite3.Connection,
    token_id: str,
    *,
    since: datetime | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[Stretch]:
    """Stretches that begin at `since` or later."""
    return list(_rows(conn, token_id, since, f"DESC LIMIT {limit:d} OFFSET {offset:d}"))


def oldest_first(conn: sqlite3.Connection, token_id: str, since: datetime | None = None) -> Iterator[Stretch]:
    """Stretches that begin at `since` or later, one after the other: never all of them in memory."""
    return _rows(conn, token_id, since, "")


def thinning_is_due(conn: sqlite3.Connection, now: datetime) -> bool:
    """Say whether there are quotes that became old enough to be thinned."""
    minutes, hours = (_boundary(now, age) for _, _, age, _ in STEPS)
    row = conn.execute(
        "SELECT 1 FROM quoted_tokens WHERE minutes_to < ? OR hours_to < ? LIMIT 1", (minutes, hours)
    ).fetchone()
    return row is not None


def thin(conn: sqlite3.Connection, now: datetime, tokens_at_most: int) -> None:
    """Thin some hours of a few tokens, and forget what is older than a year."""
    for column, length, age, step in STEPS:
        boundary = _boundary(now, age)
        due = conn.execute(
            f"SELECT id, {column} FROM quoted_tokens WHERE {column} < ? LIMIT ?", (boundary, tokens_at_most)
        ).fetchall()
        for token, done in due:
            first = conn.execute(
                "SELECT min(at) FROM quote_history WHERE token = ? AND at >= ?", (token, done)
            ).fetchone()[0]
            end = boundary if first is None else min(boundary, max(first, done) // HOUR * HOUR + step)
            _keep_the_last(conn, token, done, end, length)
            conn.execute(f"UPDATE quoted_tokens SET {column} = ? WHERE id = ?", (end, token))
            if length == HOUR:
                _forget(conn, token, _seconds(now) - YEAR)


def _keep_the_last(conn: sqlite3.Connection, token: int, start: int, end: int, length: int) -> None:
    """Of the stretches that begin in one minute (or hour), the last may go on beyond it: that one stays."""
    conn.execute(
        "DELETE FROM quote_history WHERE token = ?1 AND at >= ?2 AND at < ?3 AND EXISTS "
        "(SELECT 1 FROM quote_history later WHERE later.token = ?1 AND later.at > quote_history.at "
        "AND later.at < (quote_history.at / ?4 + 1) * ?4)",
        (token, start, end, length),
    )


def _forget(conn: sqlite3.Connection, token: int, before: int) -> None:
    conn.execute("DELETE FROM quote_history WHERE token = ? AND at < ?", (token, before))
    conn.execute(
        "DELETE FROM quoted_tokens WHERE id = ?1 "
        "AND NOT EXISTS (SELECT 1 FROM quote_history WHERE token = ?1)",
        (token,),
    )


def _begins(old: Position | None, new: Position, longest_gap: float) -> bool:
    """Say whether a position's quote was read now, and is not just the one that stood before."""
    if old is not None and old.quote_at == new.quote_at:
        return False
    if old is None or old.quote_at is None or (old.best_bid, old.best_ask) != (new.best_bid, new.best_ask):
        return True
    at, was = _seconds(new.quote_at or old.quote_at), _seconds(old.quote_at)
    return not 0 <= at - was <= longest_gap or at // HOUR != was // HOUR


def _rows(conn: sqlite3.Connection, token_id: str, since: datetime | None, order: str) -> Iterator[Stretch]:
    rows = conn.execute(
        "SELECT h.at, h.span, h.bid, h.ask, p.quote_at, p.best_bid, p.best_ask FROM quoted_tokens t "
        "JOIN quote_history h ON h.token = t.id LEFT JOIN monitored_positions p ON p.token_id = t.token_id "
        f"AND h.at = (SELECT max(at) FROM quote_history WHERE token = t.id) "
        f"WHERE t.token_id = ? AND h.at >= ? ORDER BY h.at {order}",
        (token_id, 0 if since is None else _seconds(since)),
    )
    for row in rows:
        yield _stretch(*row)


def _stretch(
    at: int, span: int, bid: int | None, ask: int | None, quote_at: str | None, *now: str | None
) -> Stretch:
    stands = (_price(bid), _price(ask))
    if quote_at is not None and stands == tuple(None if each is None else Decimal(each) for each in now):
        span = max(span, _seconds(datetime.fromisoformat(quote_at)) - at)
    return Stretch(_instant(at), _instant(at + span), *stands)


def _boundary(now: datetime, age: int) -> int:
    return (_seconds(now) - age) // HOUR * HOUR


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _units(price: Decimal | None) -> int | None:
    return None if price is None else int(price * UNITS)


def _price(units: int | None) -> Decimal | None:
    return None if units is None else Decimal(units) / UNITS
