"""One writer at a time, on the SQLite versions that two writers at one instant can harm."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_EVERY = 0.005  # seconds between two tries: a tick that writes often leaves short gaps only


class WriteLock:
    """A kernel lock on a file of its own, which dies with its process, held for one write at a time.

    The same call that filelock makes, without its import: each `tm rule add` writes, and few commands
    need anything else of it.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._fd: int | None = None

    def acquire(self) -> None:
        """Wait for the lock. Raise TimeoutError after `timeout` seconds, OSError where it cannot be."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _wait_for(self, fd: int) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"{self._path} is locked") from None
            time.sleep(_EVERY)
