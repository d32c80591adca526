"""`--grid NAME=VALUES` of `tm replay`: every combination of levels and settings.

VALUES are `0.30,0.40,0.50` or `-40%..-10%..5%` (from, to, step).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import product

from tm.errors import Invalid
from tm.numbers import canonical, parse_decimal
from tm.service.body import shown

NAMES = ("stop-loss", "take-profit", "trailing-stop", "max-spread", "confirm-ticks")
MOST = 1000  # combinations

Place = tuple[tuple[str, str], ...]  # (name, value) of each dimension


def places(given: Sequence[str]) -> list[Place]:
    """Given the texts of `--grid`, return each combination. Raise Invalid for what is no dimension."""
    dimensions: dict[str, list[str]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip().lstrip("-")
        if name not in NAMES or not equals:
            raise Invalid(
                f"--grid: {shown(text)}: must be NAME=VALUES, with NAME one of {', '.join(NAMES)}",
                hint="--grid stop-loss=-40%..-10%..5% --grid confirm-ticks=1,2",
            )
        if name in dimensions:
            raise Invalid(f"--grid: {name} is given twice", hint="put all its values into one")
        dimensions[name] = [value for part in values.split(",") for value in _values(text, part.strip())]
    count = 1
    for values_of in dimensions.values():
        count *= len(values_of)
    if count > MOST:
        raise Invalid(f"--grid: {count} combinations; {MOST} at most")
    return [tuple(zip(dimensions, values, strict=True)) for values in product(*dimensions.values())]


def _values(text: str, part: str) -> list[str]:
    if ".." not in part:
        if not part:
            raise Invalid(f"--grid: {shown(text)}: a value is empty")
        return [part]
    ends = [end.strip() for end in part.split("..")]
    unit = "%" if ends[0].endswith("%") else ""
    numbers = [parse_decimal(end.removesuffix("%")) for end in ends]
    if len(numbers) != 3 or any(number is None for number in numbers):
        raise Invalid(f"--grid: {shown(text)}: a range is FROM..TO..STEP, such as 0.30..0.60..0.05")
    first, last, step = (number for number in numbers if number is not None)
    if step <= 0 or last < first or (last - first) / step > MOST:
        raise Invalid(f"--grid: {shown(text)}: a range goes up, in at most {MOST} steps")
    found, value = [], first
    while value <= last:
        found.append(_spelled(value, unit))
        value += step
    return found


def _spelled(value: Decimal, unit: str) -> str:
    return f"{'+' if unit and value >= 0 else ''}{canonical(value)}{unit}"
