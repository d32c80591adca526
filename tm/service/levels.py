"""What is asked for in percent, made into prices and shares: once, when a rule is made. Nothing is read here.

The average entry price and the shares are those of holdings as last read, which must be of the last five
minutes: a level from a price that was paid last week, before more was bought, would be a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tm.errors import Invalid, Unprocessable
from tm.model import Action, ActionType, Position, Rule, RuleType
from tm.numbers import PRICE_STEP, canonical, floor_shares
from tm.rules.level import from_entry, on_grid
from tm.service.terms import Terms

HOLDINGS_COUNT_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Levels:
    """A rule's prices in USD per share, and what it sells in shares."""

    trigger_price: Decimal | None
    activation_price: Decimal | None
    entry_price: Decimal | None  # what the percentages were taken of
    action: Action


def resolve(new: Terms, position: Position | None, now: datetime) -> Levels:
    """Given terms and what is known of the position, return its levels.

    Raise Unprocessable where the entry or the shares are unknown or were read too long ago, and where a
    percentage leaves the market's prices.
    """
    entry = _entry(new, position, now) if new.needs_entry else None
    tick = (position.tick_size if position is not None else None) or PRICE_STEP
    trigger, activation = new.trigger_price, new.activation_price
    if entry is not None and new.trigger_percent is not None:
        up = new.rule_type is RuleType.TAKE_PROFIT
        trigger = _level("triggerPercent", entry, new.trigger_percent, tick, up=up)
    if entry is not None and new.activation_percent is not None:
        activation = _level("activationPercent", entry, new.activation_percent, tick, up=True)
    return Levels(trigger, activation, entry, _action(new, position, now))


def check_together(rules: Sequence[Rule | Terms], held: Decimal | None) -> None:
    """Given rules made at once for one position, raise Invalid where they contradict each other.

    `held`: shares, None where unknown. Rules of one kind share the position: together they sell no more
    than it, and one that sells all is the last to be reached.
    """
    stops = [rule for rule in rules if rule.rule_type is RuleType.STOP_LOSS]
    targets = [rule for rule in rules if rule.rule_type is RuleType.TAKE_PROFIT]
    for stop in stops:
        for target in targets:
            if _price(stop) >= _price(target):
                raise Invalid(
                    f"the stop at {canonical(_price(stop))} is not below the target at "
                    f"{canonical(_price(target))}",
                    hint="one of them would fire at once",
                )
    _check_parts("stops", sorted(stops, key=_price, reverse=True), held)
    _check_parts("targets", sorted(targets, key=_price), held)


def known_quantity(position: Position | None, now: datetime) -> Decimal | None:
    """Given what is known of a position, return the shares held, or None where that is not known now."""
    if position is None or position.absent_since is not None or not _is_recent(position, now):
        return None
    return position.quantity


def _check_parts(kind: str, rules: Sequence[Rule | Terms], held: Decimal | None) -> None:
    """`rules`: in the order in which a price reaches them."""
    if len(rules) < 2:
        return
    if any(rule.action.type is ActionType.SELL_ALL for rule in rules[:-1]):
        raise Invalid(
            f"of several {kind} only the last to be reached can sell all: the rest would find nothing left",
            hint="say how much each sells, such as 0.70:50% and 0.85:all",
        )
    rest = rules[-1].action.type is ActionType.SELL_ALL
    percents = [rule.action.percent for rule in rules if rule.action.percent is not None]
    total = sum(percents, Decimal(0))
    amounts = sum((rule.action.amount or Decimal(0) for rule in rules), Decimal(0))
    said = None
    if total > 100 or (rest and total == 100):
        said = f"{canonical(total)} % of the position"
    elif held is not None and (amounts > held or (rest and amounts == held)):
        said = f"{canonical(amounts)} of the {canonical(held)} shares that are held"
    if said is not None:
        more = ", and then the rest of it" if rest else ""
        raise Invalid(f"the {kind} would sell {said}{more}", hint="their parts must add up to 100 % at most")


def _price(rule: Rule | Terms) -> Decimal:
    return rule.trigger_price or Decimal(0)


def _entry(new: Terms, position: Position | None, now: datetime) -> Decimal:
    if position is None or position.absent_since is not None or position.avg_entry_price is None:
        raise _unknown(new, "what was paid for it is not known", "entry_unknown", "give a price")
    if not _is_recent(position, now):
        at = f"{position.last_updated_at:%Y-%m-%d %H:%M:%S}Z"
        raise _unknown(new, f"what was paid for it was last read at {at}", "entry_unknown", "give a price")
    return position.avg_entry_price


def _action(new: Terms, position: Position | None, now: datetime) -> Action:
    percent = new.action.percent
    if percent is None:
        return new.action
    held = known_quantity(position, now)
    if held is None:
        raise _unknown(new, "how much of it is held is not known now", "held_unknown", "give shares")
    amount = floor_shares(held * percent / 100)
    if amount <= 0:
        raise Unprocessable(
            f"{canonical(percent)} % of {canonical(held)} shares is less than 0.01 share",
            code="nothing_to_sell",
        )
    return replace(new.action, amount=amount)


def _level(name: str, entry: Decimal, percent: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    try:
        return on_grid(from_entry(entry, percent), tick, up=up)
    except ValueError as problem:
        raise Unprocessable(
            f"{name}: {percent:+f} % of an entry of {canonical(entry)} {problem}", code="level_out_of_range"
        ) from None


def _is_recent(position: Position, now: datetime) -> bool:
    return timedelta(0) <= now - position.last_updated_at <= HOLDINGS_COUNT_FOR


def _unknown(new: Terms, what: str, code: str, instead: str) -> Unprocessable:
    return Unprocessable(
        f"token {new.token_id[:24]}: {what}",
        code=code,
        hint=f"`tm position list` (GET /api/positions) reads it; or {instead} instead of a percentage",
    )
