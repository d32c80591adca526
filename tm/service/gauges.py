"""How far a price is from where it started, and from where a rule fires. Pure; prices in USD per share."""

from __future__ import annotations

from decimal import Decimal

from tm.model import Position, Rule, RuleType
from tm.rules.trigger import distance, is_asleep

NEAR = Decimal("0.25")  # of the way from the entry to the trigger
_UNKNOWN_SPAN = Decimal("0.25")  # of the trigger's price, where there is no entry to measure from


def profit(position: Position, at: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Given a position and a price, return the profit in USD and in percent of the entry; None: unknown."""
    entry = position.avg_entry_price
    if at is None or entry is None:
        return None, None
    percent = None if entry == 0 else round((at / entry - 1) * 100, 2)
    return round((at - entry) * position.quantity, 2), percent


def percent_away(rule: Rule, bid: Decimal | None) -> Decimal | None:
    """Given a best bid, return by how many percent of it it must move until the rule fires."""
    left = distance(rule, bid)
    return None if left is None or bid is None or bid == 0 else round(left / bid * 100, 1)


def fraction(rule: Rule, bid: Decimal | None, entry: Decimal | None) -> Decimal | None:
    """Given a best bid, return how much of the way to the trigger is left: 0 at it, 1 as far as the entry.

    The way of a trailing stop is its own distance from the highest bid.
    """
    left = distance(rule, bid)
    if left is None:
        return None
    whole = _span(rule, entry)
    if whole is None or whole <= 0:
        return None
    return round(max(Decimal(0), min(Decimal(1), left / whole)), 3)


def nearness(left: Decimal | None, part: Decimal | None) -> str | None:
    """Given a distance and its fraction of the way, return "reached", "near" or "far"; None: unknown."""
    if left is None or part is None:
        return None
    if left <= 0:
        return "reached"
    return "near" if part <= NEAR else "far"


def _span(rule: Rule, entry: Decimal | None) -> Decimal | None:
    trigger = rule.trigger_price
    if is_asleep(rule):
        trigger = rule.activation_price
    elif rule.rule_type is RuleType.TRAILING_STOP:
        if rule.trailing_amount is not None:
            return rule.trailing_amount
        if trigger is not None and rule.trailing_percent is not None and rule.trailing_percent < 100:
            return trigger * rule.trailing_percent / (100 - rule.trailing_percent)
    if trigger is None:
        return None
    if entry is not None:
        way = entry - trigger if rule.rule_type is RuleType.STOP_LOSS else trigger - entry
        if way > 0:
            return way
    return trigger * _UNKNOWN_SPAN
