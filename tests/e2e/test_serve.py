"""`tm serve` and `tm run` as processes: sockets of systemd's, signals, idleness, ticks and kicks."""

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
from tests.e2e.serving import running, wait_for
from tm.engine.files import tick_lock
from tm.venue.paper.faults import Fault

TM = Callable[..., Any]


def is_up(client: Client) -> Callable[[], bool]:
    return lambda: client.ask("GET", "/health").status == 200


def test_serve_answers_until_it_is_told_to_stop(live: dict[str, str], port: int) -> None:
    client = Client(port)
    with running("serve", env=live) as process:
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


def test_control_c_ends_it_as_well(live: dict[str, str], port: int) -> None:
    with running("serve", "--port", str(port), env=live) as process:
        wait_for(is_up(Client(port)))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_port_that_is_taken_is_said(live: dict[str, str], port: int, tm: TM) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = tm("serve")
    assert done.code == 75
    assert done.error["code"] == "port_taken"
    assert str(port) in done.error["error"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7"])
def test_nobody_else_is_let_in_by_accident(live: dict[str, str], address: str, tm: TM) -> None:
    done = tm("serve", TM_HTTP_BIND_ADDRESS=address)
    assert done.code == 78
    assert done.error["code"] == "config_invalid"


def test_an_address_of_another_machine_cannot_be_listened_on(live: dict[str, str], tm: TM) -> None:
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
    live: dict[str, str],
) -> None:
    env = {**live, "TM_SERVE_IDLE_SECONDS": "1"}
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


def test_an_idle_server_of_our_own_stays(live: dict[str, str], port: int) -> None:
    with running("serve", env={**live, "TM_SERVE_IDLE_SECONDS": "1"}) as process:
        wait_for(is_up(Client(port)))
        time.sleep(2.5)
        assert process.poll() is None


def test_sockets_meant_for_another_process_are_not_taken(live: dict[str, str], port: int) -> None:
    with running("serve", env={**live, "LISTEN_PID": "1", "LISTEN_FDS": "1"}):
        wait_for(is_up(Client(port)))


def test_a_socket_of_systemds_at_another_address_is_refused(live: dict[str, str]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening, lent(live, listening) as process:
        assert process.wait(30) == 78
        assert process.stderr is not None
        assert "httpBindAddress" in process.stderr.read()


# ---- tm run --------------------------------------------------------------------------------------


def test_run_serves_and_ticks_and_sells_at_once_what_an_alert_orders(
    live: dict[str, str], state: Path, port: int
) -> None:
    """The next tick by the clock is a minute away: what happens, happens by the kick."""
    client = Client(port)
    with running("run", env=live) as process:
        wait_for(is_up(client))
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        alert = client.ask("POST", "/api/alerts", ALERT, token=SECRET).json["id"]
        wait_for(lambda: client.ask("GET", f"/api/executions?alertId={alert}").json)
        assert not (state / "trade-manager.kick").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_start_is_run_and_heeds_the_kick_of_the_command_line(
    live: dict[str, str], state: Path, port: int, tm: TM
) -> None:
    client = Client(port)
    with running("start", env=live) as process:
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        made = tm("alert", "add", "--source", "s", "--type", "t", "--mode", "WAKE_AGENT", "--key", "k")
        assert made.code == 0
        wait_for(lambda: client.ask("GET", f"/api/alerts/{made.json['id']}").json["status"] == "PROCESSED")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_running_tick_is_finished_before_it_ends(
    live: dict[str, str], port: int, tm: TM, exchange: Any
) -> None:
    """Ctrl-C at a terminal reaches every process of the foreground; the tick is none of them."""
    client = Client(port)
    with running("run", env=live, start_new_session=True) as process:
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        exchange.fault(Fault("bet", "delay", seconds=2.0))
        client.ask("POST", "/api/alerts", ALERT, token=SECRET)
        wait_for(lambda: client.ask("GET", "/api/executions").json)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    (sold,) = tm("execution", "list").json
    assert sold["outcome"] in ("matched", "filled")  # the tick heard the answer, and wrote it down
    assert len(exchange.orders(source="api", token="111")) == 1


def test_a_tick_that_another_one_holds_off_is_tried_again(
    live: dict[str, str], state: Path, port: int
) -> None:
    client = Client(port)
    with running("run", env=live):
        wait_for(lambda: client.ask("GET", "/status").json["running"])
        with tick_lock(state):
            alert = client.ask("POST", "/api/alerts", ALERT, token=SECRET).json["id"]
            time.sleep(1)
            assert client.ask("GET", "/api/executions").json == []
        wait_for(lambda: client.ask("GET", f"/api/executions?alertId={alert}").json)


def test_a_configuration_that_breaks_is_said_once_and_does_not_end_it(
    live: dict[str, str], state: Path, port: int
) -> None:
    client = Client(port)
    with running("run", env=live) as process:
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
