"""NewAlert: what may be handed in. The HTTP body of `POST /api/alerts`; `tm alert add` makes it too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tm.errors import Invalid, Refused
from tm.model import ActionType, AlertMode
from tm.numbers import canonical
from tm.service import shape
from tm.service.body import refusal
from tm.service.new_rule import Instant, OpaqueId, Shares
from tm.times import iso, parse_iso

LARGEST_PAYLOAD = 16 * 1024  # bytes of JSON
DEEPEST_PAYLOAD = 32  # objects and lists within each other


def new_alert(body: object) -> NewAlert:
    """Given a JSON body, return what it asks for.

    Raise Invalid naming the field, or Refused `action_not_allowed` for an action that no alert can order.
    """
    if not isinstance(body, dict):
        raise Invalid("an alert is one JSON object", hint="`tm alert add --help` shows one")
    try:
        return NewAlert.model_validate(body)
    except ValidationError as error:
        raise refusal(error, NewAlert) from None


def not_allowed(action: str, allowed: tuple[ActionType, ...]) -> Refused:
    """Given an action that an alert may not order, return the error that says which it may."""
    return Refused(
        f"payload.action: {action[:60]} is not allowed",
        code="action_not_allowed",
        hint="allowedActions in the configuration: " + (", ".join(allowed) or "none"),
    )


def _text(pattern: str, expects: str) -> Callable[[object], str]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"must be {expects}")
        return value

    return check


_NAME_PATTERN = r"[A-Za-z0-9._:-]{1,64}"
_KEY_PATTERN = r"[!-~]([ -~]{0,254}[!-~])?"
_NAME = _text(_NAME_PATTERN, "1 to 64 letters, digits and . _ : -")
_KEY = _text(_KEY_PATTERN, "1 to 256 printable ASCII characters, no blank at either end")

Name = Annotated[str, BeforeValidator(_NAME), WithJsonSchema(shape.text(_NAME_PATTERN))]
IdempotencyKey = Annotated[str, BeforeValidator(_KEY), WithJsonSchema(shape.text(_KEY_PATTERN))]


BARE_ACTIONS = (ActionType.SELL_ALL, ActionType.REDEEM)  # whose name says all


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class OrderAction(_Body):
    """What to do with the position."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"allOf": [shape.where("type", "SELL_PARTIAL"), shape.given("amount")]},
                {"allOf": [shape.where("type", *BARE_ACTIONS), shape.absent("amount")]},
            ]
        }
    )

    type: ActionType
    amount: Shares | None = Field(None, description="shares; SELL_PARTIAL only")

    @model_validator(mode="after")
    def _amount_fits(self) -> Self:
        if self.type is ActionType.SELL_PARTIAL and self.amount is None:
            raise ValueError("SELL_PARTIAL needs an amount (shares)")
        if self.type is not ActionType.SELL_PARTIAL and self.amount is not None:
            raise ValueError(f"an amount belongs to SELL_PARTIAL, not to {self.type}")
        return self


def _action(value: object) -> object:
    """An action may be given as its bare name. Raise Refused for one that nothing here can do."""
    given = {"type": value} if isinstance(value, str) else value
    named = given.get("type") if isinstance(given, dict) else None
    if isinstance(named, str) and named not in tuple(ActionType):
        raise Refused(
            f"payload.action: {named[:60]} is nothing that an alert can order",
            code="action_not_allowed",
            hint="it can order " + ", ".join(ActionType) + ", where allowedActions names it",
        )
    return given


class NewOrder(_Body):
    """The payload of an EXECUTE_TXN alert."""

    market_id: OpaqueId = Field(description="the market's condition id")
    token_id: OpaqueId = Field(description="the id of the outcome's token that is held")
    action: Annotated[OrderAction, BeforeValidator(_action)] = Field(
        description='"SELL_ALL", or {"type": "SELL_PARTIAL", "amount": 100}',
        json_schema_extra=lambda field: field.update(
            anyOf=[{"enum": list(BARE_ACTIONS)}, {"$ref": field.pop("$ref")}]
        ),
    )
    expires_at: Instant | None = Field(None, description="an order later than this is not sent")

    @model_validator(mode="before")
    @classmethod
    def _nothing_else(cls, value: Any) -> Any:
        known = {field.alias for field in cls.model_fields.values()}
        unknown = [str(name)[:60] for name in value if name not in known] if isinstance(value, dict) else []
        if unknown:
            raise ValueError(
                f"unknown field {unknown[0]}: an order has marketId, tokenId, action, expiresAt "
                "(an amount belongs into action)"
            )
        return value

    def as_payload(self) -> dict[str, Any]:
        """The order's terms as they are kept: amounts as exact text."""
        action: dict[str, Any] = {"type": str(self.action.type)}
        if self.action.amount is not None:
            action["amount"] = canonical(self.action.amount)
        terms = {"marketId": self.market_id, "tokenId": self.token_id, "action": action}
        return terms if self.expires_at is None else {**terms, "expiresAt": iso(self.expires_at)}


class NewAlert(_Body):
    """An alert as it is handed in."""

    source: Name = Field(description="who hands it in: 1 to 64 of A-Z a-z 0-9 . _ : -")
    alert_type: Name = Field(description="what kind it is: 1 to 64 of A-Z a-z 0-9 . _ : -")
    mode: AlertMode = Field(description="EXECUTE_TXN: an order; WAKE_AGENT: tell the agent; IGNORE: record")
    idempotency_key: IdempotencyKey = Field(description="one source's key is done once, for ever")
    expires_at: Instant | None = Field(None, description="later than this it is not done any more")
    payload: dict[str, Any] = Field(
        default_factory=dict,
        validate_default=True,
        description="EXECUTE_TXN: marketId, tokenId, action; else any JSON object up to 16 KiB",
    )

    @field_validator("payload", mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError("must be a JSON object")
        stored = _plain(value, DEEPEST_PAYLOAD)
        try:
            size = len(json.dumps(stored, ensure_ascii=False, allow_nan=False).encode())
        except ValueError:  # a half of a surrogate pair, NaN
            raise ValueError("must hold proper text and finite numbers") from None
        if size > LARGEST_PAYLOAD:
            raise ValueError(f"has {size} bytes, and may have {LARGEST_PAYLOAD}")
        return stored

    @field_validator("payload")
    @classmethod
    def _orders(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if info.data.get("mode") is not AlertMode.EXECUTE_TXN:
            return value
        order = NewOrder.model_validate(value)
        end = info.data.get("expires_at")
        if end is not None and order.expires_at not in (None, end):
            raise ValueError("expiresAt is given twice, and differs")
        return order.as_payload()

    @property
    def ends_at(self) -> datetime | None:
        """When it is too late, as the body or the order in it says."""
        inner = self.payload.get("expiresAt") if self.mode is AlertMode.EXECUTE_TXN else None
        return self.expires_at if inner is None else parse_iso(inner)

    @property
    def terms(self) -> dict[str, Any]:
        """The payload as it is kept."""
        if self.mode is not AlertMode.EXECUTE_TXN:
            return self.payload
        return {name: value for name, value in self.payload.items() if name != "expiresAt"}


def _plain(value: Any, depth: int) -> Any:
    """Given JSON as it was read (fractions are Decimals), return it as JSON can carry it."""
    if depth == 0:
        raise ValueError(f"is nested deeper than {DEEPEST_PAYLOAD} levels")
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    return value
