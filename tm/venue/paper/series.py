"""Recorded prices: one token's best bid and ask over time.

The files under data/ are excerpts of public recordings (CC BY 4.0; see data/README.md).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources

from tm.market import Top
from tm.numbers import parse_decimal
from tm.times import parse_iso

COLUMNS = ("ts", "best_bid", "best_ask", "bid_depth", "ask_depth")
MOST_TEXTS = 100_000  # numbers remembered while a series is read

_DATA = resources.files("tm.venue.paper") / "data"


def recorded_names() -> list[str]:
    """The names of the recordings that come with the package."""
    names = [file.name for file in _DATA.iterdir()]
    return sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv"))


def recorded_text(name: str) -> str:
    """Given a recording's name, return its file's text. Raise ValueError for another."""
    if name not in recorded_names():
        raise ValueError(f"no recording {name!r}; there are {', '.join(recorded_names())}")
    return _DATA.joinpath(f"{name}.csv").read_text(encoding="utf-8")


def recorded(name: str) -> tuple[Top, ...]:
    return parse_series(recorded_text(name).splitlines())


def parse_series(lines: Iterable[str]) -> tuple[Top, ...]:
    """Given the lines of a CSV file, return all its rows at once. See `read_series`."""
    return tuple(read_series(lines))


def read_series(lines: Iterable[str]) -> Iterator[Top]:
    """Given the lines of a CSV file with a header, return its rows one by one.

    `ts,best_bid,best_ask[,bid_depth,ask_depth]`, columns in any order; `#` begins a comment line; an empty
    field is an empty side; `ts` is ISO 8601 with a zone, or seconds since 1970. Raise ValueError, naming
    the row, for what cannot be read or goes back in time.
    """
    rows = csv.reader(line for line in lines if line.strip() and not line.startswith("#"))
    at, bid, ask, *depths = _columns(next(rows, []))
    seen = _Seen()
    before: datetime | None = None
    number = -1
    for number, fields in enumerate(rows):
        try:
            depth = (seen[_field(fields, column)] for column in depths)
            row = Top(_instant(fields[at]), seen[fields[bid]], seen[fields[ask]], *depth)
        except IndexError:
            raise ValueError(f"row {number} of the series has too few fields") from None
        except (ValueError, OverflowError, OSError) as trouble:
            raise ValueError(f"row {number} of the series: {trouble}") from None
        if before is not None and row.at < before:
            raise ValueError(f"row {number} of the series is earlier than the one before")
        before = row.at
        yield row
    if number < 0:
        raise ValueError("the series has no rows")


def _columns(header: Sequence[str]) -> list[int]:
    """Given the header, return where each field of a row stands; -1: it is not there."""
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS[:3] if name not in names]
    if missing:
        raise ValueError(
            f"the series has no column {', '.join(missing)}; it begins with {','.join(COLUMNS[:3])}"
        )
    return [names.index(name) if name in names else -1 for name in COLUMNS]


def _field(fields: Sequence[str], column: int) -> str:
    """A field's text; a row may end before the depths."""
    return fields[column] if 0 <= column < len(fields) else ""


class _Seen(dict[str, "Decimal | None"]):
    """Numbers by their text: there are far fewer prices than rows."""

    def __missing__(self, text: str) -> Decimal | None:
        number = _number(text)
        if len(self) < MOST_TEXTS:
            self[text] = number
        return number


def _instant(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    return parse_iso(text)


def _number(text: str) -> Decimal | None:
    if not text.strip():
        return None
    number = parse_decimal(text.strip())
    if number is None or number < 0:
        raise ValueError(f"{text!r} is not a price or a size")
    return number
