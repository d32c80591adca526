"""The records and the words of the field. Prices are USD per share, sizes are shares, all Decimal.

Each record has a docstring: where there is none, dataclasses makes one at every start, and slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class RuleType(StrEnum):
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"


class RuleStatus(StrEnum):
    ACTIVE = "ACTIVE"
    TRIGGERED = "TRIGGERED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class ActionType(StrEnum):
    SELL_ALL = "SELL_ALL"
    SELL_PARTIAL = "SELL_PARTIAL"
    REDEEM = "REDEEM"


class EventType(StrEnum):
    RULE_CREATED = "RULE_CREATED"
    RULE_UPDATED = "RULE_UPDATED"
    RULE_EVALUATED = "RULE_EVALUATED"
    RULE_TRAILING_UPDATED = "RULE_TRAILING_UPDATED"
    RULE_ACTIVATED = "RULE_ACTIVATED"
    RULE_ENTRY_CHANGED = "RULE_ENTRY_CHANGED"
    RULE_TRIGGERED = "RULE_TRIGGERED"
    RULE_REARMED = "RULE_REARMED"
    RULE_CANCELED = "RULE_CANCELED"
    RULE_EXPIRED = "RULE_EXPIRED"
    RULE_FAILED = "RULE_FAILED"
    ACTION_ATTEMPT = "ACTION_ATTEMPT"
    ACTION_EXECUTED = "ACTION_EXECUTED"
    ACTION_PARTIALLY_EXECUTED = "ACTION_PARTIALLY_EXECUTED"
    ACTION_PENDING_APPROVAL = "ACTION_PENDING_APPROVAL"
    ACTION_UNKNOWN = "ACTION_UNKNOWN"
    ACTION_FAILED = "ACTION_FAILED"


class AlertMode(StrEnum):
    EXECUTE_TXN = "EXECUTE_TXN"
    WAKE_AGENT = "WAKE_AGENT"
    IGNORE = "IGNORE"


class AlertStatus(StrEnum):
    RECEIVED = "RECEIVED"
    QUEUED = "QUEUED"
    PROCESSED = "PROCESSED"
    FAILED = "FAILED"
    IGNORED = "IGNORED"


class JobType(StrEnum):
    EXECUTE_TXN = "EXECUTE_TXN"
    WAKE_AGENT = "WAKE_AGENT"


class JobStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AttemptStatus(StrEnum):
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class Outcome(StrEnum):
    """What is known of an attempt. The first four are open: looks go on."""

    SENT = "sent"
    MATCHED = "matched"
    UNKNOWN = "unknown"
    PENDING_APPROVAL = "pending_approval"
    FILLED = "filled"
    PARTIAL = "partial"
    NOT_FILLED = "not_filled"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"

    @property
    def status(self) -> AttemptStatus:
        if self in OPEN_OUTCOMES:
            return AttemptStatus.SUBMITTED
        if self in (Outcome.FILLED, Outcome.PARTIAL):
            return AttemptStatus.CONFIRMED
        return AttemptStatus.FAILED


OPEN_OUTCOMES = frozenset({Outcome.SENT, Outcome.MATCHED, Outcome.UNKNOWN, Outcome.PENDING_APPROVAL})


class Heard(StrEnum):
    """Who answered a POST: it decides how long a silent order may still fill (the horizon)."""

    NOBODY = "nobody"  # no answer, a crash, or a proxy's page: an approval may be pending unheard
    VINCENT = "vincent"  # its JSON envelope, not a 202
    ACCEPTED = "accepted"  # a 202: a human may grant it for 30 minutes


# ---- what users and agents see -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule sells."""

    type: ActionType
    amount: Decimal | None = None  # shares; SELL_PARTIAL only
    percent: Decimal | None = None  # of what was held when the rule was made: where `amount` came from


@dataclass(frozen=True, slots=True)
class Rule:
    """A stop or a target, and what is remembered of it between two ticks."""

    id: str
    rule_type: RuleType
    market_id: str
    token_id: str
    trigger_price: Decimal | None
    trailing_percent: Decimal | None
    action: Action
    status: RuleStatus
    created_at: datetime
    updated_at: datetime
    side: str = "BUY"
    triggered_at: datetime | None = None
    trigger_tx_hash: str | None = None
    error_message: str | None = None
    label: str | None = None
    expires_at: datetime | None = None
    position_seen_at: datetime | None = None
    promised_shares: Decimal | None = None  # fixed at the first attempt
    sold_shares: Decimal = Decimal(0)
    # levels from the entry: resolved to prices once, when the rule was made
    trigger_percent: Decimal | None = None  # what was asked for: -20 is 20 % below the entry
    entry_price: Decimal | None = None  # the average in holdings then, USD per share
    entry_price_now: Decimal | None = None  # the average since, where it is another; never followed
    trailing_amount: Decimal | None = None  # USD per share, in place of trailing_percent
    activation_price: Decimal | None = None  # a trailing stop sleeps until the best bid has been there
    activation_percent: Decimal | None = None
    activated_at: datetime | None = None
    # between two ticks
    not_before: datetime | None = None  # back-off after an order that sold nothing
    rearm_count: int = 0
    confirm_count: int = 0
    cancel_requested: bool = False
    blind_since: datetime | None = None  # no quote passed the gate since
    blind_told: bool = False
    unseen_since: datetime | None = None  # its position is not sellable as far as holdings tell
    unseen_told: bool = False
    unsold_since: datetime | None = None  # triggered first, nothing sold since
    unsold_told: bool = False
    last_evaluation: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What is cached of a held token, as of `last_updated_at`."""

    id: str
    market_id: str
    token_id: str
    quantity: Decimal  # shares
    avg_entry_price: Decimal | None
    current_price: Decimal | None  # as /holdings says; not what a sell would get
    last_updated_at: datetime
    created_at: datetime
    updated_at: datetime
    side: str = "BUY"
    label: str | None = None
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    quote_at: datetime | None = None
    tick_size: Decimal | None = None  # of its book, when last read
    redeemable: bool = False
    # what `position_closed` is judged from
    quantity_since: datetime | None = None  # this quantity was first seen then (venue time)
    anchor_quantity: Decimal | None = None  # the last quantity that stood for 60 s ...
    anchor_at: datetime | None = None  # ... and when it was first seen (venue time)
    absent_since: datetime | None = None
    absent_looks: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A token's quote as read from `at` to `until`, in USD per share; None: that side was empty."""

    at: datetime
    until: datetime
    bid: Decimal | None
    ask: Decimal | None


@dataclass(frozen=True, slots=True)
class RuleEvent:
    """Something that happened to a rule."""

    id: str
    rule_id: str
    event_type: EventType
    event_data: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """What an agent or a script handed in."""

    id: str
    source: str
    alert_type: str
    mode: AlertMode
    idempotency_key: str
    payload: Any
    status: AlertStatus
    created_at: datetime
    updated_at: datetime
    fingerprint: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done about a trigger, an alert or an outcome."""

    id: str
    job_type: JobType
    status: JobStatus
    attempts: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    updated_at: datetime
    alert_id: str | None = None
    rule_id: str | None = None
    last_error: str | None = None
    last_attempt_at: datetime | None = None
    subjects: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)  # what to do: an order's terms, or a wake's text
    promised_shares: Decimal | None = None  # of an alert's order
    sold_shares: Decimal = Decimal(0)
    waiting_since: datetime | None = None
    waiting_told: bool = False
    rearm_count: int = 0
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was known at the moment of sending; every later look is compared with it."""

    held: Decimal | None  # shares; None: not on a full page of holdings
    trade_ids: tuple[str, ...]  # of this token
    resting_ids: tuple[str, ...]  # open orders of this token
    best_bid: Decimal | None
    best_ask: Decimal | None
    venue_at: datetime | None  # Vincent's clock at sending


@dataclass(frozen=True, slots=True)
class Watch:
    """What the looks after an attempt have seen so far."""

    waited: Decimal = Decimal(0)  # seconds since sending, on Vincent's clock
    looked_at: datetime | None = None  # local instant of the last look
    resting_seen: tuple[str, ...] = ()  # ids of orders of others seen resting since
    clear_looks: tuple[Decimal, ...] = ()  # `waited` of each look that allows "nothing was sold"
    horizon_from: Decimal = Decimal(0)  # `waited` at which the horizon starts (anew after a cancel)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order: at most one POST, and what is known of it."""

    id: str
    seq: int
    job_id: str
    market_id: str
    token_id: str
    action: ActionType
    shares: Decimal  # the size sent; 0 for a REDEEM
    outcome: Outcome
    request: dict[str, Any]
    baseline: Baseline
    created_at: datetime
    alert_id: str | None = None
    rule_id: str | None = None
    response: dict[str, Any] | None = None
    heard: Heard = Heard.NOBODY
    order_id: str | None = None
    tx_hash: str | None = None
    reason: str | None = None
    needs_operator: bool = False
    unknown_told: bool = False
    filled_shares: Decimal | None = None
    avg_price: Decimal | None = None  # USD per share
    closed_at: datetime | None = None
    watch: Watch = Watch()

    @property
    def status(self) -> AttemptStatus:
        return self.outcome.status
