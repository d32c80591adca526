"""`tm init`: writes once, privately, and says what it found."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TM = Callable[..., Any]


def add_key(state: Path, name: str) -> None:
    path = state / "credentials" / "agentwallet" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"id": name, "type": "POLYMARKET_WALLET", "apiKey": f"ssk_secret_{name}"}))


def test_init_writes_a_private_configuration_that_is_valid(tm: TM, state: Path) -> None:
    done = tm("init")
    assert done.code == 0
    path = state / "trade-manager.json"
    assert done.json["created"] is True
    assert done.json["configFile"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert list(state.iterdir()) == [path]
    assert json.loads(path.read_text())["vincentApiUrl"] == "https://heyvincent.ai"
    assert tm("config", "show").code == 0


def test_init_keeps_what_is_there_and_says_so(tm: TM, tm_tty: TM, state: Path) -> None:
    state.mkdir()
    path = state / "trade-manager.json"
    path.write_text('{"port": 1234}')
    done = tm("init")
    assert (done.code, done.json["created"]) == (0, False)
    assert done.json["config"]["port"] == 1234
    assert path.read_text() == '{"port": 1234}'
    assert tm_tty("init").out.startswith(f"kept {path}\n")


def test_init_says_which_key_it_found_and_never_shows_it(tm: TM, tm_tty: TM, state: Path) -> None:
    add_key(state, "wallet-one")
    done = tm("init")
    assert done.json["credentials"]["id"] == "wallet-one"
    on_terminal = tm_tty("init")
    assert "Vincent key: wallet-one, from " in on_terminal.out
    assert "ssk_" not in done.out + done.err + on_terminal.out + on_terminal.err


def test_init_without_a_key_or_with_two_says_what_to_do(tm: TM, state: Path) -> None:
    done = tm("init")
    assert done.code == 0
    assert "no Vincent key" in done.err
    assert "TM_VINCENT_API_KEY" in done.err
    add_key(state, "one")
    add_key(state, "two")
    done = tm("init")
    assert "one, two" in done.err
    assert "vincentKeyId" in done.err


def test_init_for_paper_is_ready_for_the_paper_exchange(tm: TM, tm_tty: TM, state: Path) -> None:
    done = tm("init", "--paper")
    assert done.code == 0
    assert next(iter(done.json.items())) == ("paper", True)
    written = json.loads((state / "trade-manager.json").read_text())
    assert written["paper"] is True
    assert written["vincentApiUrl"] == "http://127.0.0.1:19010"
    assert "tm paper serve" in done.json["next"]
    assert "tm paper serve" in tm_tty("init", "--paper").out
    assert tm_tty("init").out.startswith("PAPER")


def test_paper_is_never_mixed_into_a_real_configuration(tm: TM, state: Path) -> None:
    tm("init")
    before = (state / "trade-manager.json").read_text()
    done = tm("init", "--paper")
    assert done.code == 5
    assert done.error["code"] == "config_exists"
    assert "OPENCLAW_STATE_DIR" in done.error["hint"]
    assert (state / "trade-manager.json").read_text() == before


def test_a_dry_run_writes_nothing(tm: TM, tm_tty: TM, state: Path) -> None:
    done = tm("init", "-n")
    assert (done.code, done.json["created"], done.json["dryRun"]) == (0, False, True)
    assert tm_tty("init", "--dry-run").out.startswith("would write ")
    assert not state.exists()


def test_init_writes_where_config_says(tm: TM, tmp_path: Path, state: Path) -> None:
    path = tmp_path / "sub" / "mine.json"
    assert tm("init", "--config", str(path)).json["configFile"] == str(path)
    assert tm("config", "show", "--config", str(path)).code == 0
    assert not (state / "trade-manager.json").exists()
    other = tmp_path / "other.json"
    assert tm("init", TM_CONFIG=str(other)).code == 0
    assert other.exists()


def test_a_broken_configuration_is_kept_and_named(tm: TM, state: Path) -> None:
    state.mkdir()
    path = state / "trade-manager.json"
    path.write_text('{"port": }')
    done = tm("init")
    assert done.code == 78
    assert f"{path}, line 1, column 10" in done.error["error"]
    assert path.read_text() == '{"port": }'


def test_a_wrong_variable_is_found_before_anything_is_written(tm: TM, state: Path) -> None:
    assert tm("init", TM_PORT="x").code == 78
    assert not state.exists()


@pytest.mark.parametrize(
    "words", ["vincentApiUrl: https://heyvincent.ai", "where Vincent answers", "tm doctor"]
)
def test_init_explains_the_keys_and_the_next_step(words: str, tm_tty: TM) -> None:
    assert words in tm_tty("init").out
