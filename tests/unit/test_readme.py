"""The README: the two commands are there, and every command it shows is one that exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tm.cli.app import root
from tm.cli.session import session

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
RUN = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/tm demo"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/pytest -q"


def shown() -> Iterator[str]:
    """Each `tm ...` that the README shows: at a prompt, in running text, or as a next step of its output."""
    yield from re.findall(r"^\$ (tm .+)$", TEXT, re.M)
    yield from re.findall(r"^  (?:next: )?(tm .+)$", TEXT, re.M)
    yield from re.findall(r"`(tm [^`\n]+)`", TEXT)
    yield from re.findall(r"\.venv/bin/(tm .+)$", TEXT, re.M)


COMMANDS = sorted(set(shown()))


def parse(command: str) -> None:
    """Parse a command line as the program would, and run nothing. Raise TyperException where it is wrong."""
    found: Any = root()
    _, *words = shlex.split(command)
    while hasattr(found, "commands") or hasattr(found, "list_commands"):
        below = found.get_command(None, words[0]) if words else None
        if below is None:
            assert not words, f"{command}: there is no {words[0]!r}"
            return
        found, words = below, words[1:]
    if {"-h", "--help"} & set(words):
        words = [word for word in words if word not in ("-h", "--help")]
        known = {option for parameter in found.params for option in parameter.opts}
        assert all(word in known for word in words)
        return
    found.make_context(command, words)


@pytest.fixture(autouse=True)
def _session() -> Iterator[None]:
    before = (session.json_asked, session.config_file)
    yield
    session.json_asked, session.config_file = before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_it_shows_exists_with_these_options(command: str) -> None:
    parse(command)


@pytest.mark.parametrize(
    "wrong", ["tm nonsense", "tm rule nonsense", "tm rule list --nonsense", "tm rule show"]
)
def test_this_test_finds_a_command_that_does_not_exist(wrong: str) -> None:
    with pytest.raises(Exception, match=r"no 'nonsense'|No such option|Missing parameter"):
        parse(wrong)


def test_the_tour_is_among_them() -> None:
    for command in ("tm init --paper", "tm paper serve", "tm position list", "tm tick", "tm event list"):
        assert command in COMMANDS
    assert 'tm rule add "trump yes" --stop-loss 0.40' in COMMANDS
    assert any(command.startswith("tm execution show ") for command in COMMANDS)


@pytest.mark.parametrize("command", [RUN, TEST])
def test_the_two_commands_stand_on_lines_of_their_own(command: str) -> None:
    assert command in TEXT.splitlines()


def test_ci_runs_the_test_command() -> None:
    assert TEST in (README.parent / ".ci" / "run").read_text()


def test_the_exit_codes_are_those_of_the_manual() -> None:
    for line in (README.parent / "man" / "exit-codes.txt").read_text().splitlines():
        code, meaning = line.split(" ", 1)
        assert f"| {code} | {meaning} |" in TEXT


def test_every_link_to_a_file_leads_somewhere() -> None:
    for path in re.findall(r"`((?:tm|man|tests|units|\.ci)/[\w./-]+)`", TEXT):
        assert (README.parent / path).exists(), path
