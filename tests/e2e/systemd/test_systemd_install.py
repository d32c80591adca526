"""`tm install` on a real systemd: one command, and it is guarded; again, and nothing changes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.e2e.machine import NAME, USER, Scope, tell, wait_for
from tests.e2e.systemd.conftest import World
from tm.venue.paper.faults import Fault

WorldOf = Callable[[Scope], World]
STANDING = (f"{NAME}.timer", f"{NAME}-kick.path", f"{NAME}-http.socket", f"{NAME}.target")
both_scopes = pytest.mark.parametrize("scope", ["user", "system"])


def findings(world: World) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in world.host.tm("doctor", check=False)}


def standing(world: World) -> list[str]:
    return [world.host.show(unit, "ActiveState") for unit in STANDING]


def protect(world: World, *words: str) -> str:
    """Hold 100 shares at 0.50 and put a stop at 0.40 under them; return the rule's id."""
    world.hold()
    rule = world.host.tm("rule", "add", "--market-id", "0xmarket-111", "--token-id", "111", *words)
    return str(rule["id"])


def test_one_command_installs_and_the_first_tick_has_run(world_of: WorldOf) -> None:
    """The short sample of what the long tests show."""
    world = world_of("user")
    done = world.host.install()
    assert done["firstTick"].startswith("finished in"), done
    assert standing(world) == ["active"] * 4
    found = findings(world)
    assert {found[name]["status"] for name in ("timer", "kick", "service", "lingering", "tick")} == {"ok"}, (
        found
    )
    again = world.host.install()
    assert (again["changes"], again["firstTick"]) == ([], None)


@pytest.mark.long
@both_scopes
def test_the_timer_alone_looks_every_15_seconds_and_sells(
    scope: Scope, world_of: WorldOf, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_of(scope)
    world.host.install()
    rule = protect(world, "--stop-loss", "0.40")
    before = len(world.looks())
    looks = wait_for(lambda: (found := world.looks()[before:])[2:] and found, 50, "three ticks")
    gaps = [later - earlier for earlier, later in pairwise(looks[:3])]
    tell(capsys, f"{scope}: gaps between ticks {', '.join(f'{gap:.2f} s' for gap in gaps)}")
    world.exchange("set_book", "111", "0.39", "0.40")
    wait_for(lambda: world.sold() == 100, 40, "the stop sold by the timer")
    wait_for(lambda: world.host.tm("rule", "show", rule)["status"] == "TRIGGERED", 20, "the rule says so")
    said = wait_for(lambda: rule in (text := world.host.journal()) and text, 10, "the journal names the rule")
    tell(capsys, said)
    assert "Starting" not in said
    assert len(said.splitlines()) < 12


@pytest.mark.long
@both_scopes
def test_a_reboot_brings_everything_back(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    world.host.configure(**world.settings(pollIntervalSeconds=5))
    world.host.install()
    protect(world, "--stop-loss", "0.40")
    world.after(world.machine.reboot)
    wait_for(lambda: standing(world) == ["active"] * 4, 20, "timer, path, socket and target")
    before = len(world.looks())
    wait_for(lambda: len(world.looks()) > before, 40, "a tick after the boot")
    world.exchange("set_book", "111", "0.39", "0.40")
    wait_for(lambda: world.sold() == 100, 40, "the stop sold after the boot")


@pytest.mark.long
@both_scopes
def test_the_power_is_cut_in_the_middle_of_a_sale_and_one_sale_is_made(
    scope: Scope, world_of: WorldOf
) -> None:
    world = world_of(scope)
    world.host.configure(**world.settings(pollIntervalSeconds=5))
    world.host.install()
    rule = protect(world, "--stop-loss", "0.40")
    world.exchange("fault", Fault("bet", "hang", after=True))
    world.exchange("set_book", "111", "0.39", "0.40")
    wait_for(lambda: world.sold() == 100, 40, "the exchange took the order; its answer is on the way")
    assert world.host.show(f"{NAME}.service", "ActiveState") == "activating"
    world.after(world.machine.cut_power)
    settled = wait_for(
        lambda: (found := world.host.tm("execution", "list"))[0]["status"] == "CONFIRMED" and found,
        90,
        "the order's outcome, read from the trades",
    )
    assert len(settled) == 1
    assert world.sold() == 100
    assert world.host.tm("rule", "show", rule)["status"] == "TRIGGERED"


@pytest.mark.long
@both_scopes
def test_a_vincent_that_hangs_does_not_stop_the_ticks(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    world.host.configure(**world.settings(pollIntervalSeconds=5))
    world.host.install()
    # systemd's own limit, shortened from 90 s: by itself the program ends a tick within 45 s
    world.host.drop_in(f"{NAME}.service", "[Service]\nTimeoutStartSec=4\n")
    protect(world, "--stop-loss", "0.40")
    world.exchange("fault", Fault("holdings", "hang", count=None))
    ended = "Failed with result 'timeout'"
    wait_for(lambda: world.host.journal_of_systemd().count(ended) >= 2, 60, "two ticks ended at their limit")
    world.exchange("clear_faults")
    world.exchange("set_book", "111", "0.39", "0.40")
    wait_for(lambda: world.sold() == 100, 60, "the next tick, as if nothing had been")


@pytest.mark.long
@both_scopes
def test_the_seeds_own_lines_do_all(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    world.host.install("--no-start")
    assert standing(world) == ["inactive"] * 4
    world.host.systemctl("disable", NAME)
    world.host.systemctl("enable", "--now", NAME)
    assert standing(world) == ["active"] * 4
    world.host.systemctl("restart", NAME)
    assert standing(world) == ["active"] * 4
    world.host.systemctl("stop", NAME)
    assert standing(world) == ["inactive"] * 4
    world.host.systemctl("start", NAME)
    assert standing(world) == ["active"] * 4


@pytest.mark.long
@both_scopes
def test_uninstall_takes_all_away_but_the_state(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    outside = files_of(world)
    world.host.install()
    rule = protect(world, "--stop-loss", "0.40")
    assert files_of(world) != outside
    world.machine.run(str(world.host.programs / "tm"), "uninstall", user=world.host.operator)
    assert files_of(world) == outside
    assert world.host.tm("rule", "show", rule)["status"] == "ACTIVE"
    assert standing(world) == ["inactive"] * 4


@pytest.mark.long
def test_man_and_bash_find_what_was_installed(world_of: WorldOf) -> None:
    world = world_of("user")
    world.host.install()
    path = f"PATH=/home/{USER}/.local/bin:/usr/bin:/bin"
    page = world.machine.run("env", path, "MANWIDTH=80", "man", "tm-rule").stdout
    assert "Guard a held position" in page
    script = (
        "source ~/.local/share/bash-completion/completions/tm; "
        'COMP_WORDS=(tm ru); COMP_CWORD=1; _tm; echo "${COMPREPLY[*]}"'
    )
    assert world.machine.run("env", path, "bash", "-c", script).stdout == "rule run\n"
    assert world.machine.run("env", path, "tm", "version", "--json").stdout.startswith("{")


@pytest.mark.long
@both_scopes
def test_the_ticks_see_a_read_only_host_and_their_own_tmp(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    world.host.install()
    status = (
        world.host.show(f"{NAME}.service", "ProtectSystem"),
        world.host.show(f"{NAME}.service", "PrivateTmp"),
    )
    assert status == ("strict", "yes")
    folder = world.machine.run("stat", "-c", "%a", world.host.state).stdout.strip()
    assert stat.S_IMODE(int(folder, 8)) == 0o700


def files_of(world: World) -> set[str]:
    """Every file outside the state in the places where `tm install` writes."""
    places = [
        "/etc/systemd",
        "/usr/local",
        f"/home/{USER}/.config",
        f"/home/{USER}/.local",
        "/var/lib/systemd/linger",
    ]
    found = world.machine.run("find", *places, "-not", "-type", "d", user="root", check=False).stdout
    return set(found.splitlines())
