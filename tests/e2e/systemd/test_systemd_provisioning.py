"""The README's blocks for whoever sets up a host, run as they stand there."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import wheels
from tests.e2e.machine import NAME, USER, Host, Machine, Scope

pytestmark = pytest.mark.long

# What a host with a network gets from the package index, this one borrows from the tests' interpreter.
PYTHON = """#!/bin/sh
{python} "$@" || exit
[ "$1 $2" != "-m venv" ] || echo {borrowed} > "$(echo "$3"/lib/python*/site-packages)/borrowed.pth"
"""


def block(after: str) -> str:
    """The first shell block of the README after a line that begins so."""
    text = (wheels.TOP / "README.md").read_text()
    found = re.search(rf"^{re.escape(after)}.*?```sh\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def index(machine: Machine) -> Iterator[wheels.Index]:
    folder = Path(tempfile.mkdtemp(prefix="tm-offered-"))
    wheels.build(folder)
    found: wheels.Index = machine.beside(lambda: wheels.Index(folder))
    with found:
        yield found
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("scope", "user", "after"), [("system", "root", "As root, from a"), ("user", USER, "As the user whose")]
)
def test_the_readmes_block_sets_up_a_host(
    scope: Scope, user: str, after: str, machine: Machine, programs: Path, index: wheels.Index
) -> None:
    script = PYTHON.format(python=programs / "python", borrowed=programs.parent / "borrowed")
    machine.write("/opt/bin/python3", script, user="root")
    machine.run("chmod", "-R", "a+rx", "/opt/bin", user="root")
    environ = [
        "PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        f"PIP_INDEX_URL={index.url}",
    ]
    done = machine.run("env", *environ, "sh", "-ex", "-c", block(after), user=user, check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: there is no Vincent key yet
    host = Host(machine, programs, scope)
    for unit in (f"{NAME}.timer", f"{NAME}-kick.path", f"{NAME}-http.socket"):
        assert host.show(unit, "ActiveState") == "active"
        assert host.show(unit, "UnitFileState") == "enabled"
    owner = "openclaw" if scope == "system" else USER
    config = machine.run("stat", "-c", "%U %a", f"/home/{owner}/.openclaw/trade-manager.json", user="root")
    assert config.stdout.strip() == f"{owner} 600"
