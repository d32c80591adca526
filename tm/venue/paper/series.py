"""Recorded prices: one token's best bid and ask over time.

The files under data/ are excerpts of public recordings (CC BY 4.0; see data/README.md).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib import resources

from tm.numbers import parse_decimal
from tm.times import parse_iso

_DATA = resources.files("tm.venue.paper") / "data"


@dataclass(frozen=True, slots=True)
class Row:
    """A book's top at one instant; None: that side was empty, or its depth was not recorded."""

    at: datetime
    bid: Decimal | None  # USD per share
    ask: Decimal | None
    bid_depth: Decimal | None = None  # shares
    ask_depth: Decimal | None = None


def recorded_names() -> list[str]:
    """The names of the recordings that come with the package."""
    names = [file.name for file in _DATA.iterdir()]
    return sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv"))


def recorded_text(name: str) -> str:
    """Given a recording's name, return its file's text. Raise ValueError for another."""
    if name not in recorded_names():
        raise ValueError(f"no recording {name!r}; there are {', '.join(recorded_names())}")
    return _DATA.joinpath(f"{name}.csv").read_text(encoding="utf-8")


def recorded(name: str) -> tuple[Row, ...]:
    return parse_series(recorded_text(name).splitlines())


def parse_series(lines: Iterable[str]) -> tuple[Row, ...]:
    """Given the lines of a CSV file with a header, return its rows.

    `ts,best_bid,best_ask[,bid_depth,ask_depth]`; `#` begins a comment line; an empty field is an empty side.
    Raise ValueError, naming the row, for what cannot be read or goes back in time.
    """
    kept = (line for line in lines if line.strip() and not line.startswith("#"))
    rows: list[Row] = []
    for number, fields in enumerate(csv.DictReader(kept)):
        try:
            row = _row(fields)
        except (KeyError, ValueError) as trouble:
            raise ValueError(f"row {number} of the series: {trouble}") from None
        if rows and row.at < rows[-1].at:
            raise ValueError(f"row {number} of the series is earlier than the one before")
        rows.append(row)
    if not rows:
        raise ValueError("the series has no rows")
    return tuple(rows)


def _row(fields: dict[str, str]) -> Row:
    return Row(
        at=parse_iso(fields["ts"]),
        bid=_number(fields["best_bid"]),
        ask=_number(fields["best_ask"]),
        bid_depth=_number(fields.get("bid_depth")),
        ask_depth=_number(fields.get("ask_depth")),
    )


def _number(text: str | None) -> Decimal | None:
    if text is None or not text.strip():
        return None
    number = parse_decimal(text.strip())
    if number is None or number < 0:
        raise ValueError(f"{text!r} is not a price or a size")
    return number
