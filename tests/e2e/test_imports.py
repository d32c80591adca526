"""What a run may import: 5,760 ticks a day pay for each module. Times are benched, modules are held here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.world import TOKEN
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]
Imported = Callable[..., set[str]]

OURS_WHEN_IDLE = {
    "gc",
    "tm",
    "tm.paths",
    "tm.engine",
    "tm.engine.idle",
    "tm.store",
    "tm.store.schema",
}
HEAVY = {
    "requests",
    "urllib3",
    "rich",
    "pydantic",
    "sqlite_utils",
    "tenacity",
    "filelock",
    "bottle",
    "waitress",
}


@pytest.fixture
def imported(environ: dict[str, str]) -> Imported:
    """Run Python with arguments and return the modules that it imported, in whatever way."""

    def modules(*args: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *args],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", done.stderr, re.M))

    return modules


def packages(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


@pytest.fixture
def paper(state: Path) -> Iterator[PaperServer]:
    """A paper exchange that holds one token, and a configuration that points to it."""
    with PaperServer() as server:
        server.control.create(TOKEN, shares="100", title="Will it rain?")
        server.control.set_book(TOKEN, "0.50", "0.51")
        state.mkdir(mode=0o700)
        text = f'{{"vincentApiUrl": "{server.url}", "vincentApiKey": "ssk_paper", "paper": true}}'
        (state / "trade-manager.json").write_text(text)
        yield server


def test_an_idle_tick_imports_sqlite_json_and_nothing_else(tm: TM, imported: Imported) -> None:
    assert tm("rule", "list").json == []  # the first command makes the database
    needed = imported("-c", "import runpy, sqlite3, json, typing")
    assert imported("-m", "tm", "tick") - needed - {"__future__"} == OURS_WHEN_IDLE


def test_an_idle_tick_finds_its_database_under_an_odd_name(
    tmp_path: Path, environ: dict[str, str], tm: TM
) -> None:
    odd = str(tmp_path / "50% #1 ä")
    assert tm("rule", "list", OPENCLAW_STATE_DIR=odd).json == []
    assert tm("tick", OPENCLAW_STATE_DIR=odd).json == {"idle": True}
    assert os.path.exists(os.path.join(odd, "trade-manager.tick"))


def test_adding_a_rule_by_ids_imports_no_client_no_table_and_no_engine(tm: TM, imported: Imported) -> None:
    assert tm("rule", "list").json == []
    found = imported("-m", "tm", "rule", "add", "--market-id", "m", "--token-id", "t", "--stop-loss", "0.40")
    assert packages(found) & HEAVY == set()
    assert {
        name for name in found if name.startswith(("tm.venue", "tm.engine", "tm.agent", "tm.http"))
    } == set()
    assert "tm.market" not in found


def test_adding_a_rule_by_words_imports_the_client_and_no_more(
    tm: TM, imported: Imported, paper: PaperServer
) -> None:
    assert tm("rule", "list").json == []
    found = imported("-m", "tm", "rule", "add", "rain yes", "--stop-loss", "0.40")
    assert packages(found) & HEAVY <= {"requests", "urllib3", "tenacity"}


def test_a_tick_with_a_rule_imports_what_it_asks_with_and_no_more(
    tm: TM, imported: Imported, paper: PaperServer
) -> None:
    tm("rule", "add", "--market-id", "m", "--token-id", TOKEN, "--stop-loss", "0.40")
    found = imported("-m", "tm", "tick")
    assert packages(found) & HEAVY == {"requests", "urllib3", "tenacity", "filelock"}
    assert not found & {"tm.agent.openclaw", "tm.http", "tm.host", "tm.venue.clob"}
    assert paper.control.requests()["counts"] == {"holdings": 1, "book": 1}
