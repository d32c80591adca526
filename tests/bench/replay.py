"""What a replay of 1,000,000 rows costs, and how much memory it holds meanwhile."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import run
from tests.bench.scene import TM
from tests.bench.table import Row

ROWS = 1_000_000
SECONDS = 30.0
MEMORY = 100 * 2**20  # bytes
BEGAN = 1_767_225_600  # 2026-01-01
RULES = {
    "a stop": ("--stop-loss", "0.005"),
    "a trail": ("--trailing-stop", "99"),
    "three rules": ("--stop-loss", "0.01:50%", "--stop-loss", "0.005", "--take-profit", "0.99"),
}


def measured() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place:
        env = {**os.environ, "OPENCLAW_STATE_DIR": f"{place}/state"}
        for what, asks in (("a market's quotes", 7), ("quotes that never repeat", 4000)):
            series = Path(place) / "series.csv"
            _write(series, asks)
            for how, options in RULES.items():
                cost = run([*TM, "replay", str(series), "--json", *options], env)
                yield Row(
                    f"tm replay, {ROWS:,} rows, {what}: {how}",
                    cpu=cost.cpu,
                    wall=cost.wall,
                    peak=cost.peak,
                    target=f"< {SECONDS:.0f} s CPU, < {MEMORY // 2**20} MiB",
                    held=cost.code == 0 and cost.cpu < SECONDS and cost.peak < MEMORY,
                )


def _write(path: Path, asks: int) -> None:
    """A walk of the bid in steps of 0.001, and one of so many distances to the ask."""
    chance, bid = random.Random(1), 5000
    with path.open("w") as file:
        file.write("ts,best_bid,best_ask\n")
        for number in range(ROWS):
            bid = min(9500, max(300, bid + chance.choice((-10, 0, 0, 0, 10))))
            ask = min(9999, bid + 1 + chance.randrange(asks) * (10 if asks < 100 else 1))
            file.write(f"{BEGAN + 15 * number},{bid / 10000:.4f},{ask / 10000:.4f}\n")
