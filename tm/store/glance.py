"""What an overview reads across tables: what happened last, which rules have just ended, how a price went."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tm.model import Rule, RuleEvent
from tm.store import events, rules
from tm.store.history import UNITS
from tm.times import iso


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, and the rule that it happened to, in short."""

    event: RuleEvent
    rule_type: str
    token_id: str
    label: str | None


def happenings(conn: sqlite3.Connection, since: datetime | None = None, limit: int = 50) -> list[Happening]:
    """What happened, newest first, from an instant on; evaluations are no news and left out."""
    rows = conn.execute(
        "SELECT e.*, r.rule_type, r.token_id, r.label "
        "FROM rule_events e JOIN trade_rules r ON r.id = e.rule_id "
        "WHERE e.event_type <> 'RULE_EVALUATED' AND e.created_at >= ? ORDER BY e.seq DESC LIMIT ?",
        ("" if since is None else iso(since), limit),
    )
    return [Happening(events.from_row(row), row["rule_type"], row["token_id"], row["label"]) for row in rows]


def ended_since(conn: sqlite3.Connection, since: datetime, limit: int = 100) -> list[Rule]:
    """Rules that are no longer ACTIVE and changed at or after an instant, newest first."""
    rows = conn.execute(
        "SELECT * FROM trade_rules WHERE status <> 'ACTIVE' AND updated_at >= ? ORDER BY seq DESC LIMIT ?",
        (iso(since), limit),
    )
    return [rules.from_row(row) for row in rows]


def path(
    conn: sqlite3.Connection, token_id: str, since: datetime, now: datetime, points: int, longest_gap: int
) -> list[tuple[datetime, Decimal | None]]:
    """The best bid of a token from an instant on, oldest first; None where there was none, or nobody looked.

    At most about so many points: the lowest and the highest of each stretch of time, since a stop looks at
    lows. `longest_gap`: so many seconds without a reading are no hole yet.
    """
    begin = int(since.timestamp())
    (first,) = conn.execute(
        "SELECT min(at) FROM quote_history WHERE at >= ?2 "
        "AND token = (SELECT id FROM quoted_tokens WHERE token_id = ?1)",
        (token_id, begin),
    ).fetchone()
    if first is None:
        return []
    stretch = max(1, (int(now.timestamp()) - first) * 2 // points)
    rows = conn.execute(_PATH, (token_id, begin, stretch, longest_gap))
    return [
        (datetime.fromtimestamp(at, UTC), None if bid is None else Decimal(bid) / UNITS) for at, bid in rows
    ]


# min() and max() bring the row that they found along (sqlite.org/lang_select.html#bareagg).
# Of one instant the bid comes before the hole that follows it: NULL is less than any.
_PATH = """
WITH seen AS (
    SELECT h.at, h.bid, h.at + h.span AS until, lead(h.at) OVER (ORDER BY h.at) AS next
    FROM quoted_tokens t JOIN quote_history h ON h.token = t.id
    WHERE t.token_id = ?1 AND h.at >= ?2
)
SELECT at, bid FROM (SELECT at, min(bid) AS bid FROM seen WHERE bid IS NOT NULL GROUP BY at / ?3)
UNION SELECT at, bid FROM (SELECT at, max(bid) AS bid FROM seen WHERE bid IS NOT NULL GROUP BY at / ?3)
UNION SELECT at, NULL FROM (SELECT max(at) AS at FROM seen WHERE bid IS NULL GROUP BY at / ?3)
UNION SELECT until, NULL FROM (SELECT max(until) AS until FROM seen WHERE next - until > ?4 GROUP BY at / ?3)
ORDER BY at, bid DESC
"""


def data_version(conn: sqlite3.Connection) -> int:
    """A number that changes when another connection has committed something."""
    return int(conn.execute("PRAGMA data_version").fetchone()[0])
