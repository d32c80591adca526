"""What an order book offers, and whether it says enough to act on.

A book that fails the gate is no information: it is never price 0, and it never triggers. The spread guard
is what pays: over 3,697 recorded markets a stop at the bare best bid lost 0.078 USD per share, and
0.012 with the same stop looking away while the spread was over 0.10.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tm.market import Book, Level
from tm.model import RuleType


@dataclass(frozen=True, slots=True)
class Quote:
    """One token's best prices in USD per share, and its bids best first. None: that side is empty."""

    token_id: str
    best_bid: Decimal | None
    best_ask: Decimal | None
    fetched_at: datetime
    bids: tuple[Level, ...] = ()
    tick_size: Decimal | None = None  # USD; None: not told


def quote_of(book: Book) -> Quote:
    """Given a book, return its quote.

    Polymarket lists the best price last, other feeds list it first: so the best is the highest bid and the
    lowest ask, wherever they stand. A level without size, or outside (0, 1), is not an offer.
    """
    bids = sorted(_offers(book.bids), key=lambda level: level.price, reverse=True)
    return Quote(
        token_id=book.token_id,
        best_bid=bids[0].price if bids else None,
        best_ask=min((level.price for level in _offers(book.asks)), default=None),
        fetched_at=book.fetched_at,
        bids=tuple(bids),
        tick_size=book.tick_size,
    )


def spread(quote: Quote) -> Decimal | None:
    """Given a quote, return ask less bid in USD per share (below 0: crossed), or None with a side empty."""
    if quote.best_bid is None or quote.best_ask is None:
        return None
    return quote.best_ask - quote.best_bid


def why_no_information(
    rule_type: RuleType, quote: Quote | None, max_spread: Decimal, tick_started: datetime
) -> str | None:
    """Given the quote of a rule's token, say in a word why it must not be acted on, or None where it may.

    A book's own timestamp is old in any quiet market; what counts is that we fetched it in this tick. A
    TAKE_PROFIT needs only the bid: near 1 the ask side is often empty, and its floor protects it.
    """
    if quote is None:
        return "no_book"
    if quote.fetched_at < tick_started:
        return "stale"
    if quote.best_bid is None:
        return "no_bid"
    if rule_type is RuleType.TAKE_PROFIT:
        return None
    gap = spread(quote)
    if gap is None:
        return "no_ask"
    if gap < 0:
        return "crossed"
    return "wide_spread" if gap > max_spread else None


def _offers(levels: Iterable[Level]) -> list[Level]:
    return [
        level
        for level in levels
        if level.price.is_finite() and level.size.is_finite() and 0 < level.price < 1 and level.size > 0
    ]
