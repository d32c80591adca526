"""What `tm watch` costs while somebody leaves it open, with ticks going on beside it."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
import time
from collections.abc import Iterator

from tests.bench.measure import run
from tests.bench.scene import TM, Scene
from tests.bench.table import Row

SECONDS = 60
EVERY = 15  # seconds from one tick to the next
SHARE = 0.02  # of one core


def measured() -> Iterator[Row]:
    for rules in (3, 100):
        with Scene(rules) as scene:
            run([*TM, "tick"], scene.env)
            used, screens = _watched(scene)
        yield Row(
            f"tm watch, {rules} rules, {SECONDS} s with {SECONDS // EVERY} ticks ({screens:,} bytes drawn)",
            cpu=used,
            wall=SECONDS,
            ratio=used / SECONDS,
            target=f"< {SHARE:.0%} of a core",
            held=used / SECONDS < SHARE,
        )


def _watched(scene: Scene) -> tuple[float, int]:
    """Leave it open on a terminal; return the CPU seconds after its start, and the bytes that it drew."""
    ours, theirs = pty.openpty()
    drawn = [0]
    env = {**scene.env, "TERM": "xterm-256color"}
    process = subprocess.Popen([*TM, "watch"], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    reader = threading.Thread(target=_read, args=(ours, drawn))
    reader.start()
    try:
        time.sleep(5)  # it has started
        before, drawn[0] = _cpu(process.pid), 0
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            run([*TM, "tick"], scene.env)
            time.sleep(max(0.0, min(EVERY, until - time.monotonic())))
        return _cpu(process.pid) - before, drawn[0]
    finally:
        process.terminate()
        process.wait()
        reader.join()
        os.close(ours)


def _read(descriptor: int, drawn: list[int]) -> None:
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux says EIO when the other side is gone
            return
        drawn[0] += len(part)


def _cpu(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
