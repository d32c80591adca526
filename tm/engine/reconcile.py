"""Finding out what became of the orders whose outcome is open. It looks; it never sends.

sent | unknown | pending_approval | matched  --one look a tick-->  filled | partial | not_filled
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from tm.engine import outcomes
from tm.engine.consequences import Ending
from tm.engine.context import BASELINE_READS, LOOK_SECONDS, Engine
from tm.engine.tell import tell
from tm.errors import TradeManagerError
from tm.logs import log
from tm.market import Look
from tm.model import OPEN_OUTCOMES, ActionType, Attempt, Outcome
from tm.numbers import canonical
from tm.rules import evidence, redemption
from tm.rules.evidence import Verdict
from tm.store import attempts

READS_OF_A_LOOK = 3


def reconcile(engine: Engine) -> Look | None:
    """Look once for all open attempts and settle what can be settled; return the look, if it succeeded."""
    open_attempts = attempts.open_ones(engine.store.conn)
    if not open_attempts or _yields_to_books(engine, open_attempts):
        return None
    if not engine.budget.for_orders(READS_OF_A_LOOK):
        engine.report.notes.append("no request left for looking at open orders; next tick")
        return None
    try:
        look = take_look(engine)
    except TradeManagerError as error:  # a read error is not a look
        engine.report.problem(error, reading="open orders' outcome")
        return None
    for attempt in open_attempts:
        _apply(engine, attempt, look)
    return look


def _yields_to_books(engine: Engine, open_attempts: list[Attempt]) -> bool:
    """Say whether this tick's few requests go to the books: where a look leaves none, every other tick looks.

    Otherwise one order whose outcome stays open would leave all other tokens unguarded.
    """
    if engine.budget.left >= READS_OF_A_LOOK + 1 + BASELINE_READS:
        return False
    recent = timedelta(seconds=1.5 * engine.settings.poll_interval_seconds)
    now = engine.clock()
    looks = [attempt.watch.looked_at for attempt in open_attempts]
    return all(at is not None and timedelta(0) <= now - at < recent for at in looks)


def take_look(engine: Engine) -> Look:
    """Holdings, trades and open orders, one read each, no retry, 10 s in all. Raise what a read raises."""
    started = engine.monotonic()

    def remaining() -> float:
        return max(0.5, LOOK_SECONDS - (engine.monotonic() - started))

    holdings = engine.venue.holdings(tries=1, timeout=remaining())
    trades = engine.venue.trades(tries=1, timeout=remaining())
    orders = engine.venue.open_orders(tries=1, timeout=remaining())
    return Look(
        holdings=holdings.value,
        trades=trades.value,
        open_orders=orders.value,
        at=engine.clock(),
        venue_at=holdings.venue_at,
    )


def forget_nothing(conn: sqlite3.Connection, attempt: Attempt) -> None:
    """Call an intent whose process died `unknown`: it may have left, so it is looked for, not sent."""
    attempts.move(
        conn,
        attempt.id,
        (Outcome.SENT,),
        outcome=Outcome.UNKNOWN,
        reason="the process ended before an answer",
    )


def _apply(engine: Engine, attempt: Attempt, look: Look) -> None:
    """Given an open attempt and a look, commit what the look allows to say."""
    verdict = _judge(engine, attempt, look)
    now = engine.clock()
    with engine.store.write("look.settle") as conn:
        if verdict.concluded:
            outcome = _conclude(conn, engine, attempt, verdict, now)
        else:
            _keep_open(conn, engine, attempt, verdict, now)
            outcome = None
    if outcome is not None:
        told = f"{canonical(verdict.sold)} shares sold, as the trades show"
        engine.report.settled.append({"attemptId": attempt.id, "outcome": str(outcome), "reason": told})
        log(
            "order_settled",
            attemptId=attempt.id,
            tokenId=attempt.token_id,
            ruleId=attempt.rule_id,
            alertId=attempt.alert_id,
            outcome=outcome,
            sold=canonical(verdict.sold),
        )
    elif verdict.cancel_order_id is not None and engine.budget.for_orders(0, orders=1):
        _cancel_resting(engine, attempt, verdict.cancel_order_id)


def _judge(engine: Engine, attempt: Attempt, look: Look) -> Verdict:
    if attempt.action is ActionType.REDEEM:
        return redemption.judge(attempt, look)
    known = attempts.order_ids(engine.store.conn, attempt.token_id)
    claimed = {order_id for order_id, owner in known.items() if owner != attempt.id}
    asks_never = engine.settings.approvals == "never"
    return evidence.judge(attempt, look, claimed=claimed, asks_never=asks_never)


def _conclude(
    conn: sqlite3.Connection, engine: Engine, attempt: Attempt, verdict: Verdict, now: datetime
) -> Outcome | None:
    fill = verdict.fill
    attempts.move(conn, attempt.id, OPEN_OUTCOMES, watch=verdict.watch)
    if verdict.sold > 0:
        reason = "sold, by trades of its size" if verdict.by_size else "done, as the venue shows"
    elif fill is not None:
        reason = "its trades failed on chain: nothing was sold"
    else:
        reason = f"nothing was sold ({attempt.reason or 'no trade of it was seen'})"
    ending = Ending(
        Outcome.FILLED if verdict.sold > 0 else Outcome.NOT_FILLED,
        reason,
        sold=verdict.sold,
        avg_price=fill.avg_price if fill else None,
        tx_hash=fill.tx_hash if fill else None,
        order_id=fill.order_id if fill else None,
        by_size=verdict.by_size and verdict.sold > 0,
    )
    return outcomes.end(conn, engine.settings, attempt, ending, now)


def _keep_open(
    conn: sqlite3.Connection, engine: Engine, attempt: Attempt, verdict: Verdict, now: datetime
) -> None:
    """Remember the look; say once that an outcome is unknown for long, and once that a person is needed."""
    tell_unknown = (
        verdict.tell_unknown
        and not attempt.unknown_told
        and attempt.outcome in (Outcome.SENT, Outcome.UNKNOWN)
    )
    needs_operator = verdict.needs_operator and not attempt.needs_operator
    attempts.move(
        conn,
        attempt.id,
        OPEN_OUTCOMES,
        watch=verdict.watch,
        outcome=Outcome.UNKNOWN if attempt.outcome is Outcome.SENT else attempt.outcome,
        unknown_told=attempt.unknown_told or tell_unknown,
        needs_operator=attempt.needs_operator or verdict.needs_operator,
    )
    size = f"the sale of {canonical(attempt.shares)} shares (attempt {attempt.id})"
    subject = {"rule_id": attempt.rule_id, "alert_id": attempt.alert_id, "attempt_id": attempt.id}
    if tell_unknown:
        text = f"It is not known yet what became of {size}; nothing is sent for this token meanwhile"
        tell(conn, engine.settings, now, "outcome_unknown", text, **subject)
    if needs_operator:
        text = f"After 15 minutes still nothing proves what became of {size}: `tm job show {attempt.job_id}`"
        tell(conn, engine.settings, now, "needs_operator", text, **subject)


def _cancel_resting(engine: Engine, attempt: Attempt, order_id: str) -> None:
    """Cancel our own order by its id; the next looks tell what it had sold before."""
    try:
        engine.venue.cancel_order(order_id)
    except TradeManagerError as error:
        engine.report.problem(error, attemptId=attempt.id, doing="cancel our resting order")
    else:
        log("order_canceled", attemptId=attempt.id, orderId=order_id, level="notice")
