"""What is remembered of each position between ticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.ids import new_id
from tm.market import Holding
from tm.model import Position
from tm.rules.closure import track

if TYPE_CHECKING:
    from tm.engine.reading import Reading


def tracked(
    cached: Mapping[str, Position], reading: Reading, market_of: Mapping[str, str], now: datetime
) -> list[Position]:
    """Given what was cached and what was read, return each position as it is to be remembered.

    A token that a full page of holdings does not show keeps what was known of it: it is unknown, not gone.
    """
    shown = reading.holdings.by_token
    found = []
    for token_id in {*shown, *cached, *market_of}:
        old, holding = cached.get(token_id), shown.get(token_id)
        if holding is None and reading.holdings.page_full:
            new = old
        else:
            new = _seen(old, holding, token_id, market_of.get(token_id, ""), reading.holdings_at, now)
        quote = reading.quote(token_id)
        if quote is not None:
            new = new or _blank(token_id, market_of.get(token_id, ""), now)
            new = replace(
                new,
                best_bid=quote.best_bid,
                best_ask=quote.best_ask,
                quote_at=quote.fetched_at,
                tick_size=quote.tick_size or new.tick_size,
                updated_at=now,
            )
        if new is not None and new is not old:
            found.append(new)
    return found


def _seen(
    old: Position | None,
    holding: Holding | None,
    token_id: str,
    market_id: str,
    venue_at: datetime | None,
    now: datetime,
) -> Position:
    kept = track(old, holding, now=now, venue_at=venue_at)
    base = old or _blank(token_id, holding.market_id if holding else market_id, now)
    fields = replace(
        base,
        quantity=kept.quantity,
        quantity_since=kept.quantity_since,
        anchor_quantity=kept.anchor_quantity,
        anchor_at=kept.anchor_at,
        absent_since=kept.absent_since,
        absent_looks=kept.absent_looks,
        last_updated_at=now,
        updated_at=now,
    )
    if holding is None:
        return fields
    return replace(
        fields,
        market_id=holding.market_id,
        avg_entry_price=holding.avg_entry_price,
        current_price=holding.current_price,
        label=holding.label,
        redeemable=holding.redeemable,
    )


def _blank(token_id: str, market_id: str, now: datetime) -> Position:
    """A row for a token that is watched but was never seen held."""
    return Position(
        id=new_id(),
        market_id=market_id,
        token_id=token_id,
        quantity=Decimal(0),
        avg_entry_price=None,
        current_price=None,
        last_updated_at=now,
        created_at=now,
        updated_at=now,
        absent_since=now,
    )
