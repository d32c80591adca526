"""The records as the OpenAPI document describes them. `tm.wire` makes them; a test compares the two."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tm.model import (
    ActionType,
    AlertMode,
    AlertStatus,
    AttemptStatus,
    EventType,
    JobStatus,
    JobType,
    Outcome,
    RuleStatus,
    RuleType,
)
from tm.service.new_rule import Price

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Shares = Annotated[float, Field(description="shares")]
Usd = Annotated[float, Field(description="USD per share")]


class RuleChange(BaseModel):
    """What can be changed of an ACTIVE rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    trigger_price: Price = Field(description="USD per share; compared with the best bid")


class Record(BaseModel):
    """Fields may be added to a record; none is ever renamed or removed."""

    model_config = ConfigDict(alias_generator=to_camel)


class RuleAction(Record):
    type: ActionType
    amount: Shares = Field(0, json_schema_extra={"description": "SELL_PARTIAL only"})
    percent: float = Field(
        0, json_schema_extra={"description": "of what was held when the rule was made: it gave the amount"}
    )


class ExecutionInShort(Record):
    id: str
    status: AttemptStatus
    outcome: Outcome
    shares: Shares
    filled_shares: Shares | None
    avg_price: Usd | None
    reason: str | None
    needs_operator: bool
    created_at: Moment
    closed_at: Moment | None


class TradeRule(Record):
    id: str
    rule_type: RuleType
    market_id: str
    token_id: str
    side: Literal["BUY"]
    trigger_price: Usd | None = Field(description="null: a trailing stop before its first valid quote")
    trigger_percent: float | None = Field(description="of entryPrice; it gave triggerPrice")
    entry_price: Usd | None = Field(description="what percentages were taken of")
    entry_price_now: Usd | None = Field(description="the average since, where it is another; not followed")
    trailing_percent: float | None
    trailing_amount: Usd | None = Field(description="in place of trailingPercent")
    activation_price: Usd | None = Field(description="a trailing stop sleeps until the bid has been there")
    activation_percent: float | None = Field(description="of entryPrice; it gave activationPrice")
    activated_at: Moment | None
    action: RuleAction
    status: RuleStatus
    triggered_at: Moment | None
    trigger_tx_hash: str | None
    error_message: str | None
    label: str | None = Field(description="market and outcome, when known")
    expires_at: Moment | None
    sold_shares: Shares
    position_seen_at: Moment | None
    cancel_requested: bool
    execution: ExecutionInShort | None = Field(description="the latest order")
    created_at: Moment
    updated_at: Moment


class MonitoredPosition(Record):
    id: str
    market_id: str
    token_id: str
    side: Literal["BUY"]
    label: str | None
    quantity: Shares
    avg_entry_price: Usd | None
    current_price: Usd | None = Field(description="as Polymarket shows it; a sale gets the best bid")
    best_bid: Usd | None
    best_ask: Usd | None
    quote_at: Moment | None
    tick_size: Usd | None = Field(description="of its book, when last read")
    redeemable: bool = Field(description="the market is resolved")
    last_updated_at: Moment
    created_at: Moment
    updated_at: Moment


class PriceStretch(Record):
    """A quote, and the time for which each tick read the same."""

    at: Moment
    until: Moment
    best_bid: Usd | None = Field(description="null: nobody bid")
    best_ask: Usd | None = Field(description="null: nobody asked")


class RuleEvent(Record):
    id: str
    rule_id: str
    event_type: EventType
    event_data: dict[str, Any]
    created_at: Moment


class HarnessJob(Record):
    id: str
    alert_id: str | None
    rule_id: str | None
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    run_at: Moment
    last_error: str | None
    last_attempt_at: Moment | None
    subjects: list[dict[str, Any]] = Field(description="what a wake tells of")
    payload: dict[str, Any]
    sold_shares: Shares
    cancel_requested: bool
    created_at: Moment
    updated_at: Moment


class ExecutionAttempt(Record):
    """One order: at most one was ever sent for it."""

    id: str
    alert_id: str | None
    rule_id: str | None
    job_id: str
    status: AttemptStatus
    outcome: Outcome
    market_id: str
    token_id: str
    action: ActionType
    shares: Shares
    filled_shares: Shares | None
    avg_price: Usd | None
    reason: str | None
    needs_operator: bool
    request: dict[str, Any]
    response: dict[str, Any] | None
    tx_hash: str | None
    order_id: str | None
    created_at: Moment
    closed_at: Moment | None


class AlertEvent(Record):
    id: str
    source: str
    alert_type: str
    mode: AlertMode
    idempotency_key: str
    payload: Any
    status: AlertStatus
    expires_at: Moment | None
    created_at: Moment
    updated_at: Moment


class AlertDetail(AlertEvent):
    jobs: list[HarnessJob]
    executions: list[ExecutionAttempt]


class Health(Record):
    status: Literal["ok"]
    version: str


class Status(Record):
    running: bool = Field(description="a tick finished within 3 poll intervals")
    last_tick_at: Moment | None
    last_sync_time: Moment | None = Field(description="the last successful read of Vincent")
    active_rules_count: int
    stale_tokens: list[str] = Field(description="not looked at for three poll intervals")
    open_executions: int
    needs_operator: int = Field(description="open executions that a person must look at")
    consecutive_failures: int
    circuit_breaker_until: Moment | None
    paused: bool
    pause: dict[str, Any] | None
    jobs: dict[str, int]
    version: str
    paper: bool = Field(False, description="true on the paper exchange: no real money")


class Error(Record):
    error: str = Field(description="what happened")
    code: str = Field(description="stable, in snake_case")
    hint: str = Field("", description="what to do")
    details: list[Any] = Field([], description="more of the same kind, or the candidates")
