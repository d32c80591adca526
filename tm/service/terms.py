"""The terms of a rule that is asked for, and the numbers they are made of, read exactly.

`tm rule add` makes them from its options; `tm.service.new_rule` from a JSON body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tm.model import Action, ActionType, RuleType
from tm.numbers import MAX_AMOUNT, SHARE_STEP, canonical, parse_decimal

ID_PATTERN = "^[A-Za-z0-9._-]{1,128}$"  # of markets and tokens, which are opaque
ID_EXPECTS = "must be 1 to 128 letters, digits, dots, dashes or underscores"

SELL_ALL = Action(ActionType.SELL_ALL)
HIGHEST_PERCENT = 100_000  # of the entry: from 0.0001 to 0.1; what is more is a typing error

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 60  # characters; what is longer is no price and no amount


@dataclass(frozen=True, slots=True)
class Terms:
    """A rule as it is asked for. Raise ValueError where the terms do not fit each other.

    Percentages of the entry are signed: -20 is 20 % below what was paid. `action.percent` is of the shares
    that are held. All of them become prices and shares in `tm.service.levels`.
    """

    rule_type: RuleType
    market_id: str
    token_id: str
    trigger_price: Decimal | None = None  # USD per share
    trailing_percent: Decimal | None = None
    action: Action = SELL_ALL
    expires_at: datetime | None = None
    allow_immediate: bool = False
    trigger_percent: Decimal | None = None  # of the entry, in place of trigger_price
    trailing_amount: Decimal | None = None  # USD per share, in place of trailing_percent
    activation_price: Decimal | None = None  # a trailing stop sleeps until the best bid has been there
    activation_percent: Decimal | None = None  # of the entry, in place of activation_price

    def __post_init__(self) -> None:
        self._one_at_most("triggerPrice", self.trigger_price, "triggerPercent", self.trigger_percent)
        self._one_at_most(
            "activationPrice", self.activation_price, "activationPercent", self.activation_percent
        )
        self._one_at_most("trailingPercent", self.trailing_percent, "trailingAmount", self.trailing_amount)
        if self.rule_type is RuleType.TRAILING_STOP:
            if self.trailing_percent is None and self.trailing_amount is None:
                raise ValueError("a TRAILING_STOP needs trailingPercent or trailingAmount")
            return
        if self.trigger_price is None and self.trigger_percent is None:
            raise ValueError(f"a {self.rule_type} needs triggerPrice or triggerPercent")
        for name, value in (
            ("trailingPercent", self.trailing_percent),
            ("trailingAmount", self.trailing_amount),
            ("activationPrice", self.activation_price),
            ("activationPercent", self.activation_percent),
        ):
            if value is not None:
                raise ValueError(f"{name} belongs to a TRAILING_STOP, not to a {self.rule_type}")

    @property
    def needs_entry(self) -> bool:
        """Say whether a price of it hangs on what was paid."""
        return self.trigger_percent is not None or self.activation_percent is not None

    def _one_at_most(self, name: str, value: object, other: str, also: object) -> None:
        if value is not None and also is not None:
            raise ValueError(f"give {name} or {other}, not both")


def exact_number(value: object) -> Decimal:
    """Given a JSON number or its text, return it exactly. Raise ValueError if it is not one."""
    if isinstance(value, str) and (len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value.strip())):
        raise ValueError("must be a number")
    number = parse_decimal(value)
    if number is None or not -1000 < number.adjusted() < 1000:
        raise ValueError("must be a number")
    return number


def price(value: object) -> Decimal:
    """Given a number, return it as a price in USD per share. Polymarket's finest tick is 0.0001."""
    number = exact_number(value)
    if not 0 < number < 1:
        raise ValueError("must be a price above 0 and below 1 (USD per share)")
    return _at_most(number, 4)


def percent(value: object) -> Decimal:
    """Given a number, return it as the distance of a trailing stop from the best bid, in percent of it."""
    number = exact_number(value)
    if not 0 < number < 100:
        raise ValueError("must be a percentage above 0 and below 100")
    return _at_most(number, 4)


def entry_percent(value: object) -> Decimal:
    """Given a number, return it as a signed percentage of the entry: -20 is 20 % below what was paid."""
    number = exact_number(value)
    if not -100 < number <= HIGHEST_PERCENT:
        raise ValueError(f"must be a percentage above -100, at most {HIGHEST_PERCENT}")
    return _at_most(number, 4)


def part_percent(value: object) -> Decimal:
    """Given a number, return it as the part of a position to sell, in percent."""
    number = exact_number(value)
    if not 0 < number <= 100:
        raise ValueError("must be a percentage above 0, at most 100")
    return _at_most(number, 4)


def shares(value: object) -> Decimal:
    """Given a number, return it as a number of shares, at most 6 decimals as holdings show them."""
    number = exact_number(value)
    if not SHARE_STEP <= number <= MAX_AMOUNT:
        raise ValueError(f"must be shares, {SHARE_STEP} to {canonical(MAX_AMOUNT)}")
    return _at_most(number, 6)


def opaque_id(value: object) -> str:
    """Given the id of a market or a token, return it."""
    if not isinstance(value, str) or not re.fullmatch(ID_PATTERN.rstrip("$"), value):
        raise ValueError(ID_EXPECTS)
    return value


def _at_most(number: Decimal, decimals: int) -> Decimal:
    plain = Decimal(canonical(number))
    if -int(plain.as_tuple().exponent) > decimals:
        raise ValueError(f"must have at most {decimals} decimals")
    return plain
