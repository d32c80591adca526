"""Four writers at once, each killed at random: the file stays whole, and nothing acknowledged is lost."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.world import TOKEN
from tm.store import alerts, jobs, rules

SEED = int(os.environ.get("TM_SEED", "1"))
AT_MOST = 60.0  # seconds

INGEST = """
import itertools, json, sys
from tm.config import load_settings
from tm.service.alerts import ingest_alert
from tm.service.context import open_context
from tm.service.new_alert import new_alert
for number in itertools.count():
    body = {"source": "loop", "alertType": "t", "mode": ["IGNORE", "WAKE_AGENT"][number % 2],
            "idempotencyKey": f"{sys.argv[1]}-{number}"}
    with open_context(load_settings()) as context:
        made, _ = ingest_alert(context, new_alert(body))
    print(json.dumps({"id": made.id}), flush=True)
"""


@dataclass
class Crowd:
    """Runs the four, and keeps what each was told was done."""

    environ: dict[str, str]
    seconds: float
    added: list[str] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    ingested: list[str] = field(default_factory=list)
    ticks: int = 0
    killed: int = 0
    strange: list[str] = field(default_factory=list)

    def run(self) -> None:
        writers = [
            (self._adds, lambda: self.added),
            (self._cancels, lambda: self.canceled),
            (self._ticks, lambda: self.ticks),
            (self._ingests, lambda: self.ingested),
        ]
        end = time.monotonic() + self.seconds
        threads = [
            threading.Thread(target=self._repeat, args=(*writer, random.Random(f"{SEED}:{number}"), end))
            for number, writer in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _repeat(
        self,
        writer: Callable[[random.Random], None],
        done: Callable[[], object],
        chance: random.Random,
        end: float,
    ) -> None:
        """Write until the time is over, on a slow machine until something was done at all."""
        while time.monotonic() < end or (not done() and time.monotonic() < end + AT_MOST):
            writer(chance)

    def _start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _tm(self, *words: str, chance: random.Random) -> tuple[int, str]:
        """Run the program, in one of two cases only until a SIGKILL; return its exit code and output."""
        process = self._start("-m", "tm", *words, "--json")
        patience = chance.uniform(0.1, 1.0) if chance.random() < 0.5 else AT_MOST
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            self.killed += 1
            out, err = process.communicate()
        if process.returncode not in (0, 3, 75, -9):
            self.strange.append(f"{words} ended with {process.returncode}: {err[-300:]}")
        return process.returncode, out

    def _add(self, chance: random.Random) -> str | None:
        code, out = self._tm(
            *("rule", "add", "--market-id", f"0xmarket-{TOKEN}", "--token-id", TOKEN, "--stop-loss", "0.05"),
            chance=chance,
        )
        return json.loads(out)["id"] if code == 0 else None

    def _adds(self, chance: random.Random) -> None:
        self.added += [made for made in [self._add(chance)] if made]

    def _cancels(self, chance: random.Random) -> None:
        made = self._add(chance)
        if made is None:
            return
        self.added.append(made)
        code, _ = self._tm("rule", "cancel", made, chance=chance)
        self.canceled += [made] if code == 0 else []

    def _ticks(self, chance: random.Random) -> None:
        code, _ = self._tm("tick", chance=chance)
        self.ticks += code in (0, 3)

    def _ingests(self, chance: random.Random) -> None:
        """A loop that is killed after some lines of its, wherever it is by then."""
        process = self._start("-c", INGEST, f"run-{chance.random()}")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 40))]
        process.kill()
        rest, err = process.communicate()
        self.killed += 1
        if not lines[0]:
            self.strange.append(f"the ingest loop ended by itself: {err[-300:]}")
        told = "".join([*lines, rest])
        whole = told[: told.rfind("\n") + 1]
        self.ingested += [json.loads(line)["id"] for line in whole.splitlines()]


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.long)])
def test_four_writers_and_random_deaths_lose_nothing_that_was_acknowledged(new_world, tmp_path, seconds):
    world = new_world()
    world.hold()
    environ = {
        **os.environ,
        "OPENCLAW_STATE_DIR": str(world.state_dir),
        "TM_VINCENT_API_URL": world.paper.url,
        "TM_VINCENT_API_KEY": "ssk_paper",
        "TM_PAPER": "true",
        "TM_PRICE_SOURCE": "vincent",
    }
    crowd = Crowd(environ, seconds)
    crowd.run()
    assert crowd.added
    assert crowd.ingested
    assert crowd.ticks
    assert crowd.killed
    assert not crowd.strange, crowd.strange
    world.one_tick()
    with world.store() as store:
        assert [row[0] for row in store.conn.execute("PRAGMA integrity_check")] == ["ok"]
        assert list(store.conn.execute("PRAGMA foreign_key_check")) == []
        for made in crowd.added:
            assert rules.get(store.conn, made) is not None
        for made in crowd.canceled:
            assert rules.get(store.conn, made).status == "CANCELED"
        for made in crowd.ingested:
            alert = alerts.get(store.conn, made)
            assert alert.status in ("IGNORED", "FAILED")  # FAILED: there is no agentWakeUrl
            assert len(jobs.of_alert(store.conn, made)) == (alert.mode == "WAKE_AGENT")
    assert world.orders() == []
