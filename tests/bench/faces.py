"""What a person, an agent or a script waits for, on a database of 10,000 rules."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.measure import cpu, run, wall
from tests.bench.scene import TM, Scene
from tests.bench.table import Row
from tests.gateway import TOKEN, Gateway

RULES = 10_000
TIMES = 5
POSTS = 100
ALERTS = 10
IDS = ["--market-id", "m", "--token-id", "another", "--stop-loss", "0.40"]
SECRET = "alerts-secret-0123456789"


def measured() -> Iterator[Row]:
    with Gateway() as gateway:
        wakes = {
            "agentWakeUrl": gateway.url,
            "agentWakeToken": TOKEN,
            "alertsSharedSecret": SECRET,
            "port": _free_port(),
        }
        with Scene(RULES, **wakes) as scene:
            listing = [run([*TM, "rule", "list"], scene.env) for _ in range(TIMES)]
            assert all(cost.code == 0 for cost in listing)
            yield Row(f"tm rule list, of {RULES:,}", cpu=cpu(listing), wall=wall(listing))
            adding = [run([*TM, "rule", "add", *IDS], scene.env) for _ in range(TIMES)]
            assert all(cost.code == 0 for cost in adding)
            yield Row(f"tm rule add, to {RULES:,}", cpu=cpu(adding), wall=wall(adding))
            yield _added_during_a_tick(scene, "the first tick of 10,000 rules")
            yield _added_during_a_tick(scene, "a tick of 10,000 rules")
        with Scene(1, **wakes) as scene, _bridge(scene) as port:
            yield _posted(port)
            yield _woken(scene, port, gateway)


def _added_during_a_tick(scene: Scene, what: str) -> Row:
    """Add rules one after the other while a tick runs; the slowest counts. Ratio: to one added in peace."""
    alone = wall([run([*TM, "rule", "add", *IDS], scene.env) for _ in range(TIMES)])
    ticking = subprocess.Popen(
        [*TM, "tick"], env=scene.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    waits = []
    while ticking.poll() is None:
        waits.append(run([*TM, "rule", "add", *IDS], scene.env))
    assert ticking.returncode == 0
    assert all(cost.code == 0 for cost in waits)
    slowest = max(cost.wall for cost in waits)
    return Row(
        f"tm rule add during {what} (slowest of {len(waits)})",
        cpu=cpu(waits),
        wall=slowest,
        ratio=slowest / alone,
        target="answers within 1 s",
        held=slowest < 1,
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _bridge(scene: Scene) -> Iterator[int]:
    """`tm serve` on a free port."""
    server = subprocess.Popen([*TM, "serve"], env=scene.env, stderr=subprocess.PIPE, text=True)
    try:
        line = server.stderr.readline()  # type: ignore[union-attr]
        yield int(line.split("url=")[1].split()[0].rsplit(":", 1)[1])
    finally:
        server.terminate()
        server.wait()
        server.stderr.close()  # type: ignore[union-attr]


def _post(port: int, path: str, body: dict[str, Any], **headers: str) -> float:
    """Post once on a connection of its own, as scripts do; return the seconds that it took."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status in (201, 202), answer.status
    return time.perf_counter() - started


def _posted(port: int) -> Row:
    body = {"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "another", "triggerPrice": 0.4}
    took = [_post(port, "/api/rules", body) for _ in range(POSTS)]
    return Row(f"POST /api/rules (median of {POSTS})", wall=statistics.median(took))


def _woken(scene: Scene, port: int, gateway: Gateway) -> Row:
    """From an alert's first byte to the agent's wake, by the tick that its kick starts."""
    took = []
    for number in range(ALERTS):
        started = time.perf_counter()
        body = {"source": "bench", "alertType": "news", "mode": "WAKE_AGENT", "payload": {"text": "look"}}
        secret = {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": f"bench-{number}"}
        _post(port, "/api/alerts", body, **secret)
        run([*TM, "tick"], scene.env)
        took.append(time.perf_counter() - started)
    assert len(gateway.wakes) == ALERTS, len(gateway.wakes)
    return Row("alert to wake (POST, then one tick)", wall=statistics.median(took))
