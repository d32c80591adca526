"""What the HTTP bridge costs: `python -m tests.bench.bridge` prints a table, and fails if a request does."""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bridge import RULE, SECRET, Client
from tests.gateway import TOKEN, Gateway
from tm.venue.paper.server import PaperServer

RULES = 1000
PORT = 19417


def main() -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as directory, PaperServer() as paper, Gateway() as gateway:
        state = Path(directory)
        paper.control.create("111", shares="100")
        paper.control.set_book("111", "0.50", "0.51")
        environ = configured(state, paper.url, gateway)
        client = Client(PORT)
        with program("serve", environ) as server:
            row("memory of an idle server (resident)", f"{resident(server.pid):.0f} MiB")
            client.ask("GET", "/api/rules")
            row("the same once it has opened the database", f"{resident(server.pid):.0f} MiB")
            costs_of_rules(client)
            row("the same after all that", f"{resident(server.pid):.0f} MiB")
            beside_ticks(client, environ)
        with program("run", environ):
            alert_to_wake(client, gateway)


def configured(state: Path, exchange: str, gateway: Gateway) -> dict[str, str]:
    config = {
        "port": PORT,
        "vincentApiUrl": exchange,
        "vincentApiKey": "ssk_paper",
        "priceSource": "vincent",
        "paper": True,
        "alertsSharedSecret": SECRET,
        "agentWakeUrl": gateway.hook("agent"),
        "agentWakeToken": TOKEN,
        "pollIntervalSeconds": 60,
        "logLevel": "warning",
    }
    (state / "trade-manager.json").write_text(json.dumps(config))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "JOURNAL"))}
    return {**kept, "OPENCLAW_STATE_DIR": str(state)}


@contextmanager
def program(command: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", "tm", command], env=environ) as process:
        client = Client(PORT)
        while True:
            try:
                client.ask("GET", "/health")
                break
            except OSError:
                time.sleep(0.02)
        yield process
        process.send_signal(signal.SIGTERM)


def costs_of_rules(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT)

    def add(price: int) -> None:
        body = {**RULE, "triggerPrice": round(0.0001 * (1 + price % 4000), 4)}
        assert client.ask("POST", "/api/rules", body, connection=connection).status == 201

    row(f"POST /api/rules, up to {RULES} rules", timed(add, RULES))
    row(
        f"GET /api/rules?limit=1000 with {RULES} rules",
        timed(lambda _: asked(client, "/api/rules?limit=1000", connection), 20),
    )
    row("GET /api/rules (100 of them)", timed(lambda _: asked(client, "/api/rules", connection), 50))
    row("GET /status", timed(lambda _: asked(client, "/status", connection), 50))
    connection.close()


def beside_ticks(client: Client, environ: dict[str, str]) -> None:
    """Requests while ticks over all these rules follow each other without a pause."""
    over = threading.Event()
    ticks = []

    def tick() -> None:
        while not over.is_set():
            ticks.append(
                subprocess.run([sys.executable, "-m", "tm", "tick"], env=environ, stdout=subprocess.DEVNULL)
            )

    ticking = threading.Thread(target=tick)
    ticking.start()
    time.sleep(0.5)
    connection = http.client.HTTPConnection("127.0.0.1", PORT)

    def alert(number: int) -> None:
        body = {"source": "bench", "alertType": "t", "mode": "IGNORE", "idempotencyKey": f"beside-{number}"}
        assert client.ask("POST", "/api/alerts", body, token=SECRET, connection=connection).status == 202

    row("GET /api/rules while ticks run", timed(lambda _: asked(client, "/api/rules", connection), 100))
    row("POST /api/alerts while ticks run", timed(alert, 100))
    over.set()
    ticking.join()
    connection.close()
    row("  ticks meanwhile, none of them failed", str(len(ticks)))


def alert_to_wake(client: Client, gateway: Gateway) -> None:
    """From the alert's POST to the gateway's receipt, by the kick of `tm run`."""

    def hand_in(number: int) -> None:
        seen = len(gateway.wakes)
        body = {"source": "bench", "alertType": "t", "mode": "WAKE_AGENT", "idempotencyKey": f"wake-{number}"}
        assert client.ask("POST", "/api/alerts", body, token=SECRET).status == 202
        while len(gateway.wakes) == seen:
            time.sleep(0.005)

    time.sleep(3)  # the first tick
    for rule in client.ask("GET", "/api/rules?status=ACTIVE&limit=1000").json:
        client.ask("DELETE", f"/api/rules/{rule['id']}")
    row("alert to wake, `tm run`", timed(hand_in, 15))


def asked(client: Client, path: str, connection: http.client.HTTPConnection) -> None:
    assert client.ask("GET", path, connection=connection).status == 200


def timed(what: Callable[[int], Any], times: int) -> str:
    """Do it so often, each of which must succeed; return what the waits were."""
    waits = []
    for number in range(times):
        started = time.perf_counter()
        what(number)
        waits.append((time.perf_counter() - started) * 1000)
    return f"median {statistics.median(waits):.1f} ms, longest {max(waits):.0f} ms, of {times}"


def resident(pid: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def row(what: str, figure: str) -> None:
    print(f"{what:48} {figure}", flush=True)


if __name__ == "__main__":
    main()
