"""`tm update` under systemd: ticks rest, the new version's units come, a broken one is left again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import wheels
from tests.e2e.machine import NAME, Scope, wait_for
from tests.e2e.systemd.conftest import World
from tests.e2e.test_update import FAULTY_DOCTOR

WorldOf = Callable[[Scope], World]
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def offered(programs: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tm-offered-"))
    wheels.build(folder, version="0.0.9")
    wheels.build(folder, version="0.5.0")
    wheels.build(folder, version="0.6.0", append={"tm/host/checks/files.py": FAULTY_DOCTOR})
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("scope", ["user", "system"])
def test_an_update_is_installed_and_a_broken_one_is_left_again(
    scope: Scope, world_of: WorldOf, offered: Path
) -> None:
    world = world_of(scope)
    host = world.host
    index: wheels.Index = world.machine.beside(lambda: wheels.Index(offered))
    with index:
        index.yanked = {"0.6.0"}
        home = install_old(world, offered)
        host.programs = Path(home)
        host.configure(**world.settings(pollIntervalSeconds=5))
        host.install()
        world.hold()
        host.tm("rule", "add", "--market-id", "0xmarket-111", "--token-id", "111", "--stop-loss", "0.40")
        done = update(world, index.url)
        assert (done["updated"], done["target"]) == (True, "0.5.0"), done
        assert host.tm("version")["version"] == "0.5.0"
        index.yanked = set()
        gone_back = update(world, index.url, code=1)
        assert gone_back["wentBack"] is True
        assert "disk" in gone_back["reason"]
        assert host.tm("version")["version"] == "0.5.0"
        for unit in (f"{NAME}.timer", f"{NAME}-kick.path", f"{NAME}-http.socket"):
            assert host.show(unit, "ActiveState") == "active"
        world.exchange("set_book", "111", "0.39", "0.40")
        wait_for(lambda: world.sold() == 100, 40, "the stop sold after two updates")


def update(world: World, url: str, code: int = 0) -> dict[str, Any]:

    command = ["env", f"TM_UPDATE_INDEX_URL={url}", str(world.host.programs / "tm"), "update"]
    done = world.machine.run(*command, user=world.host.operator, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def install_old(world: World, offered: Path) -> str:
    """Install 0.0.9 in the machine, into a venv that its operator owns; return the folder of its programs."""
    host = world.host
    folder = "/home/tester/venv" if host.scope == "user" else "/opt/venv"
    world.machine.run("cp", "-r", str(host.programs.parent), folder, user=host.operator)
    return moved(world, folder, offered)


def moved(world: World, folder: str, offered: Path) -> str:
    """Let a copied venv believe in its new place, and put the old version into it."""
    python = f"{folder}/bin/python"
    wheel = next(offered.glob("*-0.0.9-*.whl"))
    world.machine.run("cp", str(wheel), f"/opt/{wheel.name}", user="root")
    world.machine.run("chmod", "644", f"/opt/{wheel.name}", user="root")
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall"]
    world.machine.run(*pip, f"/opt/{wheel.name}", user=world.host.operator)
    return f"{folder}/bin"
