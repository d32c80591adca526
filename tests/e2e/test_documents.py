"""Manual pages and completions: as the program is now, clean for man, and working in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tm.cli.documents import documents, stray
from tm.cli.tree import command_tree
from tm.host.values import fitting
from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.store import rules
from tm.store.db import open_store
from tm.times import utc_now

TM = Callable[..., Any]
ID = "crule0000000000000000000"
TOKEN = "7700000000000000000000000000000001"


@pytest.mark.parametrize("path", sorted(documents()), ids=lambda path: path.name)
def test_what_is_committed_is_what_the_program_says(path: Path) -> None:
    assert path.read_text("utf-8") == documents()[path], "run: python -m tm.cli.documents"


def test_no_page_is_left_of_a_command_that_is_gone() -> None:
    assert stray() == []


@pytest.mark.parametrize(
    "command", [one for one in command_tree().walk() if not one.below], ids=lambda one: " ".join(one.path)
)
def test_every_command_has_help_an_example_and_described_options(command: Any) -> None:
    assert command.summary
    assert "Example" in command.help
    for parameter in command.parameters:
        assert parameter.help, parameter.name


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_man_has_no_warning_about_any_page() -> None:
    for path in documents():
        if path.parent.name != "man":
            continue
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", path],
            capture_output=True,
            text=True,
            env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        )
        assert (done.returncode, done.stderr) == (0, ""), path.name
        assert "NAME" in done.stdout


@pytest.fixture
def recorded(state: Path) -> Path:
    """A database with one rule and one held position."""
    now = utc_now()
    rule = Rule(
        id=ID,
        rule_type=RuleType.STOP_LOSS,
        market_id="0xm",
        token_id=TOKEN,
        trigger_price=Decimal("0.4"),
        trailing_percent=None,
        action=Action(ActionType.SELL_ALL),
        status=RuleStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        label="Will it rain? Yes",
    )
    with open_store(state / "trade-manager.db") as store, store.write("test") as conn:
        rules.insert(conn, rule)
        conn.execute(
            "INSERT INTO monitored_positions (id, market_id, token_id, side, quantity, label, "
            "last_updated_at, created_at, updated_at) "
            "VALUES ('p', '0xm', ?, 'BUY', '100', 'Will it rain? Yes', 'x', 'x', 'x')",
            (TOKEN,),
        )
    return state


@pytest.mark.parametrize(
    ("typed", "follows"),
    [
        ("tm positi", "tm position "),
        ("tm rule cancel ", f"tm rule cancel {ID} "),
        ("tm rule list --status TRIG", "tm rule list --status TRIGGERED "),
        ("tm rule add rain", f"tm rule add {TOKEN} "),
        ("tm rule add --stop-loss 0.4 77", f"tm rule add --stop-loss 0.4 {TOKEN} "),
        ("tm rule edit --trig", "tm rule edit --trigger-price "),
        ("tm event list --rule cru", f"tm event list --rule {ID} "),
        ("trade-manager compl", "trade-manager completion "),
    ],
)
def test_bash_completes(
    typed: str, follows: str, recorded: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("tm", "trade-manager"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m tm "$@"\n')
        (programs / name).chmod(0o755)
    assert pressed_tab(typed, environ, programs) == follows


def pressed_tab(typed: str, environ: dict[str, str], programs: Path) -> str:
    """Given the beginning of a line, press Tab in a real bash and return the line that readline then has."""
    script = next(path for path in documents() if path.name == "tm.bash")
    shell = f"""
        PATH={programs}:$PATH
        source {script}
        shown() {{ printf '%s|' "$READLINE_LINE" > {programs}/line; exit; }}
        bind -x '"\\C-x": shown'
    """
    (programs / "rc").write_text(shell)
    done = subprocess.run(
        ["script", "-qec", f"bash --noprofile --rcfile {programs}/rc -i", "/dev/null"],
        input=f"{typed}\t\x18",
        capture_output=True,
        text=True,
        timeout=30,
        env={**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"},
    )
    line = programs / "line"
    assert line.exists(), done.stdout
    return line.read_text().removesuffix("|")


def test_a_tab_imports_little_more_than_sqlite(recorded: Path, environ: dict[str, str]) -> None:
    code = "import sys; sys.argv = ['tm', '_complete', 'rule']; from tm.__main__ import main; main(); "
    code += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{ID}\tACTIVE STOP_LOSS 0.4 Will it rain? Yes\n"
    assert not {"typer", "pydantic", "rich", "requests"} & set(done.stderr.split())


def test_a_tab_without_a_database_is_silent(tm: TM) -> None:
    done = tm("_complete", "rule")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_words_of_a_title_complete_only_when_they_name_one() -> None:
    records = [("771", "Will it rain? Yes"), ("772", "Will it rain? No"), ("773", "Trump")]
    assert fitting(records, "trump") == [("773", "Trump")]
    assert fitting(records, "rain") == []
    assert fitting(records, "77") == records
