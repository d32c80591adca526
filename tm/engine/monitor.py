"""One evaluation: read holdings and books, judge each ACTIVE rule, remember what was learned.

Reading, judging and remembering are three steps, so that `tm tick -n` can do the first two alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tm.engine import blindness
from tm.engine.books import Books, order_of_need, read_books
from tm.engine.context import Engine
from tm.engine.positions import tracked
from tm.logs import log
from tm.model import ActionType, EventType, Holdings, Position, Rule, RuleStatus
from tm.numbers import canonical
from tm.rules.backoff import MAX_REARM_SECONDS, is_due
from tm.rules.quote import Quote, quote_of
from tm.rules.trigger import Decision, Evaluation, evaluate
from tm.store import attempts, events, positions, rules, state


@dataclass(frozen=True, slots=True)
class Reading:
    """What this tick read. `holdings_at`: Vincent's clock."""

    holdings: Holdings
    holdings_at: datetime | None
    books: Books
    started: datetime  # a quote older than this is not of this tick

    def quote(self, token_id: str) -> Quote | None:
        book = self.books.by_token.get(token_id)
        return None if book is None else quote_of(book)


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule as it was, how it was judged, and what is to be remembered of it."""

    rule: Rule
    evaluation: Evaluation | None  # None: its token was not reached in this tick
    decision: str
    fields: dict[str, Any]
    fires: bool
    event: dict[str, Any] | None = None  # what RULE_EVALUATED is to say, where it is to be said


@dataclass
class Plan:
    """All that one evaluation found; nothing of it is written yet."""

    judged: list[Judged] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    resolved: list[Rule] = field(default_factory=list)  # whose market has paid out

    @property
    def firing(self) -> list[Judged]:
        return [entry for entry in self.judged if entry.fires]


def read(
    engine: Engine,
    active: list[Rule],
    holdings: Holdings,
    holdings_at: datetime | None,
    started: datetime,
) -> Reading:
    """Given the ACTIVE rules and this tick's holdings, read the books of the rules' tokens."""
    cached = positions.by_token(engine.store.conn)
    live = [rule for rule in active if not _is_redeemable(rule, holdings)]
    tokens = order_of_need(live, cached, engine.budget.left)
    books = read_books(engine, tokens) if tokens else Books()
    if books.error is not None:
        engine.report.problem(books.error, reading="order books")
    return Reading(holdings, holdings_at, books, started)


def judge(engine: Engine, active: list[Rule], reading: Reading) -> Plan:
    """Given the rules and what was read, judge each rule; one that raises does not stop the others."""
    conn = engine.store.conn
    now = engine.clock()
    busy_tokens = attempts.open_tokens(conn)
    cached = positions.by_token(conn)
    plan = Plan()
    plan.positions = tracked(cached, reading, {rule.token_id: rule.market_id for rule in active}, now)
    for rule in active:
        if _is_redeemable(rule, reading.holdings):
            plan.resolved.append(rule)
            continue
        try:
            plan.judged.append(_judge_one(engine, rule, reading, busy_tokens, now))
        except Exception as error:
            # One broken rule must not take the protection of the others along.
            from tm.errors import TradeManagerError

            fault = TradeManagerError(f"rule {rule.id} could not be judged: {error!r}", code="rule_fault")
            engine.report.problem(fault, ruleId=rule.id)
    return plan


def remember(engine: Engine, plan: Plan) -> None:
    """Write what an evaluation learned, in one transaction; triggers are committed one by one later."""
    now = engine.clock()
    with engine.store.write("monitor.remember") as conn:
        positions.save_all(conn, plan.positions)
        rules.remember_looks(conn, ((entry.rule.id, entry.fields) for entry in plan.judged if entry.fields))
        for entry in plan.judged:
            _record(conn, entry, now)
        blindness.tell_of(conn, engine, plan, now)
        for rule in plan.resolved:
            if rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.CANCELED, now):
                events.add(conn, rule.id, EventType.RULE_CANCELED, now, {"reason": "market_resolved"})
                log("rule_canceled", level="notice", ruleId=rule.id, reason="market_resolved")
        state.put(conn, state.LAST_SYNC, now)
    engine.report.evaluated += len(plan.judged)


def _is_redeemable(rule: Rule, holdings: Holdings) -> bool:
    holding = holdings.by_token.get(rule.token_id)
    return holding is not None and holding.redeemable


def _judge_one(
    engine: Engine, rule: Rule, reading: Reading, busy_tokens: Iterable[str], now: datetime
) -> Judged:
    settings = engine.settings
    holding = reading.holdings.by_token.get(rule.token_id)
    quote = reading.quote(rule.token_id)
    fields = _seen_fields(rule, reading, now)
    why_missing = reading.books.missing.get(rule.token_id)
    if quote is None and why_missing is None:
        return Judged(rule, None, "NOT_REACHED", fields, fires=False)
    evaluation = evaluate(
        rule,
        quote,
        max_spread=settings.max_spread,
        confirm_ticks=settings.confirm_ticks,
        tick_started=reading.started,
    )
    if why_missing is not None:
        evaluation = replace(evaluation, reason=why_missing)
    fields.update(_learned_fields(rule, evaluation, now))
    decision = str(evaluation.decision)
    if evaluation.decision is Decision.FIRE:
        unknown_size = holding is None and not (
            reading.holdings.page_full and rule.action.type is ActionType.SELL_PARTIAL
        )
        if unknown_size:
            decision = "POSITION_NOT_SEEN"
        elif rule.token_id in busy_tokens:
            decision = "ORDER_OPEN"
        elif not _back_off_is_over(rule, now):
            decision = "BACK_OFF"
    told = _told(evaluation, decision)
    event = None
    if settings.evaluation_log == "all" or told != rule.last_evaluation:
        fields["last_evaluation"] = told
        event = {
            "bestBid": evaluation.best_bid,
            "triggerPrice": evaluation.trigger_price,
            "decision": decision,
            "reason": evaluation.reason,
        }
    fires = decision == str(Decision.FIRE)
    return Judged(rule, evaluation, decision, fields, fires, event)


def _told(evaluation: Evaluation, decision: str) -> str:
    """An evaluation in short: two that spell the same differ in nothing worth an event."""
    numbers = (evaluation.best_bid, evaluation.trigger_price)
    spelled = ("-" if number is None else canonical(number) for number in numbers)
    return "|".join((*spelled, decision, evaluation.reason))


def _back_off_is_over(rule: Rule, now: datetime) -> bool:
    """Say whether a rule may fire again; a wait noted under a clock that since went back is over."""
    return rule.updated_at > now or is_due(rule.not_before, now, MAX_REARM_SECONDS)


def _seen_fields(rule: Rule, reading: Reading, now: datetime) -> dict[str, Any]:
    """What holdings tell of a rule's position: when it was seen, its label, since when it is not seen."""
    holding = reading.holdings.by_token.get(rule.token_id)
    if holding is not None:
        fields: dict[str, Any] = {"position_seen_at": now, "label": holding.label}
        if rule.unseen_since is not None:
            fields.update(unseen_since=None, unseen_told=False)
        return fields
    return {"unseen_since": now} if rule.unseen_since is None else {}


def _learned_fields(rule: Rule, evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if evaluation.decision is Decision.NO_INFORMATION:
        if rule.blind_since is None:
            fields["blind_since"] = now
        return fields
    if rule.blind_since is not None:
        fields.update(blind_since=None, blind_told=False)
    if evaluation.trigger_price != rule.trigger_price:
        fields["trigger_price"] = evaluation.trigger_price
    if evaluation.confirm_count != rule.confirm_count:
        fields["confirm_count"] = evaluation.confirm_count
    if evaluation.decision is Decision.HOLD and rule.unsold_since is not None:
        # The condition has passed: the next trigger is a new one, with a promise of its own.
        fields.update(unsold_since=None, unsold_told=False, rearm_count=0, not_before=None)
        if rule.sold_shares == 0:
            fields["promised_shares"] = None
    return fields


def _record(conn: sqlite3.Connection, entry: Judged, now: datetime) -> None:
    """Record what an evaluation is worth an event."""
    evaluation = entry.evaluation
    if evaluation is None:
        return
    if evaluation.raised:
        raised = {
            "from": entry.rule.trigger_price,
            "to": evaluation.trigger_price,
            "bestBid": evaluation.best_bid,
        }
        events.add(conn, entry.rule.id, EventType.RULE_TRAILING_UPDATED, now, raised)
    if entry.event is not None:
        events.add(conn, entry.rule.id, EventType.RULE_EVALUATED, now, entry.event)
