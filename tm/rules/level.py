"""Levels asked for in percent of the entry: what was paid, on average, for the shares that are held.

They become prices once, when the rule is made. A trigger is compared with the best bid, and bids stand on the
market's tick grid. So a stop is rounded down and a target up: on the grid each fires at exactly the bids at
which the unrounded level would, and where the tick gets finer later it fires later, never earlier.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tm.numbers import PRICE_STEP, canonical


def from_entry(entry: Decimal, percent: Decimal) -> Decimal:
    """Given an average entry price (USD per share) and a signed percentage, return the exact level."""
    return entry * (1 + percent / 100)


def on_grid(level: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """Given a level in USD per share, return the price of the tick grid at it, or next to it.

    Raise ValueError where the level leaves the prices of the market, from one tick to one tick below 1.
    """
    steps = (level / tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    price = steps * tick
    if not tick <= price <= 1 - tick:
        raise ValueError(
            f"would be {canonical(level.normalize())}, and this market's prices go from {canonical(tick)} "
            f"to {canonical(1 - tick)}"
        )
    return Decimal(canonical(price))


def moved_average(entry: Decimal, known: Decimal | None, average: Decimal) -> Decimal | None:
    """Given a rule's entry price, the average last flagged and the average now, return what to flag.

    None: it is the entry price. Differences below 0.0001 USD are rounding, not trading.
    """
    if abs(average - entry) < PRICE_STEP:
        return None
    return known if known is not None and abs(average - known) < PRICE_STEP else average
