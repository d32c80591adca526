"""Rules, orders and events in the words that `tm watch` and the page show. Pure.

A level says how much a thing matters: "info", "good", "warning" or "alarm".
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.model import ActionType, Attempt, EventType, Outcome, Rule, RuleStatus, RuleType
from tm.numbers import canonical, parse_decimal
from tm.rules.trigger import is_asleep

Said = tuple[str, str]  # what to say, and its level

KINDS = {
    RuleType.STOP_LOSS: "stop",
    RuleType.TAKE_PROFIT: "target",
    RuleType.TRAILING_STOP: "trailing stop",
}
_CANCELED = {
    "asked": "canceled",
    "asked_while_an_order_was_out": "canceled",
    "market_resolved": "ended: the market is resolved",
    "position_closed": "ended: the position is closed",
}
_ORDERS: dict[Outcome, Said] = {
    Outcome.SENT: ("order out, its outcome is not known yet", "warning"),
    Outcome.UNKNOWN: ("order out, its outcome is not known yet", "warning"),
    Outcome.PENDING_APPROVAL: ("order waits for a person's approval", "warning"),
}


def kind(rule_type: RuleType) -> str:
    return KINDS[rule_type]


def price(value: Decimal | None) -> str:
    """Given USD per share, return it with at least two decimals, "-" for none."""
    if value is None:
        return "-"
    text = canonical(value)
    decimals = len(text.partition(".")[2])
    return text if decimals >= 2 else f"{value:.2f}"


def aim(rule: Rule) -> str:
    """Given a rule, say what it sells, and when."""
    sells = "all" if rule.action.type is ActionType.SELL_ALL else f"{canonical(_amount(rule))} shares"
    if rule.rule_type is RuleType.TAKE_PROFIT:
        return f"sells {sells} at a bid of {price(rule.trigger_price)} or more"
    if rule.rule_type is RuleType.STOP_LOSS:
        return f"sells {sells} at a bid of {price(rule.trigger_price)} or less"
    if rule.trailing_percent is not None:
        trail = f"{canonical(rule.trailing_percent)} % below the highest bid"
    else:
        trail = f"{price(rule.trailing_amount)} below the highest bid"
    now = "" if rule.trigger_price is None else f", now {price(rule.trigger_price)}"
    return f"sells {sells} {trail}{now}"


def standing(rule: Rule, order: Attempt | None, now: datetime, *, paused: bool, reached: bool) -> Said:
    """Given a rule and its latest order, say how it stands. `reached`: by the last bid."""
    if rule.status is RuleStatus.TRIGGERED:
        return _order(order)
    if rule.status is RuleStatus.FAILED:
        return f"failed: {rule.error_message or 'no reason recorded'}", "alarm"
    if rule.status is not RuleStatus.ACTIVE:
        return str(rule.status).lower(), "info"
    if order is not None and order.closed_at is None:
        return _order(order)
    if rule.blind_since is not None:
        return f"no usable price since {_clock(rule.blind_since)}", "warning"
    if rule.unseen_since is not None:
        return f"position not shown since {_clock(rule.unseen_since)}", "warning"
    if paused:
        return ("reached, but paused", "alarm") if reached else ("paused", "warning")
    if rule.not_before is not None and rule.not_before > now:
        return f"tries again at {_clock(rule.not_before)}", "warning"
    if is_asleep(rule):
        return f"sleeps until a bid of {price(rule.activation_price)}", "info"
    return ("reached", "warning") if reached else ("watching", "info")


def event(rule_type: str, event_type: EventType, data: dict[str, Any]) -> Said:
    """Given an event, say in a few words what happened."""
    reason = str(data.get("reason") or "").replace("_", " ")
    name, bid = KINDS[RuleType(rule_type)], _number(data, "bestBid")
    match event_type:
        case EventType.RULE_CREATED:
            return f"{name} {_number(data, 'triggerPrice')} added".replace(" - ", " "), "info"
        case EventType.RULE_UPDATED:
            before, after = _number(data, "triggerPriceBefore"), _number(data, "triggerPrice")
            return f"{name} moved from {before} to {after}", "info"
        case EventType.RULE_TRAILING_UPDATED:
            return f"{name} raised to {_number(data, 'to')}, bid {bid}", "info"
        case EventType.RULE_ACTIVATED:
            return f"{name} awake, bid {bid}", "info"
        case EventType.RULE_ENTRY_CHANGED:
            return f"average entry is now {_number(data, 'averageEntryPrice')}; {name} stays", "info"
        case EventType.RULE_TRIGGERED:
            return f"{name} reached at a bid of {bid}", "warning"
        case EventType.RULE_EVALUATED:
            return _judged(RuleType(rule_type), data, reason), "info"
        case EventType.RULE_REARMED:
            delay = parse_decimal(data.get("delaySeconds")) or 0
            wait = f", tries in {delay:.0f} s" if delay else ""
            return f"{name} armed again{wait}" + (f": {reason}" if reason else ""), "warning"
        case EventType.RULE_CANCELED:
            return f"{name} {_CANCELED.get(str(data.get('reason')), 'canceled')}", "info"
        case EventType.RULE_EXPIRED:
            return f"{name} expired", "warning"
        case EventType.RULE_FAILED:
            return f"{name} failed: {reason}", "alarm"
        case _:
            return _of_order(event_type, data, reason)


def _judged(rule_type: RuleType, data: dict[str, Any], reason: str) -> str:
    """Given what an evaluation saw, say how the bid stood to the trigger."""
    bid, trigger = parse_decimal(data.get("bestBid")), parse_decimal(data.get("triggerPrice"))
    if bid is None or trigger is None:
        return f"bid {price(bid)}: {reason}"
    if rule_type is RuleType.TAKE_PROFIT:
        sign = "≥" if bid >= trigger else "<"
    else:
        sign = "≤" if bid <= trigger else ">"
    also = "" if reason in ("", "reached", "not reached") else f": {reason}"
    return f"bid {_number(data, 'bestBid')} {sign} {_number(data, 'triggerPrice')}{also}"


def _of_order(event_type: EventType, data: dict[str, Any], reason: str) -> Said:
    shares, at = _shares(data, "sold"), _number(data, "avgPrice")
    match event_type:
        case EventType.ACTION_ATTEMPT:
            return f"order for {_shares(data, 'shares')} shares, bid {_number(data, 'bestBid')}", "info"
        case EventType.ACTION_EXECUTED:
            return f"sold {shares} shares at {at}", "good"
        case EventType.ACTION_PARTIALLY_EXECUTED:
            return f"sold {shares} shares at {at}, more is wanted", "good"
        case EventType.ACTION_PENDING_APPROVAL:
            return f"a person must approve: {reason}", "warning"
        case EventType.ACTION_UNKNOWN:
            return f"order's outcome not known: {reason}", "warning"
        case EventType.ACTION_FAILED:
            return f"not sold: {reason}", "alarm"
        case _:
            return str(event_type).replace("_", " ").lower(), "info"


def _order(order: Attempt | None) -> Said:
    if order is None:
        return "triggered", "warning"
    if order.needs_operator and order.closed_at is None:
        return "order's outcome not known: it needs a look", "alarm"
    if order.outcome in _ORDERS:
        return _ORDERS[order.outcome]
    sold = order.shares if order.filled_shares is None else order.filled_shares
    if order.outcome is Outcome.MATCHED:
        return f"sold {canonical(sold)} at {price(order.avg_price)}, not settled yet", "good"
    if order.outcome in (Outcome.FILLED, Outcome.PARTIAL):
        return f"sold {canonical(sold)} at {price(order.avg_price)}", "good"
    return f"not sold: {order.reason or order.outcome}", "warning"


def _amount(rule: Rule) -> Decimal:
    return Decimal(0) if rule.action.amount is None else rule.action.amount


def _number(data: dict[str, Any], key: str) -> str:
    found = parse_decimal(data.get(key))
    return price(None if found is None else round(found, 4))


def _shares(data: dict[str, Any], key: str) -> str:
    found = parse_decimal(data.get(key))
    return "-" if found is None else canonical(found)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
