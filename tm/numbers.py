"""Decimal on the way of money: one spelling, one way to round."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, InvalidOperation

SHARE_STEP = Decimal("0.01")  # Polymarket takes sell sizes with two decimals, rounded down
PRICE_STEP = Decimal("0.0001")  # the finest tick size of any market
DUST_SHARES = Decimal("5")  # min_order_size of the books
DUST_USD = Decimal("1")
MAX_AMOUNT = Decimal("1000000000")  # shares or USD; anything above is a typing error


def canonical(value: Decimal) -> str:
    """Given a finite Decimal, return its one spelling: no exponent, no trailing zeros ("0.4", "100")."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def parse_decimal(value: object) -> Decimal | None:
    """Given a number or its text, return a finite Decimal, or None where it is not one.

    A float is read through its shortest spelling, so that 0.1 means 0.1. Booleans are not numbers.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None


def floor_shares(shares: Decimal) -> Decimal:
    """Given shares, round them down to what an order can carry (0.01 shares)."""
    return shares.quantize(SHARE_STEP, rounding=ROUND_DOWN)


def is_dust(shares: Decimal, price: Decimal | None) -> bool:
    """Given shares and USD per share (None: unknown), say whether they are too few to be worth an order.

    Polymarket refuses resting orders below 5 shares, and its market orders below about 1 USD.
    """
    return shares < DUST_SHARES or (price is not None and shares * price < DUST_USD)
