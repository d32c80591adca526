"""`tm serve` and `tm run` as processes: sockets of systemd's, signals, idleness, ticks and kicks."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bridge import ALERT, RULE, SECRET, Client
from tests.gateway import TOKEN, Gateway
from tm.engine.files import tick_lock
from tm.venue.paper.control import PaperControl
from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def configured(environ: dict[str, str], state: Path, port: int) -> Iterator[dict[str, str]]:
    """The environment of a `tm` that trades on a paper exchange and wakes a gateway."""
    state.mkdir(mode=0o700)
    with PaperServer() as paper, Gateway() as gateway:
        paper.control.create("111", shares="100", title="Trump?")
        paper.control.set_book("111", "0.50", "0.51")
        config = {
            "port": port,
            "vincentApiUrl": paper.url,
            "vincentApiKey": "ssk_paper",
            "priceSource": "vincent",
            "paper": True,
            "alertsSharedSecret": SECRET,
            "agentWakeUrl": gateway.hook("agent"),
            "agentWakeToken": TOKEN,
            "pollIntervalSeconds": 60,
        }
        (state / "trade-manager.json").write_text(json.dumps(config))
        environ["_paper"], environ["_gateway"] = paper.url, gateway.url
        yield environ


@contextmanager
def running(*args: str, env: dict[str, str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """The program in the background; killed at the end if it is still there."""
    command = [sys.executable, "-m", "tm", *args]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(what: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_up(client: Client) -> Callable[[], bool]:
    return lambda: client.ask("GET", "/health").status == 200


def test_serve_answers_until_it_is_told_to_stop(configured: dict[str, str], port: int) -> None:
    client = Client(port)
    with running("serve", env=configured) as process:
        wait_for(is_up(client))
        assert client.ask("POST", "/api/rules", RULE).status == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert lines[0] == f"info serving url=http://127.0.0.1:{port} paper=true"
    assert "rule_created" in lines[1]
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/health")


def test_control_c_ends_it_as_well(configured: dict[str, str], port: int) -> None:
    with running("serve", "--port", str(port), env=configured) as process:
        wait_for(is_up(Client(port)))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_port_that_is_taken_is_said(configured: dict[str, str], port: int, tm: TM) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = tm("serve")
    assert done.code == 75
    assert done.error["code"] == "port_taken"
    assert str(port) in done.error["error"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7"])
def test_nobody_else_is_let_in_by_accident(configured: dict[str, str], address: str, tm: TM) -> None:
    done = tm("serve", TM_HTTP_BIND_ADDRESS=address)
    assert done.code == 78
    assert done.error["code"] == "config_invalid"


def test_an_address_of_another_machine_cannot_be_listened_on(configured: dict[str, str], tm: TM) -> None:
    done = tm("serve", TM_HTTP_BIND_ADDRESS="192.0.2.7", TM_API_TOKEN="t")
    assert done.code == 78
    assert "192.0.2.7" in done.error["error"]


@contextmanager
def lent(env: dict[str, str], listening: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """`tm serve` with a listening socket as file descriptor 3, as systemd starts it."""
    code = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
        "os.environ['LISTEN_FDS'] = '1'; os.execv(sys.executable, [sys.executable, '-m', 'tm', 'serve'])"
    )
    command = [sys.executable, "-c", code, str(listening.fileno())]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, text=True, pass_fds=[listening.fileno(), 3]
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_on_a_socket_of_systemds_it_leaves_when_idle_and_the_next_one_serves_on(
    configured: dict[str, str],
) -> None:
    env = {**configured, "TM_SERVE_IDLE_SECONDS": "1"}
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        client = Client(listening.getsockname()[1])
        for _ in range(2):
            with lent(env, listening) as process:
                assert client.ask("GET", "/health").status == 200  # also by the port that systemd chose
                assert process.wait(30) == 0
        # Who asks while nobody is there waits for the next one.
        with socket.create_connection(listening.getsockname(), timeout=30) as waiting:
            waiting.sendall(f"GET /health HTTP/1.0\r\nHost: 127.0.0.1:{client.port}\r\n\r\n".encode())
            with lent(env, listening):
                assert waiting.recv(65536).startswith(b"HTTP/1.0 200 OK")


def test_an_idle_server_of_our_own_stays(configured: dict[str, str], port: int) -> None:
    with running("serve", env={**configured, "TM_SERVE_IDLE_SECONDS": "1"}) as process:
        wait_for(is_up(Client(port)))
        time.sleep(2.5)
        assert process.poll() is None


def test_sockets_meant_for_another_process_are_not_taken(configured: dict[str, str], port: int) -> None:
    with running("serve", env={**configured, "LISTEN_PID": "1", "LISTEN_FDS": "1"}):
        wait_for(is_up(Client(port)))


def test_a_socket_of_systemds_at_another_address_is_refused(configured: dict[str, str]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening, lent(configured, listening) as process:
        assert process.wait(30) == 78
        assert process.stderr is not None
        assert "httpBindAddress" in process.stderr.read()


# ---- tm run --------------------------------------------------------------------------------------


def test_run_serves_and_ticks_and_sells_at_once_what_an_alert_orders(
    configured: dict[str, str], state: Path, port: int
) -> None:
    """The next tick by the clock is a minute away: what happens, happens by the kick."""
    client = Client(port)
    with running("run", env=configured) as process:
        wait_for(is_up(client))
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        alert = client.ask("POST", "/api/alerts", ALERT, token=SECRET).json["id"]
        wait_for(lambda: client.ask("GET", f"/api/executions?alertId={alert}").json)
        assert not (state / "trade-manager.kick").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_start_is_run_and_heeds_the_kick_of_the_command_line(
    configured: dict[str, str], state: Path, port: int, tm: TM
) -> None:
    client = Client(port)
    with running("start", env=configured) as process:
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        made = tm("alert", "add", "--source", "s", "--type", "t", "--mode", "WAKE_AGENT", "--key", "k")
        assert made.code == 0
        wait_for(lambda: client.ask("GET", f"/api/alerts/{made.json['id']}").json["status"] == "PROCESSED")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_running_tick_is_finished_before_it_ends(configured: dict[str, str], port: int, tm: TM) -> None:
    """Ctrl-C at a terminal reaches every process of the foreground; the tick is none of them."""
    paper = PaperControl(configured["_paper"])
    client = Client(port)
    with running("run", env=configured, start_new_session=True) as process:
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        paper.fault(Fault("bet", "delay", seconds=2.0))
        client.ask("POST", "/api/alerts", ALERT, token=SECRET)
        wait_for(lambda: client.ask("GET", "/api/executions").json)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    (sold,) = tm("execution", "list").json
    assert sold["outcome"] in ("matched", "filled")  # the tick heard the answer, and wrote it down
    assert len(paper.orders(source="api", token="111")) == 1


def test_a_tick_that_another_one_holds_off_is_tried_again(
    configured: dict[str, str], state: Path, port: int
) -> None:
    client = Client(port)
    with running("run", env=configured):
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        with tick_lock(state):
            alert = client.ask("POST", "/api/alerts", ALERT, token=SECRET).json["id"]
            time.sleep(1)
            assert client.ask("GET", "/api/executions").json == []
        wait_for(lambda: client.ask("GET", f"/api/executions?alertId={alert}").json)


def test_a_configuration_that_breaks_is_said_once_and_does_not_end_it(
    configured: dict[str, str], state: Path, port: int
) -> None:
    client = Client(port)
    with running("run", env=configured) as process:
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        config = state / "trade-manager.json"
        good = config.read_text()
        config.write_text("{")
        (state / "trade-manager.kick").touch()
        wait_for(lambda: not (state / "trade-manager.kick").exists())
        config.write_text(good)
        assert client.ask("GET", "/health").status == 200
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert process.stderr is not None
        said = [line for line in process.stderr.read().splitlines() if "tick_failed" in line]
    assert said == ["warning tick_failed exitCode=78"]
