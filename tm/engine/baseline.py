"""What is known at the moment of sending: the quote, what is held, and the listings to compare with later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tm.engine.context import BASELINE_READS, Engine
from tm.errors import NotFound
from tm.market import Holdings, OpenOrder, Trade
from tm.model import Rule, RuleType
from tm.rules.quote import Quote, quote_of, why_no_information
from tm.venue.reads import Read

FRESH_SECONDS = 5  # how old what an order is measured by may be when it leaves


@dataclass(frozen=True, slots=True)
class Listings:
    """All trades and open orders, read just before orders leave. `read_at`: the monotonic clock."""

    trades: tuple[Trade, ...]
    orders: tuple[OpenOrder, ...]
    venue_at: datetime | None
    read_at: float


@dataclass(slots=True)
class Facts:
    """What this tick already read: holdings, the quotes by token, and listings as new as an order needs."""

    holdings: Read[Holdings]
    quotes: dict[str, Quote]
    listings: Listings | None = None


class NotNow(Exception):
    """The order is not sent now; `burned`: the condition lies outside, so the next try waits longer."""

    def __init__(self, reason: str, *, burned: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.burned = burned


def listings(engine: Engine, facts: Facts) -> Listings:
    """Return the listings that an order's baseline needs: several orders of one moment share them.

    A trade that was made since counts as possibly ours only by its time, and those few seconds are within
    the tolerance that the reconciling has for them.
    """
    known = facts.listings
    if known is not None and engine.monotonic() - known.read_at <= FRESH_SECONDS:
        return known
    if not engine.budget.for_orders(BASELINE_READS):
        raise NotNow("no request left in this minute")
    trades = engine.venue.trades(tries=1, deadline=engine.deadline)
    orders = engine.venue.open_orders(tries=1, deadline=engine.deadline)
    facts.listings = Listings(trades.value, orders.value, orders.venue_at, engine.monotonic())
    return facts.listings


def quote_for(engine: Engine, rule: Rule | None, token_id: str, facts: Facts) -> Quote:
    """Return a quote no older than 5 s that passes the gate. Raise NotNow where there is none.

    An alert says when to sell, not that any price will do: a stop's gate holds for it, and a missing ask
    counts as 1, the highest that it can be.
    """
    quote = facts.quotes.get(token_id)
    age = None if quote is None else (engine.clock() - quote.fetched_at).total_seconds()
    if quote is None or age is None or not 0 <= age <= FRESH_SECONDS:
        quote = _read_quote(engine, token_id)
    ask = Decimal(1) if rule is None and quote.best_ask is None else quote.best_ask
    reason = why_no_information(
        rule.rule_type if rule else RuleType.STOP_LOSS,
        replace(quote, best_ask=ask),
        engine.settings.max_spread,
        quote.fetched_at,
    )
    if reason is not None:
        raise NotNow(f"{reason}: the order book says too little to sell into", burned=True)
    return quote


def _read_quote(engine: Engine, token_id: str) -> Quote:
    if not engine.budget.for_orders(1):
        raise NotNow("no request left in this minute")
    try:
        return quote_of(engine.venue.book(token_id, deadline=engine.deadline).value)
    except NotFound as error:
        raise NotNow("no_book: the token has no order book", burned=True) from error


def held(holdings: Holdings, token_id: str) -> Decimal | None:
    """Shares held; 0 where a page that is not full does not show the token; None where it may hide it."""
    holding = holdings.by_token.get(token_id)
    if holding is not None:
        return holding.shares
    return None if holdings.page_full else Decimal(0)


def redeemable_shares(holdings: Holdings, token_id: str) -> Decimal:
    holding = holdings.by_token.get(token_id)
    if holding is None or not holding.redeemable:
        raise NotNow("not_redeemable: holdings do not show it as redeemable", burned=True)
    return holding.shares
