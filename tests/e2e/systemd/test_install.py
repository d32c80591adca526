"""`tm install` on a real systemd: one command, and it is guarded; again, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.machine import NAME, Scope
from tests.e2e.systemd.conftest import World

WorldOf = Callable[[Scope], World]
STANDING = (f"{NAME}.timer", f"{NAME}-kick.path", f"{NAME}-http.socket", f"{NAME}.target")


def findings(world: World) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in world.host.tm("doctor", check=False)}


def test_one_command_installs_and_the_first_tick_has_run(world_of: WorldOf) -> None:
    """The short sample of what the long tests show."""
    world = world_of("user")
    done = world.host.install()
    assert done["firstTick"].startswith("finished in"), done
    assert [world.host.show(unit, "ActiveState") for unit in STANDING] == ["active"] * 4
    found = findings(world)
    assert {found[name]["status"] for name in ("timer", "kick", "service", "lingering", "tick")} == {"ok"}, (
        found
    )
    again = world.host.install()
    assert (again["changes"], again["firstTick"]) == ([], None)
