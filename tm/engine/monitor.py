"""One evaluation: read holdings and books, judge each ACTIVE rule, remember what was learned.

Reading, judging and remembering are three steps, so that `tm tick -n` can do the first two alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tm.engine import blindness
from tm.engine.books import read_books
from tm.engine.context import Engine
from tm.engine.positions import tracked
from tm.engine.reading import Reading
from tm.logs import log
from tm.market import Holdings
from tm.model import ActionType, EventType, Position, Rule, RuleStatus
from tm.numbers import canonical
from tm.rules.judgement import judge as judge_rule
from tm.rules.level import moved_average
from tm.rules.trigger import Evaluation
from tm.store import attempts, events, history, positions, rules, state


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
    news: list[history.News] = field(default_factory=list)  # quotes that are not those of the last tick
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
    books = read_books(engine, [rule for rule in active if not _is_redeemable(rule, holdings)])
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
    gap = history.longest_gap(engine.settings.poll_interval_seconds)
    plan.news = history.news(cached, plan.positions, gap)
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
    """Write what an evaluation learned, in one transaction; triggers are committed one by one later.

    What can be made ready before is: nobody else can write meanwhile.
    """
    now = engine.clock()
    rows = positions.rows(plan.positions)
    learned = rules.looks((entry.rule, entry.fields) for entry in plan.judged if entry.fields)
    happened = [events.row(rule.id, kind, now, data) for rule, kind, data in _happenings(plan)]
    with engine.store.write("monitor.remember") as conn:
        positions.save_rows(conn, rows)
        history.record(conn, plan.news)
        rules.save_looks(conn, learned)
        events.add_all(conn, happened)
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
    sellable = holding is not None or (
        reading.holdings.page_full and rule.action.type is ActionType.SELL_PARTIAL
    )
    judgement = judge_rule(
        rule,
        quote,
        max_spread=settings.max_spread,
        confirm_ticks=settings.confirm_ticks,
        tick_started=reading.started,
        now=now,
        sellable=sellable,
        busy=rule.token_id in busy_tokens,
        why_missing=why_missing,
    )
    evaluation, decision = judgement.evaluation, judgement.decision
    fields.update(judgement.learned)
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
    return Judged(rule, evaluation, decision, fields, judgement.fires, event)


def _told(evaluation: Evaluation, decision: str) -> str:
    """An evaluation in short: two that spell the same differ in nothing worth an event."""
    numbers = (evaluation.best_bid, evaluation.trigger_price)
    spelled = ("-" if number is None else canonical(number) for number in numbers)
    return "|".join((*spelled, decision, evaluation.reason))


def _seen_fields(rule: Rule, reading: Reading, now: datetime) -> dict[str, Any]:
    """What holdings tell of a rule's position: when it was seen, its label, since when it is not seen."""
    holding = reading.holdings.by_token.get(rule.token_id)
    if holding is not None:
        fields: dict[str, Any] = {"position_seen_at": now, "label": holding.label}
        if rule.unseen_since is not None:
            fields.update(unseen_since=None, unseen_told=False)
        if rule.entry_price is not None and holding.avg_entry_price is not None:
            moved = moved_average(rule.entry_price, rule.entry_price_now, holding.avg_entry_price)
            if moved != rule.entry_price_now:
                fields["entry_price_now"] = moved
        return fields
    return {"unseen_since": now} if rule.unseen_since is None else {}


def _happenings(plan: Plan) -> Iterator[tuple[Rule, EventType, dict[str, Any]]]:
    """What of an evaluation is worth an event: the rule, the event's type and its data."""
    for entry in plan.judged:
        rule, evaluation = entry.rule, entry.evaluation
        if "entry_price_now" in entry.fields:
            yield rule, EventType.RULE_ENTRY_CHANGED, _entry_moved(entry)
        if evaluation is None:
            continue
        if evaluation.activated:
            woken = {"bestBid": evaluation.best_bid, "activationPrice": rule.activation_price}
            yield rule, EventType.RULE_ACTIVATED, woken
        if evaluation.raised:
            raised = {"from": rule.trigger_price, "to": evaluation.trigger_price}
            yield rule, EventType.RULE_TRAILING_UPDATED, {**raised, "bestBid": evaluation.best_bid}
        if entry.event is not None:
            yield rule, EventType.RULE_EVALUATED, entry.event


def _entry_moved(entry: Judged) -> dict[str, Any]:
    """What is said when the average moved since the rule was made: its levels stay where they are."""
    rule = entry.rule
    average = entry.fields["entry_price_now"] or rule.entry_price
    log("rule_entry_changed", level="notice", ruleId=rule.id, entry=rule.entry_price, average=average)
    data = {
        "entryPrice": rule.entry_price,
        "averageEntryPrice": average,
        "triggerPercent": rule.trigger_percent,
        "triggerPrice": rule.trigger_price,
        "activationPercent": rule.activation_percent,
        "activationPrice": rule.activation_price,
    }
    return {name: value for name, value in data.items() if value is not None}
