"""The overview as the OpenAPI document describes it. `tm.service.overview` makes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tm.http.reading import Query, Whole
from tm.http.schemas import Moment, Record, RuleEvent, Shares, Status, TradeRule, Usd

Level = Literal["info", "good", "warning", "alarm"]
Dollars = Annotated[float, Field(description="USD")]


class OverviewQuery(Query):
    hours: Whole = Field(24, ge=1, le=720, description="of price history, back from now")
    points: Whole = Field(120, ge=0, le=1000, description="at most about so many of it for each position")


class PauseRequest(BaseModel):
    """Why no order is to leave."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    reason: str | None = Field(None, max_length=500)


class Switch(Record):
    paused: bool


class Paused(Switch):
    pause: dict[str, object] = Field(description="since, reason, restored")


class Resumed(Switch):
    was_paused: bool


class Banner(Record):
    """What must not be overlooked."""

    kind: str = Field(description="paper, paused, breaker, blind, unknown ...; more may come")
    level: Level
    text: str
    hint: str | None
    token_id: str | None = None


class Standing(Record):
    text: str
    level: Level


class WatchedRule(TradeRule):
    """A rule, and how far it is from firing. All null unless it is ACTIVE and a bid is known."""

    kind: str
    aim: str = Field(description="what it sells, and when, in words")
    distance_usd: Usd | None = Field(description="from the best bid to the trigger; 0 or less: reached")
    distance_percent: float | None = Field(description="the same in percent of the best bid")
    fraction: float | None = Field(description="0 at the trigger, 1 as far away as the entry", ge=0, le=1)
    nearness: Literal["reached", "near", "far"] | None
    standing: Standing


class ToldEvent(RuleEvent):
    """An event, where it happened, and what in words."""

    token_id: str
    label: str | None
    text: str
    level: Level


class PricePoint(Record):
    at: Moment
    bid: Usd | None = Field(description="null: there was none")


class WatchedPosition(Record):
    token_id: str
    market_id: str
    label: str | None
    held: bool
    guarded: bool = Field(description="has an ACTIVE rule")
    quantity: Shares | None
    avg_entry_price: Usd | None
    best_bid: Usd | None
    best_ask: Usd | None
    quote_at: Moment | None
    tick_size: Usd | None
    redeemable: bool
    price: Usd | None = Field(description="the best bid while it is fresh, else what holdings say")
    price_at: Moment | None
    price_source: Literal["bid", "holdings"] | None
    stale: bool = Field(description="the price was read more than 3 poll intervals ago, or never")
    value_usd: Dollars | None
    profit_usd: Dollars | None
    profit_percent: float | None
    rules: list[WatchedRule]
    history: list[PricePoint] = Field(description="oldest first")
    events: list[ToldEvent] = Field(description="within the history's time, newest first")


class Overview(Status):
    at: Moment
    poll_interval_seconds: int
    next_tick_at: Moment | None
    history_since: Moment
    banners: list[Banner] = Field(description="the gravest first")
    value_usd: Dollars | None = Field(description="of all that is held; null where one is not known")
    profit_usd: Dollars | None
    positions: list[WatchedPosition] = Field(description="those under guard first")
    positions_left_out: int
    events: list[ToldEvent] = Field(description="the last 20, newest first")
