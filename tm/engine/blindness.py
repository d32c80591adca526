"""Saying once, after five minutes, that a rule cannot do its work: no quote, no position, no sale."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tm.engine.context import Engine
from tm.engine.tell import tell_all
from tm.logs import log
from tm.model import Rule, RuleStatus
from tm.store import rules

if TYPE_CHECKING:
    from tm.engine.monitor import Plan

PATIENCE = timedelta(minutes=5)


def tell_of(conn: sqlite3.Connection, engine: Engine, plan: Plan, now: datetime) -> None:
    """Given an evaluation, tell of each rule that has waited too long (inside its transaction)."""
    found = []
    for entry in plan.judged:
        rule, fields = entry.rule, entry.fields
        reason = entry.evaluation.reason if entry.evaluation else "not looked at"
        for kind, why in (
            ("blind", f"no usable price ({reason})"),
            ("unseen", "its position is not shown by holdings"),
            ("unsold", "it triggered, and nothing could be sold yet"),
        ):
            found.append(_if_late(conn, rule, fields, kind, now, why))
    tell_all(conn, engine.settings, now, [subject for subject in found if subject is not None])


def start_all(engine: Engine, why: str) -> None:
    """Vincent could not be read: every ACTIVE rule is blind from now on, until a quote passes."""
    now = engine.clock()
    active = rules.with_status(engine.store.conn, RuleStatus.ACTIVE)
    if not active:
        return
    found = []
    with engine.store.write("blindness.start") as conn:
        for rule in active:
            fields: dict[str, Any] = {"blind_since": now} if rule.blind_since is None else {}
            if fields:
                rules.remember_looks(conn, [(rule, fields)])
            found.append(_if_late(conn, rule, fields, "blind", now, f"no usable price ({why})"))
        tell_all(conn, engine.settings, now, [subject for subject in found if subject is not None])


def _if_late(
    conn: sqlite3.Connection, rule: Rule, fields: dict[str, Any], kind: str, now: datetime, why: str
) -> dict[str, Any] | None:
    """Given a rule and what was learned of it, return what to tell the agent, the first time it is late."""
    since = fields.get(f"{kind}_since", getattr(rule, f"{kind}_since"))
    if since is None or getattr(rule, f"{kind}_told"):
        return None
    if since > now:  # the clock went back: count anew from here
        rules.remember_looks(conn, [(rule, {f"{kind}_since": now})])
        return None
    if now - since < PATIENCE:
        return None
    rules.remember_looks(conn, [(rule, {f"{kind}_told": True})])
    log(f"rule_{kind}", level="warning", ruleId=rule.id, tokenId=rule.token_id, why=why)
    name = rule.label or rule.token_id
    text = f"The rule on {name} has not been able to act for five minutes: {why}. It stays ACTIVE"
    return {"event": f"rule_{kind}", "text": text, "ruleId": rule.id}
