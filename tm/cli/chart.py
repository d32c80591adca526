"""A price's path in a terminal: braille dots, two columns wide and four rows high to a character."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

_BLANK = 0x2800
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))  # by column of the character, from the bottom
MARK, LEVEL = "●", "╌"


def draw(
    values: Sequence[Decimal | None],
    levels: Mapping[Decimal, str],
    *,
    width: int,
    height: int,
    low: Decimal = Decimal(0),
    high: Decimal = Decimal(1),
    length: int | None = None,
    mark: int | None = None,
) -> list[str]:
    """Given values (None: a hole), return `height` lines, each `width` characters and its label.

    `levels` are labelled at their height, which a line of dashes marks. Values spread over the width;
    `length` is how many there will be, where more are to come. `mark`: the number of a value to point at.
    """
    heights = [None if value is None else _height(value, low, high, 4 * height) for value in values]
    columns = [n * (2 * width - 1) // max((length or len(values)) - 1, 1) for n in range(len(values))]
    cells = [[0] * width for _ in range(height)]
    for x, y in _path(columns, heights):
        cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    labels = {_height(level, low, high, 4 * height) // 4: text for level, text in levels.items()}
    lines = [_line(row, labels.get(number)) for number, row in enumerate(cells)]
    at = None if mark is None else heights[mark]
    if mark is not None and at is not None:
        x, line = columns[mark] // 2, lines[at // 4]
        lines[at // 4] = line[:x] + MARK + line[x + 1 :]
    return lines[::-1]


def _height(value: Decimal, low: Decimal, high: Decimal, dots: int) -> int:
    """Given a value, return the row of its dot, from 0 at the bottom."""
    return max(0, min(dots - 1, int((value - low) / (high - low) * (dots - 1))))


def _path(columns: Sequence[int], heights: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Every dot of the line through these points: a value stands until the next, and then moves at once."""
    last: tuple[int, int] | None = None
    for x, y in zip(columns, heights, strict=True):
        if y is None:
            last = None
            continue
        x_before, y_before = last or (x, y)
        yield from ((each, y_before) for each in range(x_before, x))
        yield from ((x, each) for each in range(min(y, y_before), max(y, y_before) + 1))
        last = (x, y)


def _line(row: list[int], label: str | None) -> str:
    blank = " " if label is None else LEVEL
    drawn = "".join(chr(_BLANK + dots) if dots else blank for dots in row)
    return drawn if label is None else f"{drawn} {label}"
