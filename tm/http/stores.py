"""The database of each thread: a connection of SQLite's belongs to the thread that opened it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tm.config import Settings
from tm.service.context import Context
from tm.store.db import Store, open_store
from tm.store.faults import as_error
from tm.times import Clock, utc_now


class Stores(threading.local):
    """Keeps one open database for the thread that asks.

    To open one for each request would close it too, and closing waits for whoever is writing.
    """

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None

    @contextmanager
    def context(self) -> Iterator[Context]:
        """What a use case works with. Raise DatabaseError or Busy in place of what SQLite raises."""
        path = self._settings.database_path
        try:
            yield Context(self._settings, self._at(path), self._clock)
        except sqlite3.Error as error:
            self.close()
            raise as_error(error, path) from error

    def close(self) -> None:
        """Close this thread's database."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _at(self, path: Path) -> Store:
        """The open database at `path`: anew where a person put another file there, such as a copy.

        Written into a file that is gone, an alert would be confirmed and lost.
        """
        if self._store is None or _file_at(path) != self._file:
            self.close()
            self._store = open_store(path)
            self._file = _file_at(path)
        return self._store


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
