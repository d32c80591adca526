"""`tm update` in a virtual environment, with an index served from a folder."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import wheels
from tm.store.db import open_store

pytestmark = pytest.mark.long

FAULTY_DOCTOR = """

def disk(settings):
    return fault("disk", "this version is not fit")
"""


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offered")
    wheels.build(folder, version="0.0.9")
    wheels.build(folder, version="0.5.0")
    wheels.build(
        folder, version="0.6.0", append={"tm/__init__.py": "\nraise RuntimeError('cannot even start')\n"}
    )
    wheels.build(folder, version="0.7.0", append={"tm/host/checks/files.py": FAULTY_DOCTOR})
    wheels.build(folder, version="0.8.0rc1")
    return folder


class Installed:
    """A version in a venv of its own, a state directory, and an index."""

    def __init__(self, folder: Path, offered: Path, index: wheels.Index) -> None:
        self.programs = wheels.install(next(offered.glob("*-0.0.9-*.whl")), folder / "venv")
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OPENCLAW_STATE_DIR": str(self.state),
        }
        config = self.state / "trade-manager.json"
        config.write_text(json.dumps({"updateIndexUrl": index.url, "vincentApiUrl": "http://127.0.0.1:1"}))
        config.chmod(0o600)
        open_store(self.state / "trade-manager.db").close()

    def tm(self, *words: str) -> tuple[int, Any]:
        done = subprocess.run(
            [self.programs / "tm", *words], capture_output=True, text=True, env=self.environ
        )
        return done.returncode, json.loads(done.stdout or done.stderr.splitlines()[-1])

    def version(self) -> str:
        return str(self.tm("version")[1]["version"])

    def left_behind(self) -> list[str]:
        return [path.name for path in self.programs.parent.parent.iterdir() if "update" in path.name]


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, offered: Path
) -> Iterator[tuple[Installed, wheels.Index]]:
    with wheels.Index(offered) as index:
        yield Installed(tmp_path_factory.mktemp("home"), offered, index), index


@pytest.fixture
def installed(shared: tuple[Installed, wheels.Index]) -> Callable[..., Installed]:
    """The one installation, at 0.0.9 before and after each test; the index withholds the named versions."""
    one, index = shared

    def make(*yanked: str) -> Installed:
        index.yanked = set(yanked)
        assert one.version() == "0.0.9"
        return one

    return make


def test_it_goes_to_the_newest_release_and_stays_there(installed: Callable[..., Installed]) -> None:
    one = installed("0.6.0", "0.7.0")
    assert one.tm("update", "--check")[1]["target"] == "0.5.0"
    assert one.version() == "0.0.9"
    code, done = one.tm("update")
    assert (code, done["updated"], done["target"]) == (0, True, "0.5.0")
    assert one.version() == "0.5.0"
    assert one.tm("update")[1]["target"] is None
    assert one.tm("update", "--to", "0.0.9")[1]["updated"] is True
    assert one.version() == "0.0.9"
    assert one.left_behind() == []


@pytest.mark.parametrize(
    ("version", "why"), [("0.6.0", "cannot even start"), ("0.7.0", "a fault that was not there: disk")]
)
def test_a_broken_version_is_left_again(version: str, why: str, installed: Callable[..., Installed]) -> None:
    one = installed()
    database = (one.state / "trade-manager.db").read_bytes()
    code, done = one.tm("update", "--to", version)
    assert (code, done["wentBack"], done["updated"]) == (1, True, False)
    assert why in done["reason"]
    assert one.version() == "0.0.9"
    assert (one.state / "trade-manager.db").read_bytes() == database
    assert one.left_behind() == []


def test_what_the_index_has_not_is_said(installed: Callable[..., Installed]) -> None:
    one = installed()
    code, error = one.tm("update", "--to", "9.9.9")
    assert (code, error["code"]) == (4, "no_such_version")
    assert "0.5.0" in error["hint"]
    assert one.tm("update", "--to", "0.8.0rc1", "--check")[1]["target"] == "0.8.0rc1"
