"""How far a price moves within an hour, and how sure that is: what `tm suggest` goes by.

The measure: of each clock hour, the largest fall of the best bid from the highest it had been in that hour
(and the largest rise from the lowest), among quotes that pass the gate. It assumes no distribution: a level
is one of the falls that were seen, and how sure it is follows from their number (an order statistic).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import exp, lgamma, log

from tm.market import Top
from tm.model import RuleType
from tm.rules.quote import Quote, why_no_information

HOUR = timedelta(hours=1)
LEAST_QUOTES = 6  # of an hour that counts
SURE = 0.8  # how sure a level should be, where there is history enough


@dataclass(frozen=True, slots=True)
class Movement:
    """The largest fall and the largest rise of each hour, in USD per share, in the order of time."""

    falls: tuple[Decimal, ...]
    rises: tuple[Decimal, ...]
    last_bid: Decimal | None
    last_at: datetime | None
    tick: Decimal  # the coarsest grid that all bids stand on

    @property
    def hours(self) -> int:
        return len(self.falls)


@dataclass(frozen=True, slots=True)
class Reach:
    """A distance that at least `share` of all hours stay within, and the chance (0 to 1) that this is so."""

    share: Decimal
    distance: Decimal  # USD per share
    sure: float


class _Hour:
    """One clock hour as it goes on."""

    def __init__(self, bid: Decimal) -> None:
        self.quotes = 0
        self.high = self.low = bid
        self.fall = self.rise = Decimal(0)

    def see(self, bid: Decimal) -> None:
        self.quotes += 1
        self.high, self.low = max(self.high, bid), min(self.low, bid)
        self.fall = max(self.fall, self.high - bid)
        self.rise = max(self.rise, bid - self.low)


def movement(rows: Iterable[Top], max_spread: Decimal) -> Movement:
    """Given quotes, return how far the bid moved in each hour that has quotes enough."""
    hours: list[_Hour] = []
    number: int | None = None
    bids: set[Decimal] = set()
    last: tuple[Decimal, datetime] | None = None
    for row in rows:
        quote = Quote("", row.bid, row.ask, row.at)
        if row.bid is None or why_no_information(RuleType.STOP_LOSS, quote, max_spread, row.at) is not None:
            continue
        hour = int(row.at.timestamp()) // 3600
        if hour != number:
            hours.append(_Hour(row.bid))
            number = hour
        hours[-1].see(row.bid)
        bids.add(row.bid)
        last = (row.bid, row.at)
    counted = [hour for hour in hours if hour.quotes >= LEAST_QUOTES]
    return Movement(
        tuple(hour.fall for hour in counted),
        tuple(hour.rise for hour in counted),
        None if last is None else last[0],
        None if last is None else last[1],
        _grid(bids),
    )


def reach(moves: Sequence[Decimal], share: Decimal) -> Reach:
    """Given the moves of some hours, return the distance that `share` of all hours stay within.

    The smallest move that was seen of which one can be SURE; the largest where there are too few hours for
    that. Raise ValueError for no hours.
    """
    if not moves:
        raise ValueError("no hours to go by")
    ordered = sorted(moves)
    hours, below, sure = len(ordered), 0, _exactly(0, len(ordered), float(share))
    while sure < SURE and below < hours - 1:
        below += 1
        sure += _exactly(below, hours, float(share))
    return Reach(share, ordered[below], min(sure, 1.0))


def _exactly(below: int, hours: int, share: float) -> float:
    """The chance that exactly `below` of so many hours lie within the distance that `share` of all do.

    Added up from 0 to rank - 1 it is the chance that `share` of all hours stay within the move of that rank.
    """
    ways = lgamma(hours + 1) - lgamma(below + 1) - lgamma(hours - below + 1)
    return exp(ways + below * log(share) + (hours - below) * log(1 - share))


def _grid(prices: Iterable[Decimal]) -> Decimal:
    """Given prices, return the coarsest of 0.01, 0.001 and 0.0001 that all of them stand on."""
    seen = list(prices)
    for tick in (Decimal("0.01"), Decimal("0.001")):
        if all(price % tick == 0 for price in seen):
            return tick
    return Decimal("0.0001")
