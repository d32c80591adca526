"""SQLite's errors in our words, with the fix named."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from tm.errors import Busy, DatabaseError, TradeManagerError

_LEAST_ROOM = 65536  # bytes: what the shared memory of a WAL file may take


def as_error(error: sqlite3.Error | OSError, path: Path) -> TradeManagerError:
    """Given what SQLite or the file system raised at `path`, return the error that names the fix."""
    text = str(error)
    lowered = text.lower()
    if "locked" in lowered or "busy" in lowered:
        return Busy(f"{path} is locked by another writer", hint="try again in a moment")
    if "not a database" in lowered or "malformed" in lowered:
        return DatabaseError(
            f"{path} is damaged: {text}",
            code="database_corrupt",
            hint="nothing was changed; move the file away and restore a copy (`tm doctor` checks it), "
            "then `tm resume --restored`",
        )
    if "full" in lowered or getattr(error, "errno", None) == 28 or _no_room("i/o" in lowered, path):
        return DatabaseError(
            f"no space left to write {path}",
            code="disk_full",
            hint="free some disk space; until then no order is sent and nothing is guarded",
        )
    if "readonly" in lowered or "read-only" in lowered or "permission" in lowered:
        return DatabaseError(
            f"{path} cannot be written: {text}",
            code="database_read_only",
            hint="run tm as their owner, or mend owner and mode of the file and its directory (0600, 0700)",
        )
    if "unable to open" in lowered or isinstance(error, OSError):
        return DatabaseError(
            f"{path} cannot be opened: {text}",
            code="database_unreadable",
            hint="check that the directory exists and is yours (databaseUrl in `tm config show`)",
        )
    return DatabaseError(f"{path}: {text}", hint="`tm doctor` checks the database")


def _no_room(asked: bool, path: Path) -> bool:
    """Say whether an I/O error comes of a full disk, where SQLite's shared memory found no room."""
    if not asked:
        return False
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LEAST_ROOM
