"""Ending the rules of a position that was sold: the other half of a stop and a target (OCO)."""

from __future__ import annotations

from datetime import timedelta

from tm.engine.context import Engine
from tm.errors import TradeManagerError
from tm.logs import log
from tm.market import Holdings
from tm.model import EventType, Position, Rule, RuleStatus
from tm.rules import closure
from tm.store import attempts, events, positions, rules, state
from tm.venue.reads import Read

CHECK_EVERY = timedelta(seconds=60)
CHECKED_AT = "closuresCheckedAt"


def close_sold(engine: Engine, active: list[Rule], holdings: Read[Holdings]) -> None:
    """Cancel the ACTIVE rules whose position is gone and whose sale the trades explain.

    A rule that never saw a position lost none: it was made after the sale, for what is bought next. The
    trades are read at most once a minute, and only while a rule's token has been absent long enough.
    """
    page_full = holdings.value.page_full
    if page_full:  # then absent is unknown
        return
    now = engine.clock()
    cached = positions.by_token(engine.store.conn)
    busy = attempts.open_tokens(engine.store.conn)
    had_one = [rule for rule in active if rule.position_seen_at is not None]
    gone = {
        rule.token_id: cached[rule.token_id]
        for rule in had_one
        if rule.token_id in cached
        and rule.token_id not in busy
        and closure.long_absent(cached[rule.token_id], holdings.venue_at or now)
    }
    if not gone or not _is_time(engine) or not engine.budget.for_reading(1):
        return
    try:
        trades = engine.venue.trades(tries=1, deadline=engine.deadline)
    except TradeManagerError as error:
        engine.report.problem(error, reading="trades, to see whether a position was sold")
        return
    with engine.store.write("closures.checked") as conn:
        state.put(conn, CHECKED_AT, now)
    venue_now = trades.venue_at or now
    for token_id, position in gone.items():
        rows = [trade for trade in trades.value if trade.token_id == token_id]
        if closure.is_closed(position, rows, page_full=page_full, now=venue_now):
            _cancel_rules(engine, position, [rule for rule in had_one if rule.token_id == token_id])


def _is_time(engine: Engine) -> bool:
    checked = state.instant(engine.store.conn, CHECKED_AT)
    now = engine.clock()
    return checked is None or checked > now or now - checked >= CHECK_EVERY


def _cancel_rules(engine: Engine, position: Position, sold_out: list[Rule]) -> None:
    now = engine.clock()
    with engine.store.write("closures.cancel") as conn:
        for rule in sold_out:
            if rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.CANCELED, now):
                events.add(conn, rule.id, EventType.RULE_CANCELED, now, {"reason": "position_closed"})
                log(
                    "rule_canceled",
                    level="notice",
                    ruleId=rule.id,
                    reason="position_closed",
                    tokenId=position.token_id,
                )
