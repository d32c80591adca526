"""What a use case works with: the settings, the open database, the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tm.config import Settings
from tm.store.db import Store, open_store
from tm.store.faults import as_error
from tm.times import Clock, utc_now


@dataclass(frozen=True, slots=True)
class Context:
    """What a use case works with."""

    settings: Settings
    store: Store
    clock: Clock = utc_now

    @property
    def conn(self) -> sqlite3.Connection:
        """For reading; writes go through `store.write`."""
        return self.store.conn


@contextmanager
def open_context(settings: Settings, clock: Clock = utc_now) -> Iterator[Context]:
    """Open the database that the settings name, and close it at the end.

    Raise DatabaseError or Busy in place of what SQLite raises.
    """
    path = settings.database_path
    try:
        with open_store(path) as store:
            yield Context(settings, store, clock)
    except sqlite3.Error as error:
        raise as_error(error, path) from error
