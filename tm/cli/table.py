"""A table that can be read at any width: what is empty is left out, what is spare goes before what counts.

rich is imported only where a table is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Headings whose cells may be broken into lines, and how many characters they must have at least. All others
# are ids, numbers and single words, which cannot be read when they are broken or cut.
LONG = {
    "POSITION": 16,
    "REASON": 24,
    "WHAT": 30,
    "OUTCOME": 20,
    "LAST ERROR": 20,
    "FINDING": 40,
    "BECAUSE": 16,
    "KEY": 12,
    "VALUE": 24,
    "MEANING": 20,
    "TOKEN": 18,
}
GAP = 2  # characters between two columns
NOTHING = "-"


def draw(headings: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> None:
    """Write rows under their headings, within the width there is. `spare`: what goes first when it lacks."""
    console = plain_console()
    shown = [n for n in range(len(headings)) if n == 0 or any(row[n] != NOTHING for row in rows)]
    for heading in ("", *spare):
        shown = [n for n in shown if headings[n] != heading]
        if _least_width(headings, rows, shown) <= console.width:
            _draw_columns(console, headings, rows, shown)
            return
    _draw_blocks(console, headings, rows)


def plain_console() -> Any:
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)


def _least_width(headings: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int]) -> int:
    """How many characters these columns take at least, with the gaps between them."""
    widest = [_natural_width(headings, rows, n) for n in shown]
    least = [min(wide, LONG.get(headings[n], wide)) for n, wide in zip(shown, widest, strict=True)]
    return sum(least) + GAP * (len(least) - 1)


def _natural_width(headings: Sequence[str], rows: Sequence[Sequence[str]], n: int) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for row in (headings, *rows) for line in row[n].splitlines() or [""])


def _widths(
    headings: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int], room: int
) -> list[int]:
    """Each column's width: what it needs at least, and of what is left the most to what lacks the most."""
    widest = [_natural_width(headings, rows, n) for n in shown]
    widths = [min(wide, LONG.get(headings[n], wide)) for n, wide in zip(shown, widest, strict=True)]
    for _ in range(room - sum(widths) - GAP * (len(widths) - 1)):
        lacking = [wide - width for wide, width in zip(widest, widths, strict=True)]
        if max(lacking) <= 0:
            break
        widths[lacking.index(max(lacking))] += 1
    return widths


def _draw_columns(
    console: Any, headings: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for n, width in zip(shown, _widths(headings, rows, shown, console.width), strict=True):
        table.add_column(headings[n], overflow="fold", width=width)
    for row in rows:
        table.add_row(*(Text(row[n]) for n in shown))
    console.print(table)


def _draw_blocks(console: Any, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One record below the other, for a terminal that is too narrow for columns."""
    for number, row in enumerate(rows):
        if number:
            console.print()
        draw_fields(
            [(heading, cell) for heading, cell in zip(headings, row, strict=True) if cell != NOTHING], console
        )


def draw_fields(fields: Sequence[tuple[str, str]], console: Any = None) -> None:
    """Write names and values, one pair a line."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(Text(name), Text(value))
    (console or plain_console()).print(grid)
