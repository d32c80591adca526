"""The small files beside the database: the tick's lock and stamp, the kick, the mark of what was sent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tm.errors import Busy

LOCK_FILE = "trade-manager.lock"
STAMP_FILE = "trade-manager.tick"
KICK_FILE = "trade-manager.kick"
SENT_MARK_FILE = "sent.mark"
MACHINE_ID_FILE = Path("/etc/machine-id")


@contextlib.contextmanager
def tick_lock(state_dir: Path) -> Iterator[None]:
    """Hold the tick's kernel lock, which dies with its process. Raise Busy at once when another has it."""
    from filelock import FileLock, Timeout

    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(state_dir / LOCK_FILE, timeout=0, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy("another tick is running", hint="it ends within 90 s; try again then") from error
    try:
        yield
    finally:
        lock.release()


def leave_kick(state_dir: Path) -> None:
    """Leave the marker that asks for a tick now."""
    (state_dir / KICK_FILE).touch(mode=0o600)


def take_kick(state_dir: Path) -> bool:
    """Remove the kick's marker; say whether there was one."""
    try:
        (state_dir / KICK_FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def kick_waits(state_dir: Path) -> bool:
    return (state_dir / KICK_FILE).exists()


def stamp(state_dir: Path) -> None:
    """Say by the file's mtime that a tick finished now."""
    path = state_dir / STAMP_FILE
    path.touch(mode=0o600)
    os.utime(path)


def stamped_at(state_dir: Path) -> float | None:
    """When a tick last finished (seconds since the epoch), or None."""
    try:
        return (state_dir / STAMP_FILE).stat().st_mtime
    except FileNotFoundError:
        return None


def read_sent_mark(state_dir: Path) -> int:
    """The highest sequence number whose order may have left this machine; 0 where there is no mark.

    Raise ValueError when the file holds anything else.
    """
    try:
        return int((state_dir / SENT_MARK_FILE).read_text("ascii"))
    except FileNotFoundError:
        return 0


def write_sent_mark(state_dir: Path, seq: int) -> None:
    """Put the mark on disk, fsynced with its directory, before the order's first byte leaves."""
    path = state_dir / SENT_MARK_FILE
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, str(seq).encode("ascii"))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    directory = os.open(state_dir, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def machine_id() -> str | None:
    """This host's id, or None where it has none."""
    try:
        return MACHINE_ID_FILE.read_text("ascii").strip() or None
    except OSError:
        return None
