"""NewRule: the HTTP body of `POST /api/rules`, which `tm rule add --from-json` takes too."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tm.errors import Invalid
from tm.model import Action, ActionType, RuleType
from tm.service import shape
from tm.service.body import refusal
from tm.service.terms import ID_PATTERN, Terms, entry_percent, part_percent, percent, price, shares
from tm.times import parse_iso

NO_SHORTS = (
    "side is BUY (the position was bought): Polymarket has no short positions, so none can be bought back"
)


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


Price = Annotated[Decimal, BeforeValidator(price), WithJsonSchema(shape.PRICE)]
Percent = Annotated[Decimal, BeforeValidator(percent), WithJsonSchema(shape.PERCENT)]
EntryPercent = Annotated[Decimal, BeforeValidator(entry_percent), WithJsonSchema(shape.ENTRY_PERCENT)]
PartPercent = Annotated[Decimal, BeforeValidator(part_percent), WithJsonSchema(shape.PART_PERCENT)]
Shares = Annotated[Decimal, BeforeValidator(shares), WithJsonSchema(shape.SHARES)]
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(shape.INSTANT)]
OpaqueId = Annotated[str, Field(pattern=ID_PATTERN, strict=True)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class NewAction(_Body):
    """What to sell: all of the position, or so many shares of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"allOf": [shape.where("type", "SELL_ALL"), shape.absent("amount", "percent")]},
                {"allOf": [shape.where("type", "SELL_PARTIAL"), shape.one_of("amount", "percent")]},
            ]
        }
    )

    type: Literal["SELL_ALL", "SELL_PARTIAL"] = Field(description="SELL_PARTIAL needs an amount or a percent")
    amount: Shares | None = Field(None, description="shares to sell, 0.01 or more")
    percent: PartPercent | None = Field(
        None, description="in place of amount: of the shares held now, which become the amount"
    )

    @model_validator(mode="after")
    def _amount_fits(self) -> Self:
        given = (self.amount is not None) + (self.percent is not None)
        if given != (self.type == "SELL_PARTIAL"):
            raise ValueError("SELL_PARTIAL needs an amount (shares) or a percent, SELL_ALL has none")
        return self


_ONLY_TRAILING = ("trailingPercent", "trailingAmount", "activationPrice", "activationPercent")
_STOP_OR_TARGET: list[Any] = [
    shape.where("ruleType", "STOP_LOSS", "TAKE_PROFIT"),
    shape.one_of("triggerPrice", "triggerPercent"),
    shape.absent(*_ONLY_TRAILING),
]
_TRAILING: list[Any] = [
    shape.where("ruleType", "TRAILING_STOP"),
    shape.one_of("trailingPercent", "trailingAmount"),
    shape.one_at_most("triggerPrice", "triggerPercent"),
    shape.one_at_most("activationPrice", "activationPercent"),
]


class NewRule(_Body):
    """A rule as it is asked for."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"allOf": _STOP_OR_TARGET}, {"allOf": _TRAILING}]})

    rule_type: RuleType = Field(description="STOP_LOSS, TAKE_PROFIT or TRAILING_STOP")
    market_id: OpaqueId = Field(description="the market's condition id")
    token_id: OpaqueId = Field(description="the id of the outcome's token that is held")
    side: Annotated[Literal["BUY"], BeforeValidator(_side)] = Field(
        "BUY", description="BUY: the position was bought"
    )
    trigger_price: Price | None = Field(None, description="USD per share; compared with the best bid")
    trigger_percent: EntryPercent | None = Field(
        None,
        description="in place of triggerPrice, of the average entry price as last read: -20 is 20 % below "
        "what was paid; resolved once, and never moved when the average changes",
    )
    trailing_percent: Percent | None = Field(
        None, description="TRAILING_STOP: how far below the best bid it follows"
    )
    trailing_amount: Price | None = Field(
        None, description="in place of trailingPercent: how far below, in USD per share"
    )
    activation_price: Price | None = Field(
        None, description="TRAILING_STOP: sleep until the best bid is at or above, USD per share"
    )
    activation_percent: EntryPercent | None = Field(
        None, description="in place of activationPrice, of the average entry price"
    )
    action: NewAction = Field(
        NewAction(type="SELL_ALL", amount=None, percent=None), description="what to sell"
    )
    expires_at: Instant | None = Field(None, description="when the protection is to end")
    allow_immediate: Annotated[bool, Field(strict=True)] = Field(
        False, description="accept a rule that would fire at once"
    )

    @model_validator(mode="after")
    def _terms_fit(self) -> Self:
        self.terms()
        return self

    def terms(self) -> Terms:
        return Terms(
            rule_type=self.rule_type,
            market_id=self.market_id,
            token_id=self.token_id,
            trigger_price=self.trigger_price,
            trailing_percent=self.trailing_percent,
            action=Action(ActionType(self.action.type), self.action.amount, self.action.percent),
            expires_at=self.expires_at,
            allow_immediate=self.allow_immediate,
            trigger_percent=self.trigger_percent,
            trailing_amount=self.trailing_amount,
            activation_price=self.activation_price,
            activation_percent=self.activation_percent,
        )


def new_rule(body: Any) -> Terms:
    """Given a parsed JSON body, return the terms that it asks for. Raise Invalid naming what is wrong."""
    if not isinstance(body, dict):
        raise Invalid("a rule is one JSON object", hint="`tm rule add --help` shows one")
    try:
        return NewRule.model_validate(body).terms()
    except ValidationError as error:
        raise refusal(error, NewRule) from None
