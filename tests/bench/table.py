"""A row of the table, and the table."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measurement; what was not measured is None and shows as "-"."""

    what: str
    cpu: float | None = None  # seconds
    wall: float | None = None  # seconds
    peak: float | None = None  # bytes of memory
    calls: float | None = None  # HTTP requests that the exchange received
    rows: int | None = None  # rows of the database that differ afterwards
    written: int | None = None  # bytes handed to the disk
    ratio: float | None = None
    target: str = ""
    held: bool | None = None  # None: there is no target


HEADINGS = ("", "CPU ms", "wall ms", "peak MiB", "calls", "rows", "written KiB", "ratio", "target", "")


def machine() -> str:
    """What it ran on, in one line: compare ratios across machines, never times."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {load}; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def printed(rows: Sequence[Row]) -> str:
    """Given rows, return the table as text."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join(_line(line, widths) for line in cells)


def show(rows: Sequence[Row]) -> None:
    print(printed(rows))
    sys.stdout.flush()


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {None: "", True: "ok", False: "MISSED"}[row.held]
    return (
        row.what,
        _number(row.cpu, 1e-3),
        _number(row.wall, 1e-3),
        _number(row.peak, 2**20),
        "-" if row.calls is None else f"{row.calls:g}",
        "-" if row.rows is None else str(row.rows),
        _number(row.written, 1024),
        "-" if row.ratio is None else f"{row.ratio:.2f}",
        row.target,
        verdict,
    )


def _number(value: float | None, unit: float) -> str:
    if value is None:
        return "-"
    return f"{value / unit:.0f}" if value >= unit else f"{value / unit:.2g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, target, verdict = zip(cells, widths, strict=True)
    shown = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in numbers)]
    return "  ".join([*shown, target[0].ljust(target[1]), verdict[0]]).rstrip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
