"""execution_attempts: the intent log. One attempt is at most one POST."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tm.model import ActionType, Attempt, Baseline, Heard, Outcome, Watch
from tm.store import codec
from tm.times import parse_iso

TABLE = "execution_attempts"


def insert(conn: sqlite3.Connection, attempt: Attempt) -> int:
    """Record an intent and return its sequence number. IntegrityError: the token has an open attempt."""
    return codec.insert(
        conn,
        TABLE,
        {
            "id": attempt.id,
            "alert_id": attempt.alert_id,
            "rule_id": attempt.rule_id,
            "job_id": attempt.job_id,
            "market_id": attempt.market_id,
            "token_id": attempt.token_id,
            "action": attempt.action,
            "shares": attempt.shares,
            "outcome": attempt.outcome,
            "request": attempt.request,
            "baseline": baseline_column(attempt.baseline),
            "watch": watch_column(attempt.watch),
            "heard": attempt.heard,
            "created_at": attempt.created_at,
        },
    )


def get(conn: sqlite3.Connection, attempt_id: str) -> Attempt | None:
    row = conn.execute("SELECT * FROM execution_attempts WHERE id = ?", (attempt_id,)).fetchone()
    return None if row is None else from_row(row)


def listing(
    conn: sqlite3.Connection,
    *,
    rule_id: str | None = None,
    alert_id: str | None = None,
    job_id: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[Attempt]:
    """Attempts, newest first."""
    wanted = {"rule_id": rule_id, "alert_id": alert_id, "job_id": job_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    condition = " AND ".join(f"{name} = ?" for name in given) or "1"
    rows = conn.execute(
        f"SELECT * FROM execution_attempts WHERE {condition} ORDER BY seq DESC LIMIT ? OFFSET ?",
        [*given.values(), limit, offset],
    )
    return [from_row(row) for row in rows]


def latest_of_rules(conn: sqlite3.Connection, rule_ids: Iterable[str]) -> dict[str, Attempt]:
    """Given rules, return the newest attempt of each that has one."""
    ids = list(rule_ids)
    found: dict[str, Attempt] = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        rows = conn.execute(
            f"SELECT * FROM execution_attempts WHERE seq IN (SELECT max(seq) FROM execution_attempts "
            f"WHERE rule_id IN ({', '.join('?' * len(part))}) GROUP BY rule_id)",
            part,
        )
        found.update((row["rule_id"], from_row(row)) for row in rows)
    return found


def open_ones(conn: sqlite3.Connection) -> list[Attempt]:
    """Attempts whose outcome is not yet known, oldest first."""
    rows = conn.execute("SELECT * FROM execution_attempts WHERE closed_at IS NULL ORDER BY seq")
    return [from_row(row) for row in rows]


def open_tokens(conn: sqlite3.Connection) -> set[str]:
    rows = conn.execute("SELECT token_id FROM execution_attempts WHERE closed_at IS NULL")
    return {row[0] for row in rows}


def order_ids(conn: sqlite3.Connection, token_id: str) -> dict[str, str]:
    """Given a token, return the order ids that attempts on it are known by: order id to attempt id."""
    rows = conn.execute(
        "SELECT order_id, id FROM execution_attempts WHERE token_id = ? AND order_id IS NOT NULL", (token_id,)
    )
    return {row["order_id"]: row["id"] for row in rows}


def highest_seq(conn: sqlite3.Connection) -> int:
    """The highest sequence number ever given to an intent, 0 where there was none."""
    row = conn.execute("SELECT max(seq) FROM execution_attempts").fetchone()
    return int(row[0] or 0)


def number_above(conn: sqlite3.Connection, seq: int) -> None:
    """See that the next intent's sequence number is above `seq`."""
    changed = conn.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'execution_attempts'", (seq,)
    ).rowcount
    if not changed:
        conn.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('execution_attempts', ?)", (seq,))


def move(conn: sqlite3.Connection, attempt_id: str, expected: Iterable[Outcome], **fields: Any) -> bool:
    """Compare-and-swap on the outcome: set fields where it is one of `expected`; False where not."""
    if isinstance(fields.get("watch"), Watch):
        fields["watch"] = watch_column(fields["watch"])
    states = [str(outcome) for outcome in expected]
    changed = codec.update(
        conn,
        TABLE,
        fields,
        f"id = ? AND outcome IN ({', '.join('?' * len(states))})",
        attempt_id,
        *states,
    )
    return changed == 1


def baseline_column(baseline: Baseline) -> dict[str, Any]:
    return {
        "held": baseline.held,
        "tradeIds": baseline.trade_ids,
        "restingIds": baseline.resting_ids,
        "bestBid": baseline.best_bid,
        "bestAsk": baseline.best_ask,
        "venueAt": baseline.venue_at,
    }


def watch_column(watch: Watch) -> dict[str, Any]:
    return {
        "waited": watch.waited,
        "lookedAt": watch.looked_at,
        "restingSeen": watch.resting_seen,
        "clearLooks": watch.clear_looks,
        "horizonFrom": watch.horizon_from,
    }


def from_row(row: sqlite3.Row) -> Attempt:
    baseline, watch = json.loads(row["baseline"]), json.loads(row["watch"])
    return Attempt(
        id=row["id"],
        seq=row["seq"],
        alert_id=row["alert_id"],
        rule_id=row["rule_id"],
        job_id=row["job_id"],
        market_id=row["market_id"],
        token_id=row["token_id"],
        action=ActionType(row["action"]),
        shares=Decimal(row["shares"]),
        outcome=Outcome(row["outcome"]),
        request=json.loads(row["request"]),
        response=None if row["response"] is None else json.loads(row["response"]),
        baseline=Baseline(
            held=codec.decimal(baseline["held"]),
            trade_ids=tuple(baseline["tradeIds"]),
            resting_ids=tuple(baseline["restingIds"]),
            best_bid=codec.decimal(baseline["bestBid"]),
            best_ask=codec.decimal(baseline["bestAsk"]),
            venue_at=codec.instant(baseline["venueAt"]),
        ),
        watch=Watch(
            waited=Decimal(watch["waited"]),
            looked_at=codec.instant(watch["lookedAt"]),
            resting_seen=tuple(watch["restingSeen"]),
            clear_looks=tuple(Decimal(at) for at in watch["clearLooks"]),
            horizon_from=Decimal(watch["horizonFrom"]),
        ),
        heard=Heard(row["heard"]),
        order_id=row["order_id"],
        tx_hash=row["tx_hash"],
        reason=row["reason"],
        needs_operator=bool(row["needs_operator"]),
        unknown_told=bool(row["unknown_told"]),
        filled_shares=codec.decimal(row["filled_shares"]),
        avg_price=codec.decimal(row["avg_price"]),
        created_at=parse_iso(row["created_at"]),
        closed_at=codec.instant(row["closed_at"]),
    )
