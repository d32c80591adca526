"""The lock between writers, which the kernel holds for a process and takes back when that dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from tm.errors import Busy
from tm.store import db
from tm.store.lock import WriteLock

HOLD = """
import sys, time
from pathlib import Path
from tm.store.lock import WriteLock
WriteLock(Path(sys.argv[1]), 0).acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A process that holds the lock of the database `tmp_path/tm.db`."""
    path = tmp_path / "tm.db.write.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_lock_is_held_by_one_at_a_time(tmp_path, held):
    path = tmp_path / "tm.db.write.lock"
    with pytest.raises(TimeoutError):
        WriteLock(path, 0).acquire()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_killed_holder_gives_the_lock_back(tmp_path, held):
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    lock = WriteLock(tmp_path / "tm.db.write.lock", 0)
    lock.acquire()
    lock.release()


def test_the_lock_can_be_taken_again_after_it_was_released(tmp_path):
    first, second = (WriteLock(tmp_path / "lock", 0) for _ in range(2))
    for lock in (first, second, first):
        lock.acquire()
        lock.release()


def test_a_writer_that_waits_in_vain_is_told_that_it_is_busy(tmp_path, held, monkeypatch):
    monkeypatch.setattr(db, "has_wal_bug", lambda: True)
    monkeypatch.setattr(db, "BUSY_TIMEOUT_SECONDS", 0)
    with pytest.raises(Busy) as caught:
        db.open_store(tmp_path / "tm.db")
    assert caught.value.exit_code == 75
