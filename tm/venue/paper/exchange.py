"""The exchange: one state file, one clock, one request at a time."""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from tm.times import Clock, iso, utc_now
from tm.venue.paper import matching
from tm.venue.paper.faults import Script
from tm.venue.paper.state import Manners, open_state, read_manners, write_manners
from tm.venue.paper.wallet import Moment

_RECENT = 2000  # requests remembered


class Exchange:
    """Threads may share it: `moment()` lets one in at a time."""

    def __init__(self, path: str | os.PathLike[str] = ":memory:", clock: Clock = utc_now) -> None:
        self._conn = open_state(path)
        self._lock = threading.RLock()
        self._clock = clock
        self._frozen: datetime | None = None
        self.manners: Manners = read_manners(self._conn)
        self.script = Script()
        self._counts: Counter[str] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)

    def close(self) -> None:
        with self._lock:
            self._conn.close()

    def now(self) -> datetime:
        frozen = self._frozen
        return self._clock() if frozen is None else frozen

    def date(self) -> datetime | None:
        """What the Date header says; None: there is none."""
        if not self.manners.date_header:
            return None
        return self.now() + timedelta(seconds=self.manners.date_offset)

    def freeze(self, at: datetime | None) -> None:
        """Given an instant, stand still there; None: follow the clock again."""
        self._frozen = at

    def step(self, seconds: float) -> None:
        """Stand still `seconds` after now."""
        self._frozen = self.now() + timedelta(seconds=seconds)

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """One transaction at one instant; what is due by then has happened. An exception undoes it."""
        with self._lock:
            m = Moment(self._conn, self.manners, self.now().timestamp())
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                matching.settle(m)
                yield m
            except BaseException:
                self._conn.execute("ROLLBACK")
                raise
            self._conn.execute("COMMIT")

    def behave(self, **values: Any) -> Manners:
        """Given settings by name, keep to them from now on. Raise ValueError for an unknown one."""
        with self.moment() as m:
            changed = self.manners.changed(**values)
            write_manners(m.conn, **values)
        self.manners = changed
        return changed

    def note(self, endpoint: str, request: Mapping[str, Any]) -> None:
        with self._lock:
            self._counts[endpoint] += 1
            self._recent.append({"endpoint": endpoint, "at": iso(self.now()), **request})

    def requests(self) -> dict[str, Any]:
        """What was asked of the exchange since it started: counts by endpoint, and the latest requests."""
        with self._lock:
            return {"counts": dict(self._counts), "recent": list(self._recent)}
