"""Saying once, after five minutes, that a rule cannot do its work: no quote, no position, no sale."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm.engine.context import Engine
from tm.engine.tell import tell
from tm.logs import log
from tm.model import Rule, RuleStatus
from tm.store import rules

if TYPE_CHECKING:
    from tm.engine.monitor import Plan

PATIENCE = timedelta(minutes=5)


def tell_of(conn: sqlite3.Connection, engine: Engine, plan: Plan, now: datetime) -> None:
    """Given an evaluation, tell of each rule that has waited too long (inside its transaction)."""
    for entry in plan.judged:
        rule, fields = entry.rule, entry.fields
        reason = entry.evaluation.reason if entry.evaluation else "not looked at"
        _tell_if_late(conn, engine, rule, fields, "blind", now, f"no usable price ({reason})")
        _tell_if_late(conn, engine, rule, fields, "unseen", now, "its position is not shown by holdings")
        _tell_if_late(
            conn, engine, rule, fields, "unsold", now, "it triggered, and nothing could be sold yet"
        )


def start_all(engine: Engine, why: str) -> None:
    """Vincent could not be read: every ACTIVE rule is blind from now on, until a quote passes."""
    now = engine.clock()
    active = rules.with_status(engine.store.conn, RuleStatus.ACTIVE)
    if not active:
        return
    with engine.store.write("blindness.start") as conn:
        for rule in active:
            fields: dict[str, Any] = {"blind_since": now} if rule.blind_since is None else {}
            if fields:
                rules.remember_looks(conn, [(rule.id, fields)])
            _tell_if_late(conn, engine, rule, fields, "blind", now, f"no usable price ({why})")


def _tell_if_late(
    conn: sqlite3.Connection,
    engine: Engine,
    rule: Rule,
    fields: dict[str, Any],
    kind: str,
    now: datetime,
    why: str,
) -> None:
    since = fields.get(f"{kind}_since", getattr(rule, f"{kind}_since"))
    if since is None or getattr(rule, f"{kind}_told"):
        return
    if since > now:  # the clock went back: count anew from here
        rules.remember_looks(conn, [(rule.id, {f"{kind}_since": now})])
        return
    if now - since < PATIENCE:
        return
    rules.remember_looks(conn, [(rule.id, {f"{kind}_told": True})])
    name = rule.label or rule.token_id
    tell(
        conn,
        engine.settings,
        now,
        f"rule_{kind}",
        f"The rule on {name} has not been able to act for five minutes: {why}. It stays ACTIVE",
        rule_id=rule.id,
    )
    log(f"rule_{kind}", level="warning", ruleId=rule.id, tokenId=rule.token_id, why=why)
