"""The overview kept at hand for a screen: read anew when something has changed, and not otherwise."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Self

from tm.config import Settings
from tm.errors import TradeManagerError
from tm.service import control
from tm.service.context import Context, open_context
from tm.service.overview import mark, overview
from tm.times import utc_now

OLDEST = 5.0  # seconds after which the overview is read anew although nobody wrote: its words age
POINTS = 80  # of each price history: a sparkline has 40 characters


class Lookout:
    """Keeps the database open between looks, for as long as its file stays where it is."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open = ExitStack()
        self._ctx: Context | None = None
        self._file: tuple[int, int] | None = None
        self._seen: dict[str, Any] = {}
        self._mark: object = None
        self._looked = self._asked = -1e9  # on the monotonic clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def now(self) -> datetime:
        return utc_now()

    def look(self, *, anew: bool = False) -> dict[str, Any]:
        """Return the overview. `anew`: ask for holdings now, however fresh they are.

        Trouble with the database becomes a banner on what was seen last. Raise it where nothing was.
        """
        try:
            self._refresh(anew)
        except TradeManagerError as error:
            self._close()
            if not self._seen:
                raise
            text = f"cannot read the database, this is as of {self._seen['at'][11:19]} UTC: {error.message}"
            banner = {"kind": "trouble", "level": "alarm", "text": text, "hint": error.hint}
            return {**self._seen, "banners": [banner, *self._seen["banners"]]}
        return self._seen

    def switch(self) -> str:
        """Pause, or resume where it is paused; say what was done. Raise Conflict for a restored copy."""
        ctx = self._context()
        self._mark = None
        if self._seen.get("paused"):
            control.resume(ctx)
            return "resumed: orders leave again"
        control.pause(ctx, "from tm watch")
        return "paused: no order leaves"

    def _refresh(self, anew: bool) -> None:
        ctx = self._context()
        now, current = time.monotonic(), mark(ctx)
        if self._seen and not anew and current == self._mark and now - self._looked < OLDEST:
            return
        asks = anew or now - self._asked >= self.settings.poll_interval_seconds
        if asks:
            self._asked = now
        self._seen = overview(ctx, points=POINTS, read_anew=asks, at_once=anew)
        self._mark, self._looked = mark(ctx), now

    def _context(self) -> Context:
        file = self._file_now()
        if self._ctx is None or file is None or file != self._file:
            self._close()
            self._ctx = self._open.enter_context(open_context(self.settings))
            self._file = self._file_now()
        return self._ctx

    def _close(self) -> None:
        self._ctx = self._mark = None
        self._open.close()

    def _file_now(self) -> tuple[int, int] | None:
        """Which file stands where the database is: a person may put a copy there."""
        try:
            found = os.stat(self.settings.database_path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino
