"""Whether a rule fires on what its token's best bid is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from tm.model import Rule, RuleType
from tm.numbers import PRICE_STEP
from tm.rules.quote import Quote, why_no_information


class Decision(StrEnum):
    HOLD = "HOLD"
    CONFIRMING = "CONFIRMING"  # reached, but not yet in enough ticks in a row
    FIRE = "FIRE"
    NO_INFORMATION = "NO_INFORMATION"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a rule was judged, and what it must remember. Prices in USD per share."""

    decision: Decision
    reason: str  # a stable word: not_reached, confirming, reached, or why there is no information
    best_bid: Decimal | None
    trigger_price: Decimal | None  # from now on: a trailing one may have risen
    confirm_count: int  # from now on
    raised: bool = False  # the trailing trigger was set, or rose


def evaluate(
    rule: Rule, quote: Quote | None, *, max_spread: Decimal, confirm_ticks: int, tick_started: datetime
) -> Evaluation:
    """Given a rule and its token's quote (None: no book), return how it is judged.

    A quote that fails the gate neither triggers nor resets the count of ticks in a row. Raise ValueError
    if the rule lacks the price or percent that its type needs.
    """
    reason = why_no_information(rule.rule_type, quote, max_spread, tick_started)
    bid = None if quote is None else quote.best_bid
    if reason is not None or bid is None:
        why = reason or "no_bid"
        return Evaluation(Decision.NO_INFORMATION, why, bid, rule.trigger_price, rule.confirm_count)
    trigger = _trigger_after(rule, bid)
    raised = trigger != rule.trigger_price
    if not _reached(rule.rule_type, trigger, bid):
        return Evaluation(Decision.HOLD, "not_reached", bid, trigger, 0, raised)
    # The count stops where it is enough: a trigger that has to wait must not be written anew each tick.
    count = min(rule.confirm_count + 1, max(confirm_ticks, 1))
    if count < confirm_ticks:
        return Evaluation(Decision.CONFIRMING, "confirming", bid, trigger, count, raised)
    return Evaluation(Decision.FIRE, "reached", bid, trigger, count, raised)


def would_trigger(rule: Rule, bid: Decimal) -> bool:
    """Given a best bid in USD per share, say whether the rule's condition already holds."""
    return _reached(rule.rule_type, rule.trigger_price, bid)


def distance(rule: Rule, bid: Decimal | None) -> Decimal | None:
    """Given a best bid, return how far it is from the trigger in USD per share, or None while unknown.

    0 or less: the condition holds.
    """
    if bid is None or rule.trigger_price is None:
        return None
    if rule.rule_type is RuleType.TAKE_PROFIT:
        return rule.trigger_price - bid
    return bid - rule.trigger_price


def is_expired(rule: Rule, now: datetime) -> bool:
    """Given an instant, say whether the rule's protection was to end by then."""
    return rule.expires_at is not None and now >= rule.expires_at


def trailing_candidate(bid: Decimal, percent: Decimal) -> Decimal | None:
    """Given a best bid and a distance in percent, return where the trigger would stand, 4 decimals.

    Rounded down: the trail is never tighter than was asked for, and it stays below the bid. None where
    nothing is left above 0: there is no such price.
    """
    price = (bid * (1 - percent / 100)).quantize(PRICE_STEP, rounding=ROUND_DOWN)
    return price if price > 0 else None


def _trigger_after(rule: Rule, bid: Decimal) -> Decimal | None:
    if rule.rule_type is not RuleType.TRAILING_STOP:
        if rule.trigger_price is None:
            raise ValueError(f"a {rule.rule_type} without a trigger price")
        return rule.trigger_price
    if rule.trailing_percent is None:
        raise ValueError("a TRAILING_STOP without a percent")
    candidate = trailing_candidate(bid, rule.trailing_percent)
    if candidate is None or (rule.trigger_price is not None and candidate <= rule.trigger_price):
        return rule.trigger_price
    return candidate


def _reached(rule_type: RuleType, trigger: Decimal | None, bid: Decimal) -> bool:
    if trigger is None:
        return False
    return bid >= trigger if rule_type is RuleType.TAKE_PROFIT else bid <= trigger
