"""How far a long command is: one line on a terminal's stderr, and nothing anywhere else."""

from __future__ import annotations

import sys
import time

EVERY = 0.2  # seconds


class Progress:
    """Series done, and rows read, of a number of series."""

    def __init__(self, sources: int) -> None:
        self._sources = sources
        self._rows = 0
        self._last_done = 0
        self._of_last = 0
        self._told_at = time.monotonic()
        self._told = False
        self._shows = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._told:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done: int, rows: int) -> None:
        if done > self._last_done:
            self._rows += self._of_last
            self._last_done = done
        self._of_last = rows
        now = time.monotonic()
        if self._shows and now - self._told_at >= EVERY:
            self._told_at, self._told = now, True
            text = f"replay: {done} of {self._sources} series, {self._rows + rows:,} rows"
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
