"""Shares and USD as whole millionths, as on the chain, so that sums in SQL are exact."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from tm.numbers import canonical, parse_decimal

UNIT = 1_000_000
SHARE_STEP = 10_000  # 0.01 shares: what an order's size is rounded down to


def micro(value: object) -> int:
    """Given a number or its text, return it in millionths, rounded down. Raise ValueError if it is none."""
    number = parse_decimal(value)
    if number is None or abs(number) > 10**12:
        raise ValueError(f"{value!r} is not a number")
    return int((number * UNIT).to_integral_value(rounding=ROUND_DOWN))


def maybe_micro(value: object) -> int | None:
    return None if value is None else micro(value)


def decimal(millionths: int) -> Decimal:
    return Decimal(millionths).scaleb(-6)


def text(millionths: int) -> str:
    """Given millionths, return the number's text: 400000 is "0.4"."""
    return canonical(decimal(millionths))


def number(millionths: int) -> float:
    """Given millionths, return the JSON number that Vincent shows (only for an answer's body)."""
    return float(decimal(millionths))


def worth(size: int, price: int) -> int:
    """Given shares and USD per share in millionths, return USD in millionths, rounded down."""
    return size * price // UNIT
