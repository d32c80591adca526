"""From a rule that fires to a job, and back when the job cannot be done."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from tm.engine import consequences
from tm.engine.context import BASELINE_READS, Engine
from tm.engine.monitor import Judged
from tm.ids import new_id
from tm.logs import log
from tm.model import EventType, Job, JobStatus, JobType, Rule, RuleStatus
from tm.numbers import canonical
from tm.store import events, jobs, rules, state

ORDERS_A_TICK = 20  # sent one after the other; Vincent takes 100 requests a minute


def pull(engine: Engine, firing: list[Judged]) -> list[Job]:
    """Given the rules that fire, make each TRIGGERED together with its job; one a token.

    None while paused. A rule that meanwhile is no longer ACTIVE is left alone.
    """
    if state.paused(engine.store.conn) is not None:
        if firing:
            engine.report.notes.append(f"paused: {len(firing)} rules would fire")
        return []
    made: list[Job] = []
    tokens: set[str] = set()
    # What cannot be sent in this tick fires at the next look.
    affordable = ORDERS_A_TICK if engine.budget.left >= BASELINE_READS else 0
    for entry in firing:
        if len(made) >= affordable:
            break
        if entry.rule.token_id in tokens:
            continue
        job = _pull_one(engine, entry)
        if job is not None:
            made.append(job)
            tokens.add(entry.rule.token_id)
    return made


def _pull_one(engine: Engine, entry: Judged) -> Job | None:
    rule, evaluation = entry.rule, entry.evaluation
    assert evaluation is not None
    now = engine.clock()
    job = Job(
        id=new_id(),
        job_type=JobType.EXECUTE_TXN,
        status=JobStatus.PENDING,
        attempts=0,
        max_attempts=engine.settings.max_job_attempts,
        run_at=now,
        created_at=now,
        updated_at=now,
        rule_id=rule.id,
        payload={
            "marketId": rule.market_id,
            "tokenId": rule.token_id,
            "action": {"type": rule.action.type, "amount": rule.action.amount},
        },
    )
    with engine.store.write("trigger.commit") as conn:
        since = rule.unsold_since or now
        if not rules.fire(conn, rule, now, triggered_at=now, unsold_since=since):
            return None
        seen = {
            "bestBid": evaluation.best_bid,
            "triggerPrice": evaluation.trigger_price,
            "reason": evaluation.reason,
            "jobId": job.id,
        }
        events.add(conn, rule.id, EventType.RULE_TRIGGERED, now, seen)
        jobs.insert(conn, job)
    engine.report.triggered.append(rule.id)
    bid = "-" if evaluation.best_bid is None else canonical(evaluation.best_bid)
    log("rule_triggered", level="notice", ruleId=rule.id, tokenId=rule.token_id, bid=bid, jobId=job.id)
    return job


def put_back(engine: Engine, job: Job, reason: str, *, delay: float = 0, burned: bool = False) -> None:
    """End a rule's job that sent no order, and make its rule ACTIVE again, in one transaction.

    `burned`: the book or the position did not allow an order, so the next try waits `delay` seconds.
    """
    now = engine.clock()
    with engine.store.write("trigger.put_back") as conn:
        put_back_in(conn, job, reason, now, delay=delay, burned=burned)
    log("rule_rearmed", level="notice", ruleId=job.rule_id, jobId=job.id, reason=reason, delaySeconds=delay)


def put_back_in(
    conn: sqlite3.Connection,
    job: Job,
    reason: str,
    now: datetime,
    *,
    delay: float = 0,
    burned: bool = False,
) -> None:
    ended = any(
        jobs.swap_status(conn, job.id, old, JobStatus.FAILED, now, last_error=reason)
        for old in (JobStatus.PENDING, JobStatus.RUNNING)
    )
    rule = rules.get(conn, job.rule_id) if job.rule_id else None
    if not ended or rule is None:
        return
    extra: dict[str, Any] = {"rearm_count": rule.rearm_count + 1} if burned else {}
    consequences.rearm(conn, rule, now, reason, delay=delay, **extra)


def expire(engine: Engine, active: list[Rule]) -> list[Rule]:
    """Make the rules past their `expiresAt` EXPIRED; return those that are still ACTIVE."""
    now = engine.clock()
    late = [rule for rule in active if rule.expires_at is not None and rule.expires_at <= now]
    if not late:
        return active
    with engine.store.write("rules.expire") as conn:
        for rule in late:
            if rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.EXPIRED, now):
                events.add(conn, rule.id, EventType.RULE_EXPIRED, now, {"expiresAt": rule.expires_at})
                log("rule_expired", level="notice", ruleId=rule.id)
    gone = {rule.id for rule in late}
    return [rule for rule in active if rule.id not in gone]
