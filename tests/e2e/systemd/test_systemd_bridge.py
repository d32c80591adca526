"""The bridge behind its socket, and the kick: alerts do not wait for the timer, and nothing is lost."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.machine import NAME, Scope, tell, wait_for
from tests.e2e.systemd.conftest import World

WorldOf = Callable[[Scope], World]
BRIDGE = f"{NAME}-http.service"
PORT = 19000

pytestmark = pytest.mark.long


def ask(world: World, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Ask the bridge as a program on the machine would."""

    def send() -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            kind = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, content, {**kind, **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    found: tuple[int, Any] = world.machine.beside(send)
    return found


def alert(world: World, key: str) -> dict[str, Any]:
    status, found = ask(
        world,
        "POST",
        "/api/alerts",
        {
            "source": "test",
            "alertType": "note",
            "mode": "WAKE_AGENT",
            "idempotencyKey": key,
            "payload": {"text": key},
        },
        Authorization="Bearer alerts-secret",
    )
    assert status == 202, found
    return dict(found)


def woken(world: World, key: str) -> bool:
    return any(key in text for text in world.gateway.texts)


@pytest.mark.parametrize("scope", ["user", "system"])
def test_an_alert_wakes_the_agent_without_waiting_for_the_timer(
    scope: Scope, world_of: WorldOf, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_of(scope)
    world.host.configure(**world.settings(pollIntervalSeconds=300))  # the timer is out of the way
    world.host.install()
    took = []
    for number in range(5):
        key = f"alert-number-{number}"
        began = time.monotonic()
        alert(world, key)
        wait_for(lambda key=key: woken(world, key), 20, "the wake")  # type: ignore[misc]
        took.append(time.monotonic() - began)
    first, *later = took
    tell(
        capsys,
        f"{scope}: alert to wake {first:.2f} s with the bridge asleep, then {statistics.median(later):.2f} s",
    )
    assert max(took) < 60  # far from the timer's five minutes


def test_the_bridge_leaves_when_idle_and_comes_back(world_of: WorldOf) -> None:
    world = world_of("user")
    world.host.configure(**world.settings(serveIdleSeconds=2))
    world.host.install()
    assert world.host.show(BRIDGE, "ActiveState") == "inactive"
    assert ask(world, "GET", "/health")[0] == 200
    assert world.host.show(BRIDGE, "ActiveState") == "active"
    wait_for(lambda: world.host.show(BRIDGE, "ActiveState") == "inactive", 20, "it leaves")
    assert world.host.show(BRIDGE, "Result") == "success"
    assert ask(world, "GET", "/health")[0] == 200


@pytest.mark.parametrize("scope", ["user", "system"])
def test_a_bridge_that_is_killed_is_back_and_nothing_is_lost(scope: Scope, world_of: WorldOf) -> None:
    world = world_of(scope)
    world.host.configure(**world.settings(pollIntervalSeconds=300))
    world.host.install()
    world.host.systemctl("stop", f"{NAME}-kick.path")
    before = alert(world, "before-the-kill")
    pid = int(world.host.show(BRIDGE, "MainPID"))
    world.host.systemctl("kill", "--signal=KILL", BRIDGE)
    after = alert(world, "after-the-kill")  # the socket held the request meanwhile
    assert alert(world, "before-the-kill")["id"] == before["id"]
    assert int(world.host.show(BRIDGE, "MainPID")) not in (0, pid)
    world.host.systemctl("start", f"{NAME}-kick.path")
    for key in ("before-the-kill", "after-the-kill"):
        wait_for(lambda key=key: woken(world, key), 30, key)  # type: ignore[misc]
    assert {one["id"] for one in world.host.tm("alert", "list")} == {before["id"], after["id"]}


def test_the_path_unit_survives_200_alerts_in_a_burst(
    world_of: WorldOf, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_of("user")
    world.host.configure(**world.settings(pollIntervalSeconds=300))
    world.host.install()
    began = time.monotonic()
    keys = [f"burst-{number:03d}" for number in range(200)]
    for key in keys:
        alert(world, key)
    sent = time.monotonic() - began
    told = wait_for(
        lambda: len({k for k in keys if woken(world, k)}) == 200 and world.gateway.wakes,
        240,
        "every alert is told",
    )
    whole = time.monotonic() - began
    tell(capsys, f"200 alerts handed in within {sent:.1f} s, told after {whole:.1f} s with {len(told)} wakes")
    assert world.host.show(f"{NAME}-kick.path", "ActiveState") == "active"
    assert world.host.show(f"{NAME}-kick.path", "Result") == "success"
    left = {job["status"] for job in world.host.tm("job", "list", "--limit", "1000")}
    assert left == {"SUCCEEDED"}


def test_a_tick_that_cannot_start_is_not_started_for_ever(world_of: WorldOf) -> None:
    world = world_of("user")
    world.host.configure(**world.settings(pollIntervalSeconds=300))
    world.host.install()
    unit = f"{NAME}.service"
    world.host.drop_in(unit, "[Service]\nExecStart=\nExecStart=/nowhere/tm tick\n")
    world.machine.run("touch", f"{world.host.state}/trade-manager.kick")
    wait_for(lambda: world.host.show(unit, "Result") == "exit-code", 20, "the tick fails")
    time.sleep(3)
    failures = world.host.journal_of_systemd().count("Failed with result 'exit-code'")
    assert 1 <= failures <= 3, failures
    assert world.host.show(f"{NAME}-kick.path", "ActiveState") == "active"
    world.machine.run("rm", "-r", f"/home/tester/.config/systemd/user/{unit}.d")
    world.host.systemctl("daemon-reload")
    alert(world, "after-the-repair")
    wait_for(lambda: woken(world, "after-the-repair"), 30, "the wake")
