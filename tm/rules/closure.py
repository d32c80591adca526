"""Whether a position that holdings no longer show was really sold.

Absent does not mean sold: holdings hide what is under 1 share, lag by up to half a minute, and are briefly
empty now and then. So trades must explain the absence. They are added to an *anchor*: a quantity, and the
instant at which it was first seen. One that has stood for 60 s already holds every trade made before
that instant, however late holdings were; the trades from then on are those that it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tm.market import Holding, Trade
from tm.model import Position

STANDS_AFTER = timedelta(seconds=60)  # twice the longest that holdings lag
ABSENT_FOR = timedelta(seconds=60)
ABSENT_LOOKS = 4
SETTLED_FOR = timedelta(seconds=60)
HIDDEN_BELOW = Decimal(1)  # shares; holdings do not show less


@dataclass(frozen=True, slots=True)
class TrackFields:
    """What a look changes in a Position; the fields bear its names. Quantities in shares."""

    quantity: Decimal
    quantity_since: datetime | None
    anchor_quantity: Decimal | None
    anchor_at: datetime | None
    absent_since: datetime | None
    absent_looks: int


def track(
    position: Position | None, holding: Holding | None, *, now: datetime, venue_at: datetime | None
) -> TrackFields:
    """Given what was known of a token and what holdings show now, return what is to be remembered.

    `holding` None: the token is absent from a page that is not full (absent from a full one is no look).
    `venue_at`: Vincent's clock, None where the answer had no Date; a wrong local clock stands in for it,
    but never makes a quantity stand.
    """
    at = now if venue_at is None else venue_at
    if holding is None or holding.shares <= 0:
        return _absent(position, at)
    return _present(position, holding.shares, at, dated=venue_at is not None)


def is_closed(position: Position | None, trades: Iterable[Trade], *, page_full: bool, now: datetime) -> bool:
    """Given a token's position and the wallet's trades, say whether it is certain that it was sold.

    `now`: Vincent's clock where it is known. Certain: absent in 4 looks over 60 s, and CONFIRMED sells less
    buys since the anchor come to its quantity, within the 1 share that holdings hide; the last of them
    older than 60 s. A buy counts in any state that may still stand, a sell only when it is final. Sold by
    more than was held is not understood, and so not certain.
    """
    if position is None or page_full or not long_absent(position, now):
        return False
    if position.anchor_quantity is None or position.anchor_at is None:
        return False
    # Vincent's trades and Date tell whole seconds; a local clock that stands in for the latter must too.
    start = position.anchor_at.replace(microsecond=0)
    rows = [
        trade
        for trade in {trade.id: trade for trade in trades}.values()
        if trade.token_id == position.token_id and trade.matched_at >= start
    ]
    sells = [trade for trade in rows if trade.side == "SELL" and trade.status == "CONFIRMED"]
    buys = [trade for trade in rows if trade.side == "BUY" and trade.status != "FAILED"]
    if not sells or now - max(trade.matched_at for trade in sells + buys) <= SETTLED_FOR:
        return False
    left = position.anchor_quantity - _shares(sells) + _shares(buys)
    return abs(left) < HIDDEN_BELOW


def _shares(trades: Iterable[Trade]) -> Decimal:
    return sum((trade.size for trade in trades), Decimal(0))


def long_absent(position: Position, now: datetime) -> bool:
    """Say whether a token has been absent for so long that its trades are worth reading."""
    since = position.absent_since
    return since is not None and position.absent_looks >= ABSENT_LOOKS and now - since >= ABSENT_FOR


def _absent(position: Position | None, at: datetime) -> TrackFields:
    """One more look without the token; what was last seen of it stays."""
    if position is None:
        return TrackFields(Decimal(0), None, None, None, at, 1)
    since, looks = position.absent_since, position.absent_looks + 1
    if since is None or since > at:  # the first one, or the clock was set back
        since, looks = at, 1
    return TrackFields(
        position.quantity,
        position.quantity_since,
        position.anchor_quantity,
        position.anchor_at,
        since,
        looks,
    )


def _present(position: Position | None, quantity: Decimal, at: datetime, *, dated: bool) -> TrackFields:
    """A look that shows the token: absence is over, and the anchor may move.

    It moves to a quantity that has stood for 60 s. Before one has, the first quantity seen serves, and so
    does a higher one: the buy that raised it may be older than the first look. Lower ones never do: they
    may be slices of a sale, whose trades count from the anchor on.
    """
    since = position.quantity_since if position is not None and position.quantity == quantity else None
    if since is None or since > at:
        since = at
    anchor, anchor_at = (
        (position.anchor_quantity, position.anchor_at) if position is not None else (None, None)
    )
    unusable = anchor is None or anchor_at is None or anchor_at > at
    if unusable or (anchor is not None and quantity > anchor) or (dated and at - since >= STANDS_AFTER):
        anchor, anchor_at = quantity, since
    return TrackFields(quantity, since, anchor, anchor_at, None, 0)
