"""What many rules cost: a tick on books that stand still, on books that all moved, and a first one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.measure import Cost, cpu, run, wall
from tests.bench.scene import TM, Scene
from tests.bench.table import Row

TIMES = 3
CPU_LIMIT = {1_000: 1.0, 10_000: 5.0}  # seconds
MEMORY_LIMIT = 250 * 2**20


def measured() -> Iterator[Row]:
    per_rule: dict[int, float] = {}
    with Scene(1) as scene:
        run([*TM, "tick"], scene.env)
        alone = min(run([*TM, "tick"], scene.env).cpu for _ in range(TIMES))
    for count in (100, 1_000, 10_000):
        with Scene(count) as scene:
            if count == 10_000:
                yield _row("first tick of 10,000 rules", scene, times=1)
            else:
                run([*TM, "tick"], scene.env)
            row = _row(f"tick with {count:,} rules", scene, CPU_LIMIT.get(count))
            assert row.cpu is not None
            per_rule[count] = (row.cpu - alone) / count
            yield row
            if count == 10_000:
                scene.move_all(55)
                yield _row("tick with 10,000 rules, each price moved", scene, times=1)
    growth = per_rule[10_000] / per_rule[1_000]
    yield Row(
        "a rule more, at 10,000 against at 1,000",
        cpu=per_rule[10_000],
        ratio=growth,
        target="<= 1.2",
        held=growth <= 1.2,
    )
    for count in (100, 1_000, 10_000):
        with Scene(count, per_token=10) as scene:
            run([*TM, "tick"], scene.env)
            yield _row(f"tick with {count:,} rules, 10 a token", scene, CPU_LIMIT.get(count))


def _row(what: str, scene: Scene, limit: float | None = None, times: int = TIMES) -> Row:
    """Run ticks and return what the median one cost."""
    costs: list[Cost] = []
    for _ in range(times):
        before, calls = scene.snapshot(), scene.calls()
        costs.append(run([*TM, "tick"], scene.env))
        calls, rows = scene.calls() - calls, scene.rows_changed(before)
    assert all(cost.code == 0 for cost in costs), costs
    peak = max(cost.peak for cost in costs)
    return Row(
        what,
        cpu=cpu(costs),
        wall=wall(costs),
        peak=peak,
        calls=calls,
        rows=rows,
        written=costs[-1].written,
        target="" if limit is None else f"< {limit:g} s CPU, < 250 MiB",
        held=None if limit is None else cpu(costs) < limit and peak < MEMORY_LIMIT,
    )
