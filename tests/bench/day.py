"""A quiet day: 20 rules on recorded markets that hardly move, 5,760 ticks on a clock moved by hand."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import PYTHON, run_and_read
from tests.bench.table import Row
from tests.world import World

TICKS = 5_760
RULES = 20
RECORDINGS = ("slow_drift", "midpoint_artefact")
LIMIT = 2 * 10**6  # bytes


def measured() -> Iterator[Row]:
    cost, text = run_and_read([PYTHON, "-m", "tests.bench.day"])
    found = json.loads(text)
    yield Row(
        f"a quiet day: {RULES} rules, {TICKS:,} ticks",
        cpu=cost.cpu,
        wall=cost.wall,
        peak=cost.peak,
        calls=found["calls"],
        rows=found["events"],
        written=found["growth"],
        target="< 2 MB larger",
        held=found["growth"] < LIMIT,
    )


def live_a_day(directory: Path) -> dict[str, int]:
    """Live it, and return by how many bytes the database grew, what was asked, and the events written."""
    world = World(directory)
    world.paper.start()
    try:
        for number in range(RULES):
            token = f"token-{number}"
            world.exchange.create(token, shares="100", title=f"Market {number}?")
            world.exchange.load(token, RECORDINGS[number % len(RECORDINGS)])
            world.exchange.play(token)
            world.rule("STOP_LOSS", "0.02", token=token)
        world.tick()
        size, calls = world.settings.database_path.stat().st_size, asked(world)
        world.tick(TICKS - 1)
        with world.store() as store:
            events = store.conn.execute("SELECT count(*) FROM rule_events").fetchone()[0]
        return {
            "growth": world.settings.database_path.stat().st_size - size,
            "calls": asked(world) - calls,
            "events": events,
        }
    finally:
        world.close()


def asked(world: World) -> int:
    return sum(world.exchange.requests()["counts"].values())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tm-bench-") as made:
        json.dump(live_a_day(Path(made)), sys.stdout)
