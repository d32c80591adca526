"""What the venue shows, and what it answers. Prices are USD per share, sizes are shares, all Decimal.

Apart from the records of `tm.model`, because most commands never ask the venue, and each record costs its
making at every start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from tm.model import Heard, Outcome

HOLDINGS_PAGE = 100  # /holdings shows at most this many rows: absent from a full page means unknown


@dataclass(frozen=True, slots=True)
class Holding:
    """One row of what Vincent shows as held."""

    token_id: str
    market_id: str  # Vincent's conditionId
    shares: Decimal
    avg_entry_price: Decimal | None
    current_price: Decimal | None
    title: str
    outcome: str
    redeemable: bool

    @property
    def label(self) -> str:
        return f"{self.title} · {self.outcome}" if self.outcome else self.title


@dataclass(frozen=True, slots=True)
class Holdings:
    """What Vincent shows as held, by token."""

    by_token: dict[str, Holding]
    page_full: bool  # then an absent token is unknown


@dataclass(frozen=True, slots=True)
class Trade:
    """One row of a fill."""

    id: str
    order_id: str  # taker_order_id: one order's fill is all rows that share it
    token_id: str
    side: str
    size: Decimal
    price: Decimal
    status: str  # MATCHED, MINED, CONFIRMED, RETRYING, FAILED
    matched_at: datetime
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that rests at the exchange."""

    id: str
    token_id: str
    side: str
    remaining: Decimal  # shares


@dataclass(frozen=True, slots=True)
class Level:
    """One offer in a book: USD per share, and shares."""

    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """One token's order book as fetched at `fetched_at`; level order is not relied on."""

    token_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    fetched_at: datetime
    tick_size: Decimal | None = None  # USD; None: the book did not say


class Top(NamedTuple):
    """A book's top at one instant, as recorded; None: that side was empty, or its depth is not known."""

    at: datetime
    bid: Decimal | None  # USD per share
    ask: Decimal | None
    bid_depth: Decimal | None = None  # shares
    ask_depth: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look for all open attempts: three reads that succeeded, together."""

    holdings: Holdings
    trades: tuple[Trade, ...]
    open_orders: tuple[OpenOrder, ...]
    at: datetime  # local
    venue_at: datetime | None  # Vincent's Date header


@dataclass(frozen=True, slots=True)
class Answer:
    """What the answer to a POST says, classified. `outcome` is never filled or partial."""

    outcome: Outcome
    heard: Heard
    reason: str  # one line for people
    order_id: str | None = None
    tx_hash: str | None = None
    avg_price: Decimal | None = None  # USD per share, where the answer told both amounts
    resting: bool = False  # the exchange says `live`: our order rests and must be cancelled
    retry_after: float | None = None  # seconds
    venue_at: datetime | None = None
    raw: dict[str, Any] = field(default_factory=dict)  # for the record; holds no secret
