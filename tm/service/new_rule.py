"""NewRule: what may be asked for. The HTTP body of `POST /api/rules`; `tm rule add` makes it too."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from tm.errors import Invalid
from tm.model import RuleType
from tm.numbers import MAX_AMOUNT, SHARE_STEP, canonical, parse_decimal
from tm.service.body import refusal
from tm.times import parse_iso

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 60  # characters; what is longer is no price and no amount

NO_SHORTS = (
    "side is BUY (the position was bought): Polymarket has no short positions, so none can be bought back"
)


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


def shares(value: object) -> Decimal:
    """Given a number, return it as a number of shares, at most 6 decimals as holdings show them."""
    number = exact_number(value)
    if not SHARE_STEP <= number <= MAX_AMOUNT:
        raise ValueError(f"must be shares, {SHARE_STEP} to {canonical(MAX_AMOUNT)}")
    return _at_most(number, 6)


def _at_most(number: Decimal, decimals: int) -> Decimal:
    plain = Decimal(canonical(number))
    if -int(plain.as_tuple().exponent) > decimals:
        raise ValueError(f"must have at most {decimals} decimals")
    return plain


def _instant(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        if not isinstance(value, str) or len(value) > 40:
            raise ValueError
        return parse_iso(value)
    except (ValueError, OverflowError):
        raise ValueError(
            'must be an instant in ISO 8601 with a zone, such as "2026-11-03T12:00:00Z"'
        ) from None


def _side(value: object) -> object:
    if value == "SELL":
        raise ValueError(NO_SHORTS)
    return value


Price = Annotated[Decimal, BeforeValidator(price)]
Percent = Annotated[Decimal, BeforeValidator(percent)]
Shares = Annotated[Decimal, BeforeValidator(shares)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
OpaqueId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$", strict=True)]


class _Body(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, validate_default=False
    )


class NewAction(_Body):
    """What to sell: all of the position, or so many shares of it."""

    type: Literal["SELL_ALL", "SELL_PARTIAL"] = Field(description="SELL_PARTIAL needs an amount")
    amount: Shares | None = Field(None, description="shares to sell, 0.01 or more")

    @model_validator(mode="after")
    def _amount_fits(self) -> Self:
        if (self.amount is None) == (self.type == "SELL_PARTIAL"):
            raise ValueError("SELL_PARTIAL needs an amount (shares), SELL_ALL has none")
        return self


class NewRule(_Body):
    """A rule as it is asked for."""

    rule_type: RuleType = Field(description="STOP_LOSS, TAKE_PROFIT or TRAILING_STOP")
    market_id: OpaqueId = Field(description="the market's condition id")
    token_id: OpaqueId = Field(description="the id of the outcome's token that is held")
    side: Annotated[Literal["BUY"], BeforeValidator(_side)] = Field(
        "BUY", description="BUY: the position was bought"
    )
    trigger_price: Price | None = Field(None, description="USD per share; compared with the best bid")
    trailing_percent: Percent | None = Field(
        None, description="TRAILING_STOP: how far below the best bid it follows"
    )
    action: NewAction = Field(NewAction(type="SELL_ALL", amount=None), description="what to sell")
    expires_at: Instant | None = Field(None, description="when the protection is to end")
    allow_immediate: Annotated[bool, Field(strict=True)] = Field(
        False, description="accept a rule that would fire at once"
    )

    @model_validator(mode="after")
    def _prices_fit(self) -> Self:
        if self.rule_type is RuleType.TRAILING_STOP:
            if self.trailing_percent is None:
                raise ValueError("a TRAILING_STOP needs trailingPercent")
            return self
        if self.trigger_price is None:
            raise ValueError(f"a {self.rule_type} needs triggerPrice")
        if self.trailing_percent is not None:
            raise ValueError(f"trailingPercent belongs to a TRAILING_STOP, not to a {self.rule_type}")
        return self


def new_rule(body: Any) -> NewRule:
    """Given a parsed JSON body, return the rule that it asks for. Raise Invalid naming what is wrong."""
    if not isinstance(body, dict):
        raise Invalid("a rule is a JSON object")
    try:
        return NewRule.model_validate(body)
    except ValidationError as error:
        raise refusal(error, NewRule) from None
