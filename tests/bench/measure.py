"""One process at a time, and what it cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

PYTHON = sys.executable


@dataclass(frozen=True)
class Cost:
    wall: float  # seconds
    cpu: float  # seconds, user and system together
    peak: int  # bytes of memory; never less than this bench's own, from which the process is forked
    written: int  # bytes handed to the disk
    code: int  # exit code


def run(command: Sequence[str], env: Mapping[str, str], out: IO[bytes] | int = subprocess.DEVNULL) -> Cost:
    """Run a command to its end and return what it alone cost."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        wall=time.perf_counter() - started,
        cpu=used.ru_utime + used.ru_stime,
        peak=used.ru_maxrss * 1024,
        written=used.ru_oublock * 512,
        code=process.returncode,
    )


def run_and_read(command: Sequence[str]) -> tuple[Cost, str]:
    """Run a command in this environment; return what it cost and what it wrote to stdout."""
    with tempfile.TemporaryFile() as out:
        cost = run(command, os.environ, out)
        out.seek(0)
        return cost, out.read().decode()


def side_by_side(
    commands: Mapping[str, Sequence[str]], env: Mapping[str, str], times: int
) -> dict[str, list[Cost]]:
    """Run commands in turn, over and over: what disturbs the machine disturbs all of them alike."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            found[name].append(run(command, env))
    for name, costs in found.items():
        if any(cost.code != 0 for cost in costs):
            raise SystemExit(f"{name} ended with {[cost.code for cost in costs]}")
    return found


def cpu(costs: Sequence[Cost]) -> float:
    """The median, in seconds."""
    return statistics.median(cost.cpu for cost in costs)


def wall(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.wall for cost in costs)
