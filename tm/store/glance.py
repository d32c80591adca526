"""What an overview reads across tables: what happened last, which rules have just ended."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from tm.model import Rule, RuleEvent
from tm.store import events, rules
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


def data_version(conn: sqlite3.Connection) -> int:
    """A number that changes when another connection has committed something."""
    return int(conn.execute("PRAGMA data_version").fetchone()[0])
