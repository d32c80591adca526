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
    reason: str  # a stable word: not_reached, asleep, confirming, reached, or why there is no information
    best_bid: Decimal | None
    trigger_price: Decimal | None  # from now on: a trailing one may have risen
    confirm_count: int  # from now on
    raised: bool = False  # the trailing trigger was set, or rose
    activated: bool = False  # the trailing stop slept until now


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
    wakes = is_asleep(rule)
    if wakes and rule.activation_price is not None and bid < rule.activation_price:
        return Evaluation(Decision.HOLD, "asleep", bid, rule.trigger_price, 0)
    trigger = _trigger_after(rule, bid)
    raised = trigger != rule.trigger_price
    if not _reached(rule.rule_type, trigger, bid):
        return Evaluation(Decision.HOLD, "not_reached", bid, trigger, 0, raised, wakes)
    # The count stops where it is enough: a trigger that has to wait must not be written anew each tick.
    count = min(rule.confirm_count + 1, max(confirm_ticks, 1))
    if count < confirm_ticks:
        return Evaluation(Decision.CONFIRMING, "confirming", bid, trigger, count, raised, wakes)
    return Evaluation(Decision.FIRE, "reached", bid, trigger, count, raised, wakes)


def is_asleep(rule: Rule) -> bool:
    """Say whether it is a trailing stop that waits for its activation price."""
    return rule.activation_price is not None and rule.activated_at is None


def would_trigger(rule: Rule, bid: Decimal) -> bool:
    """Given a best bid in USD per share, say whether the rule's condition already holds."""
    return not is_asleep(rule) and _reached(rule.rule_type, rule.trigger_price, bid)


def distance(rule: Rule, bid: Decimal | None) -> Decimal | None:
    """Given a best bid, return how far it is from the trigger in USD per share, or None while unknown.

    0 or less: the condition holds. Of a trailing stop that is asleep: how far from its activation price.
    """
    if bid is not None and is_asleep(rule) and rule.activation_price is not None:
        return rule.activation_price - bid
    if bid is None or rule.trigger_price is None:
        return None
    if rule.rule_type is RuleType.TAKE_PROFIT:
        return rule.trigger_price - bid
    return bid - rule.trigger_price


def is_expired(rule: Rule, now: datetime) -> bool:
    """Given an instant, say whether the rule's protection was to end by then."""
    return rule.expires_at is not None and now >= rule.expires_at


def trailing_candidate(
    bid: Decimal, percent: Decimal | None, amount: Decimal | None = None
) -> Decimal | None:
    """Given a best bid and a distance in percent, return where the trigger would stand, 4 decimals.

    `amount`: the distance in USD per share, where it is not in percent. Rounded down: the trail is never
    tighter than was asked for, and it stays below the bid. None where nothing is left above 0: there is
    no such price. Raise ValueError for no distance at all.
    """
    if amount is not None:
        exact = bid - amount
    elif percent is not None:
        exact = bid * (1 - percent / 100)
    else:
        raise ValueError("a TRAILING_STOP without a distance")
    price = exact.quantize(PRICE_STEP, rounding=ROUND_DOWN)
    return price if price > 0 else None


def _trigger_after(rule: Rule, bid: Decimal) -> Decimal | None:
    if rule.rule_type is not RuleType.TRAILING_STOP:
        if rule.trigger_price is None:
            raise ValueError(f"a {rule.rule_type} without a trigger price")
        return rule.trigger_price
    candidate = trailing_candidate(bid, rule.trailing_percent, rule.trailing_amount)
    if candidate is None or (rule.trigger_price is not None and candidate <= rule.trigger_price):
        return rule.trigger_price
    return candidate


def _reached(rule_type: RuleType, trigger: Decimal | None, bid: Decimal) -> bool:
    if trigger is None:
        return False
    return bid >= trigger if rule_type is RuleType.TAKE_PROFIT else bid <= trigger
