"""The one place that sends orders.

    baseline (reads) -> size -> intent, committed -> mark, fsynced -> POST, once -> answer, committed

A job that does not get as far as the intent has sent nothing. After the intent, only looks tell what
became of it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from typing import Any

from tm.engine import baseline, consequences, files, outcomes, triggers
from tm.engine.baseline import Facts, NotNow
from tm.engine.context import Engine
from tm.errors import TradeManagerError
from tm.ids import new_id
from tm.logs import log
from tm.market import Answer
from tm.model import (
    Action,
    ActionType,
    AlertStatus,
    Attempt,
    Baseline,
    EventType,
    Job,
    JobStatus,
    Outcome,
    Rule,
    RuleStatus,
)
from tm.numbers import canonical, parse_decimal
from tm.points import point
from tm.rules.backoff import rearm_delay
from tm.rules.quote import Quote
from tm.rules.sizing import NoSize, Size, believed, promise, size_order
from tm.store import alerts, attempts, events, jobs, rules, state

NO_BALANCE = "not enough balance"  # in the words of the exchange


def send(engine: Engine, job: Job, facts: Facts) -> None:
    """Given a claimed (RUNNING) order job, send its order, or put the job back with the reason."""
    try:
        attempt = _prepare(engine, job, facts)
    except NotNow as not_now:
        _put_back(engine, job, not_now)
        return
    except TradeManagerError as error:
        engine.report.problem(error, jobId=job.id, reading="the baseline of an order")
        _put_back(engine, job, NotNow(f"not sent: {error.message}", burned=True))
        return
    engine.report.orders.append(attempt.id)
    answer = _post(engine, attempt)
    log(
        "order_answered",
        level="notice",
        attemptId=attempt.id,
        ruleId=job.rule_id,
        alertId=job.alert_id,
        jobId=job.id,
        tokenId=attempt.token_id,
        shares=canonical(attempt.shares),
        outcome=answer.outcome,
        reason=answer.reason,
    )
    with engine.store.write("answer.commit") as conn:
        outcomes.record_answer(conn, engine.settings, attempt, answer, engine.clock())
    engine.report.settled.append(
        {"attemptId": attempt.id, "outcome": str(answer.outcome), "reason": answer.reason}
    )


def _prepare(engine: Engine, job: Job, facts: Facts) -> Attempt:
    """Read the baseline, decide the size, commit the intent. Raise NotNow where no order is to leave."""
    action = Action(
        ActionType(job.payload["action"]["type"]), parse_decimal(job.payload["action"].get("amount"))
    )
    token_id = job.payload["tokenId"]
    if engine.seconds_left() <= 0:
        raise NotNow("this tick's time is over")
    rule = rules.get(engine.store.conn, job.rule_id) if job.rule_id else None
    redeems = action.type is ActionType.REDEEM
    # What is redeemed has no order book any more.
    quote = None if redeems else baseline.quote_for(engine, rule, token_id, facts)
    listings = baseline.listings(engine, facts)
    if not engine.budget.for_orders(0, orders=1):
        raise NotNow("no request left in this minute")
    resting = [order for order in listings.orders if order.token_id == token_id]
    held = baseline.held(facts.holdings.value, token_id)
    owner: Rule | Job = rule or job
    known = Baseline(
        held=held,
        trade_ids=tuple(trade.id for trade in listings.trades if trade.token_id == token_id),
        resting_ids=tuple(order.id for order in resting),
        best_bid=None if quote is None else quote.best_bid,
        best_ask=None if quote is None else quote.best_ask,
        venue_at=listings.venue_at,
    )
    if quote is None:
        shares, promised = baseline.redeemable_shares(facts.holdings.value, token_id), None
    else:
        refusals = _refused_for_balance(engine.store.conn, job)
        before = _promised(owner, action, held, refusals)
        left = None if before is None else before - owner.sold_shares
        sells = (order.remaining for order in resting if order.side == "SELL")
        shown = believed(held, refusals)
        size = _size(engine, rule, action, left, shown, sum(sells, Decimal(0)), quote)
        shares = size.shares
        promised = promise(action, held) if before is None else before
    attempt = Attempt(
        id=new_id(),
        seq=0,
        job_id=job.id,
        market_id=job.payload["marketId"],
        token_id=token_id,
        action=action.type,
        shares=shares,
        outcome=Outcome.SENT,
        request=_request(job.payload["marketId"], token_id, None if redeems else shares),
        baseline=known,
        created_at=engine.clock(),
        alert_id=job.alert_id,
        rule_id=job.rule_id,
    )
    return _commit_intent(engine, attempt, job, promised)


def _promised(owner: Rule | Job, action: Action, held: Decimal | None, refusals: int) -> Decimal | None:
    """Given what was promised at the first attempt, return it; None before that.

    Of all that was held then, less was there in truth where orders were refused for balance ever since: what
    another rule had just sold was still shown.
    """
    promised = owner.promised_shares
    if promised is None or held is None or action.type is not ActionType.SELL_ALL:
        return promised
    return min(promised, held) if refusals and owner.sold_shares == 0 else promised


def _refused_for_balance(conn: sqlite3.Connection, job: Job) -> int:
    """How many orders in a row, up to the last one, the exchange refused because it holds too few shares."""
    made = attempts.listing(conn, rule_id=job.rule_id, job_id=None if job.rule_id else job.id, limit=20)
    refused = (one.outcome is Outcome.NOT_FILLED and NO_BALANCE in (one.reason or "").lower() for one in made)
    return sum(takewhile(bool, refused))


def _request(market_id: str, token_id: str, shares: Decimal | None) -> dict[str, Any]:
    """What is POSTed: a market sell of so many shares, or (None) a redemption."""
    if shares is None:
        return {"conditionIds": [market_id]}
    return {"tokenId": token_id, "side": "SELL", "amount": shares}


def _size(
    engine: Engine,
    rule: Rule | None,
    action: Action,
    left: Decimal | None,
    held: Decimal | None,
    own_open_sells: Decimal,
    quote: Quote,
) -> Size:
    size = size_order(
        action=action,
        promised_left=left,
        held=held,
        own_open_sells=own_open_sells,
        quote=quote,
        rule_type=rule.rule_type if rule else None,
        trigger_price=rule.trigger_price if rule else None,
        max_slippage_percent=engine.settings.max_slippage_percent,
    )
    if isinstance(size, NoSize):
        raise NotNow(f"{size.reason}: {size.text}", burned=True)
    return size


def _commit_intent(engine: Engine, attempt: Attempt, job: Job, promised: Decimal | None) -> Attempt:
    """Commit `sent` with its baseline before a byte leaves; the commit itself checks that it may."""
    now = engine.clock()
    with engine.store.write("intent.commit") as conn:
        _check_allowed(conn, attempt, now)
        seq = attempts.insert(conn, attempt)
        jobs.update(conn, job.id, now, last_attempt_at=now, promised_shares=promised)
        if attempt.rule_id is not None:
            rules.update(conn, attempt.rule_id, now, promised_shares=promised)
            facts = {
                "shares": attempt.shares,
                "bestBid": attempt.baseline.best_bid,
                "jobId": job.id,
            }
            events.add(conn, attempt.rule_id, EventType.ACTION_ATTEMPT, now, facts, attempt_id=attempt.id)
    return replace(attempt, seq=seq)


def _check_allowed(conn: sqlite3.Connection, attempt: Attempt, now: datetime) -> None:
    """Raise NotNow unless this order may leave, as the database says in this very transaction."""
    if state.paused(conn) is not None:
        raise NotNow("paused")
    job = jobs.get(conn, attempt.job_id)
    if job is None or job.status is not JobStatus.RUNNING:
        raise NotNow("its job is no longer running")
    if attempt.token_id in attempts.open_tokens(conn):
        raise NotNow("another order of this token is open")
    if attempt.rule_id is not None:
        rule = rules.get(conn, attempt.rule_id)
        if rule is None or rule.status is not RuleStatus.TRIGGERED:
            raise NotNow("its rule is no longer triggered")
        if rule.cancel_requested:
            raise NotNow("canceled before the order left")
    if attempt.alert_id is not None:
        alert = alerts.get(conn, attempt.alert_id)
        expired = alert is not None and alert.expires_at is not None and alert.expires_at <= now
        if alert is None or alert.status is not AlertStatus.QUEUED or expired:
            raise NotNow("its alert has expired or ended")


def _post(engine: Engine, attempt: Attempt) -> Answer:
    """Mark, then POST once. Whatever the answer, it is an Answer: nothing is sent again from here."""
    try:
        files.write_sent_mark(engine.state_dir, attempt.seq)
    except OSError as error:
        return _unsent(f"the mark could not be written, so nothing was sent: {error}")
    point("order.marked")
    if attempt.action is ActionType.REDEEM:
        return engine.venue.redeem(attempt.market_id)
    return engine.venue.sell(attempt.token_id, attempt.shares)


def _unsent(reason: str) -> Answer:
    from tm.model import Heard

    return Answer(Outcome.NOT_SENT, Heard.NOBODY, reason)


def _put_back(engine: Engine, job: Job, not_now: NotNow) -> None:
    rule = rules.get(engine.store.conn, job.rule_id) if job.rule_id else None
    count = (rule or job).rearm_count + 1
    delay = rearm_delay(count) if not_now.burned else 0
    if rule is not None:
        triggers.put_back(engine, job, not_now.reason, delay=delay, burned=not_now.burned)
        return
    now = engine.clock()
    pause = delay or engine.settings.poll_interval_seconds
    with engine.store.write("job.wait") as conn:
        consequences.wait(conn, job, not_now.reason, now, pause, rearm_count=count)
    log("job_waits", jobId=job.id, alertId=job.alert_id, reason=not_now.reason)
