"""trade_rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.store import codec
from tm.times import iso, parse_iso

TABLE = "trade_rules"


def insert(conn: sqlite3.Connection, rule: Rule) -> None:
    codec.insert(
        conn,
        TABLE,
        {
            "id": rule.id,
            "rule_type": rule.rule_type,
            "market_id": rule.market_id,
            "token_id": rule.token_id,
            "side": rule.side,
            "trigger_price": rule.trigger_price,
            "trailing_percent": rule.trailing_percent,
            "action_type": rule.action.type,
            "action_amount": rule.action.amount,
            "action_percent": rule.action.percent,
            "trigger_percent": rule.trigger_percent,
            "entry_price": rule.entry_price,
            "trailing_amount": rule.trailing_amount,
            "activation_price": rule.activation_price,
            "activation_percent": rule.activation_percent,
            "status": rule.status,
            "label": rule.label,
            "expires_at": rule.expires_at,
            "created_at": rule.created_at,
            "updated_at": rule.updated_at,
        },
    )


def get(conn: sqlite3.Connection, rule_id: str) -> Rule | None:
    row = conn.execute("SELECT * FROM trade_rules WHERE id = ?", (rule_id,)).fetchone()
    return None if row is None else from_row(row)


def listing(
    conn: sqlite3.Connection, status: RuleStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[Rule]:
    """Rules, newest first."""
    where, values = ("WHERE status = ?", [str(status)]) if status else ("", [])
    rows = conn.execute(
        f"SELECT * FROM trade_rules {where} ORDER BY seq DESC LIMIT ? OFFSET ?", [*values, limit, offset]
    )
    return [from_row(row) for row in rows]


def with_status(conn: sqlite3.Connection, status: RuleStatus) -> list[Rule]:
    """All rules of a status, oldest first: the order in which a tick judges them."""
    rows = conn.execute("SELECT * FROM trade_rules WHERE status = ? ORDER BY seq", (str(status),))
    return [from_row(row) for row in rows]


def count(conn: sqlite3.Connection, status: RuleStatus) -> int:
    return int(
        conn.execute("SELECT count(*) FROM trade_rules WHERE status = ?", (str(status),)).fetchone()[0]
    )


def tokens_open(conn: sqlite3.Connection) -> set[str]:
    """Tokens that an ACTIVE or TRIGGERED rule names: those whose position is worth remembering."""
    rows = conn.execute("SELECT DISTINCT token_id FROM trade_rules WHERE status IN ('ACTIVE', 'TRIGGERED')")
    return {row[0] for row in rows}


def update(conn: sqlite3.Connection, rule_id: str, now: datetime, **fields: Any) -> bool:
    """Set fields of a rule whatever its status; say whether it exists."""
    return codec.update(conn, TABLE, {**fields, "updated_at": now}, "id = ?", rule_id) == 1


def swap_status(
    conn: sqlite3.Connection, rule_id: str, old: RuleStatus, new: RuleStatus, now: datetime, **fields: Any
) -> bool:
    """Compare-and-swap: move a rule from `old` to `new` and set fields; False when it was not `old`."""
    changed = codec.update(
        conn,
        TABLE,
        {**fields, "status": new, "updated_at": now},
        "id = ? AND status = ?",
        rule_id,
        str(old),
    )
    return changed == 1


Looks = dict[str, list[list[codec.Column]]]  # a statement, and the rows that it is run with


def looks(changes: Iterable[tuple[Rule, dict[str, Any]]]) -> Looks:
    """Given what a tick learned about rules (counts, trailing trigger, blindness), make it ready to be saved.

    Rules of which the same was learned share a statement.
    """
    made: Looks = {}
    for judged, fields in changes:
        where, *values = _as_judged(judged)
        statement = f"UPDATE {TABLE} SET {', '.join(f'{name} = ?' for name in fields)} WHERE {where}"
        row = [*(codec.to_column(value) for value in fields.values()), *values]
        made.setdefault(statement, []).append(row)
    return made


def save_looks(conn: sqlite3.Connection, made: Looks) -> None:
    """Save what was learned about rules that are still ACTIVE.

    Of a rule that a person has changed since it was judged nothing is remembered: it is another rule now.
    """
    for statement, rows in made.items():
        conn.executemany(statement, rows)


def remember_looks(conn: sqlite3.Connection, changes: Iterable[tuple[Rule, dict[str, Any]]]) -> None:
    save_looks(conn, looks(changes))


def fire(conn: sqlite3.Connection, judged: Rule, now: datetime, **fields: Any) -> bool:
    """Move a rule from ACTIVE to TRIGGERED; False when it is no longer the ACTIVE rule that was judged."""
    changes = {**fields, "status": RuleStatus.TRIGGERED, "updated_at": now}
    return codec.update(conn, TABLE, changes, *_as_judged(judged)) == 1


def _as_judged(rule: Rule) -> tuple[str, str, str]:
    return "id = ? AND status = 'ACTIVE' AND updated_at = ?", rule.id, iso(rule.updated_at)


def from_row(row: sqlite3.Row) -> Rule:
    return Rule(
        id=row["id"],
        rule_type=RuleType(row["rule_type"]),
        market_id=row["market_id"],
        token_id=row["token_id"],
        side=row["side"],
        trigger_price=codec.decimal(row["trigger_price"]),
        trailing_percent=codec.decimal(row["trailing_percent"]),
        action=Action(
            ActionType(row["action_type"]),
            codec.decimal(row["action_amount"]),
            codec.decimal(row["action_percent"]),
        ),
        status=RuleStatus(row["status"]),
        triggered_at=codec.instant(row["triggered_at"]),
        trigger_tx_hash=row["trigger_tx_hash"],
        error_message=row["error_message"],
        label=row["label"],
        expires_at=codec.instant(row["expires_at"]),
        position_seen_at=codec.instant(row["position_seen_at"]),
        promised_shares=codec.decimal(row["promised_shares"]),
        sold_shares=Decimal(row["sold_shares"]),
        trigger_percent=codec.decimal(row["trigger_percent"]),
        entry_price=codec.decimal(row["entry_price"]),
        entry_price_now=codec.decimal(row["entry_price_now"]),
        trailing_amount=codec.decimal(row["trailing_amount"]),
        activation_price=codec.decimal(row["activation_price"]),
        activation_percent=codec.decimal(row["activation_percent"]),
        activated_at=codec.instant(row["activated_at"]),
        not_before=codec.instant(row["not_before"]),
        rearm_count=row["rearm_count"],
        confirm_count=row["confirm_count"],
        cancel_requested=bool(row["cancel_requested"]),
        blind_since=codec.instant(row["blind_since"]),
        blind_told=bool(row["blind_told"]),
        unseen_since=codec.instant(row["unseen_since"]),
        unseen_told=bool(row["unseen_told"]),
        unsold_since=codec.instant(row["unsold_since"]),
        unsold_told=bool(row["unsold_told"]),
        last_evaluation=row["last_evaluation"],
        created_at=parse_iso(row["created_at"]),
        updated_at=parse_iso(row["updated_at"]),
    )
