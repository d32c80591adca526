"""What is recorded of an attempt's outcome: attempt, rule or alert, job, event and wake together.

Every function here is called inside a transaction (`conn`) and commits nothing itself.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.config import Settings
from tm.engine.consequences import (
    Ending,
    end_for_alert,
    end_for_rule,
    facts,
    note,
    sold_text,
    subject,
)
from tm.engine.tell import tell
from tm.market import Answer
from tm.model import OPEN_OUTCOMES, Attempt, EventType, Job, Outcome, Rule
from tm.numbers import canonical, is_dust
from tm.store import attempts, jobs, rules

FIRST_ANSWER = (Outcome.SENT, Outcome.UNKNOWN)


def record_answer(
    conn: sqlite3.Connection, settings: Settings, attempt: Attempt, answer: Answer, now: datetime
) -> None:
    """Given the answer to an attempt's POST, record it; where it is final, end the attempt with it."""
    if answer.outcome not in OPEN_OUTCOMES:
        ending = Ending(
            answer.outcome, answer.reason, order_id=answer.order_id, retry_after=answer.retry_after
        )
        end(conn, settings, attempt, ending, now, expected=FIRST_ANSWER, response=answer.raw)
        return
    moved = attempts.move(
        conn,
        attempt.id,
        FIRST_ANSWER,
        outcome=answer.outcome,
        heard=answer.heard,
        order_id=answer.order_id,
        tx_hash=answer.tx_hash,
        avg_price=answer.avg_price,
        reason=answer.reason,
        response=answer.raw,
    )
    if not moved:
        return
    if answer.outcome is Outcome.MATCHED:
        _say_matched(conn, settings, attempt, answer, now)
    elif answer.outcome is Outcome.PENDING_APPROVAL:
        note(conn, attempt, EventType.ACTION_PENDING_APPROVAL, now, {"reason": answer.reason})
        tell(
            conn,
            settings,
            now,
            "approval_wanted",
            f"A person must approve the sale of {canonical(attempt.shares)} shares of "
            f"{_name(conn, attempt)} (30 minutes): {answer.reason}",
            **subject(attempt),
        )
    else:
        note(conn, attempt, EventType.ACTION_UNKNOWN, now, {"reason": answer.reason})


def end(
    conn: sqlite3.Connection,
    settings: Settings,
    attempt: Attempt,
    ending: Ending,
    now: datetime,
    *,
    expected: tuple[Outcome, ...] = tuple(OPEN_OUTCOMES),
    response: dict[str, Any] | None = None,
) -> Outcome | None:
    """Close an attempt and let rule or alert, job, event and wake follow. None: it was closed before."""
    job = jobs.get(conn, attempt.job_id)
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    assert job is not None
    owner: Rule | Job = rule or job
    left = (owner.promised_shares or Decimal(0)) - owner.sold_shares - ending.sold
    price = ending.avg_price or attempt.baseline.best_bid
    outcome = ending.outcome
    if outcome is Outcome.FILLED and not is_dust(left, price):
        outcome = Outcome.PARTIAL
    fields: dict[str, Any] = {
        "outcome": outcome,
        "reason": ending.reason,
        "filled_shares": ending.sold,
        "closed_at": now,
    }
    if response is not None:
        fields["response"] = response
    for name in ("avg_price", "tx_hash", "order_id"):
        if getattr(ending, name) is not None:
            fields[name] = getattr(ending, name)
    if not attempts.move(conn, attempt.id, expected, **fields):
        return None
    if rule is not None:
        end_for_rule(conn, settings, attempt, rule, job, ending, outcome, now)
    else:
        end_for_alert(conn, settings, attempt, job, ending, outcome, now)
    return outcome


def _say_matched(
    conn: sqlite3.Connection, settings: Settings, attempt: Attempt, answer: Answer, now: datetime
) -> None:
    """Tell of a match at once, where it keeps the whole promise; a slice is told when it has settled."""
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    if rule is None:
        return
    left = (rule.promised_shares or Decimal(0)) - rule.sold_shares - attempt.shares
    if not is_dust(left, answer.avg_price or attempt.baseline.best_bid):
        return
    ending = Ending(
        Outcome.FILLED, answer.reason, attempt.shares, answer.avg_price, answer.tx_hash, answer.order_id
    )
    rules.update(conn, rule.id, now, trigger_tx_hash=answer.tx_hash)
    note(conn, attempt, EventType.ACTION_EXECUTED, now, facts(attempt, ending))
    text = sold_text(rule.label or rule.token_id, rule, ending)
    tell(conn, settings, now, "sold", text, **subject(attempt))


def _name(conn: sqlite3.Connection, attempt: Attempt) -> str:
    rule = rules.get(conn, attempt.rule_id) if attempt.rule_id else None
    return (rule.label if rule else None) or attempt.token_id
