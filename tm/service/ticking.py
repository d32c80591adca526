"""One whole tick, as `tm tick` and `tm run` do it: lock, kick, settings, database, engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tm import paths
from tm.config import Settings
from tm.engine import files, tick
from tm.engine.context import Engine, Report
from tm.engine.monitor import Plan
from tm.store.db import open_store
from tm.store.faults import as_error
from tm.times import Clock, utc_now


def run_tick(load: Callable[[], Settings], clock: Clock = utc_now, state_dir: Path | None = None) -> Report:
    """Run one tick and report what it did. `state_dir`: the one that the settings will name, where that
    is not the user's own.

    Raise Busy at once when another tick runs. The kick is consumed before anything can fail, so that a
    broken configuration does not start ticks without end.
    """
    state = state_dir or Path(paths.state_dir())
    with files.tick_lock(state):
        files.take_kick(state)
        settings = load()
        with _engine(settings, clock) as engine:
            tick.run(engine)
    return engine.report


def preview_tick(settings: Settings, clock: Clock = utc_now) -> Plan:
    """Read and judge as a tick would, and change nothing."""
    with _engine(settings, clock) as engine:
        return tick.preview(engine)


@contextmanager
def _engine(settings: Settings, clock: Clock) -> Iterator[Engine]:
    """Open the database and what works with it. Raise DatabaseError or Busy in place of SQLite's errors."""
    try:
        with open_store(settings.database_path) as store:
            engine = Engine(settings, store, clock)
            try:
                yield engine
            finally:
                engine.close()
    except sqlite3.Error as error:
        raise as_error(error, settings.database_path) from error
