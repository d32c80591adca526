"""What a start costs: the idle tick, the tick with one rule, a new rule; each beside what it cannot avoid."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from tests.bench.measure import PYTHON, Cost, cpu, run, side_by_side, wall
from tests.bench.scene import TM, Scene
from tests.bench.table import Row

TIMES = 15
Command = tuple[str, Sequence[str]]  # what the table calls it, and how it is run
IDS = ["--market-id", "m", "--token-id", "another", "--stop-loss", "0.40"]


def measured() -> Iterator[Row]:
    yield from _idle()
    yield from _one_rule()
    yield from _new_rule()


def _idle() -> Iterator[Row]:
    with Scene() as scene:
        yield from _beside(
            scene, ("import sqlite3", _imports("sqlite3")), ("idle tick", [*TM, "tick"]), 3, "3 x sqlite3"
        )


def _one_rule() -> Iterator[Row]:
    with Scene(1) as scene:
        run([*TM, "tick"], scene.env)  # the first tick writes more
        needed = _modules([*TM, "tick"], scene.env)
        yield from _beside(
            scene,
            ("import all that a tick with 1 rule imports", _imports(*needed)),
            ("tick with 1 rule", [*TM, "tick"]),
            1.3,
            "1.3 x its imports",
        )


def _new_rule() -> Iterator[Row]:
    with Scene(1) as scene:
        run([*TM, "tick"], scene.env)
        yield from _beside(
            scene,
            ("import typer, pydantic", _imports("typer", "pydantic")),
            ("tm rule add, with ids", [*TM, "rule", "add", *IDS]),
            1.5,
            "1.5 x typer, pydantic",
        )
        yield from _beside(
            scene,
            ("import typer, pydantic, requests", _imports("typer", "pydantic", "requests")),
            ("tm rule add, by words", [*TM, "rule", "add", "token-0 yes", "--stop-loss", "0.40"]),
            1.5,
            "1.5 x these imports",
        )


def _beside(
    scene: Scene,
    reference: tuple[str, Sequence[str]],
    ours: tuple[str, Sequence[str]],
    most: float,
    said: str,
) -> Iterator[Row]:
    """The reference and ours, run in turn; the ratio is of the medians."""
    before, calls = scene.snapshot(), scene.calls()
    commands = dict((reference, ours))
    found = side_by_side(commands, scene.env, TIMES)
    base, cost = found[reference[0]], found[ours[0]]
    ratio = cpu(cost) / cpu(base)
    yield Row(reference[0], cpu=cpu(base), wall=wall(base))
    yield Row(
        ours[0],
        cpu=cpu(cost),
        wall=wall(cost),
        calls=(scene.calls() - calls) / TIMES,
        rows=round(scene.rows_changed(before) / TIMES) if "add" in ours[0] else scene.rows_changed(before),
        written=_median_written(cost),
        ratio=ratio,
        target=f"<= {said}",
        held=ratio <= most,
    )


def _median_written(costs: Sequence[Cost]) -> int:
    return sorted(cost.written for cost in costs)[len(costs) // 2]


def _imports(*modules: str) -> list[str]:
    return [PYTHON, "-c", f"import {', '.join(modules)}"]


def _modules(command: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The modules that a command imports, in its order; those below another come along with it."""
    done = subprocess.run(
        [PYTHON, "-X", "importtime", *command], env=env, capture_output=True, text=True, check=True
    )
    found = re.findall(r"^import time: +\d+ \| +\d+ \| (\S+)$", done.stderr, re.M)
    return [name for name in found if not name.startswith("_")]
