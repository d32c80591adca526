"""Alerts over HTTP: once, however often and however they are handed in, and whatever dies meanwhile."""

import http.client
import os
import signal
import socket
import threading
import time

import pytest

from tests.bridge import ALERT, SECRET, Bridge, Client, parsed, read_all
from tm import points
from tm.http.app import App
from tm.http.connection import Listener


@pytest.fixture
def settings(world):
    world.configure(alertsSharedSecret=SECRET)
    return world.settings


def test_the_same_alert_fifty_times_at_once_is_one_alert(settings, world) -> None:
    answers, start = [], threading.Barrier(8)

    def send(times: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=60)
        start.wait()
        for _ in range(times):
            answers.append(bridge.ask("POST", "/api/alerts", ALERT, token=SECRET, connection=connection))
        connection.close()

    with Bridge(settings, clock=world.now) as bridge:
        senders = [threading.Thread(target=send, args=(7 if number < 2 else 6,)) for number in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(120)
        (alert,) = bridge.ask("GET", "/api/alerts").json
        (job,) = bridge.ask("GET", "/api/jobs").json
    assert [answer.status for answer in answers] == [202] * 50
    assert {answer.json["id"] for answer in answers} == {alert["id"]} == {job["alertId"]}
    assert [answer.headers.get("idempotency-replayed") for answer in answers].count("true") == 49


def served_in_a_child(settings, listening, die_at=None) -> int:
    """Serve in a forked process that is SIGKILLed when it passes a point; return its process id."""

    def die(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            points.set_hook(die)
            app = App(settings, listening.getsockname()[1])
            Listener(app, listening, lent=False, at_thread_end=app.close_thread).serve()
        finally:
            os._exit(0)
    return child


def killed_while_asked(settings, listening, client, point) -> bool:
    """Hand in the alert to a child that dies at the point; say whether it did, and no answer came.

    A fork takes along the locks that other threads of the test hold in that moment. A child that hangs for
    one has done nothing yet, and is replaced.
    """
    for _ in range(3):
        child = served_in_a_child(settings, listening, point)
        try:
            client.ask("POST", "/api/alerts", ALERT, token=SECRET)
            return False
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ConnectionError, http.client.HTTPException):
            return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    return False


@pytest.mark.parametrize(
    ("point", "known"), [("alert.ingest.before_commit", 0), ("alert.ingest.after_commit", 1)]
)
def test_an_alert_handed_in_again_after_a_kill_is_the_same_alert(settings, world, point, known) -> None:
    """kill -9 between the commit and the answer: the sender, who heard nothing, tries again."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    client = Client(listening.getsockname()[1])
    assert killed_while_asked(settings, listening, client, point)
    assert len(world.jobs()) == known
    child = served_in_a_child(settings, listening)
    retried = client.ask("POST", "/api/alerts", ALERT, token=SECRET)
    (alert,) = client.ask("GET", "/api/alerts").json
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    listening.close()
    assert (retried.status, retried.json["id"]) == (202, alert["id"])
    assert ("idempotency-replayed" in retried.headers) == bool(known)
    assert len(world.jobs()) == 1
    assert (world.state_dir / "trade-manager.kick").exists()


def test_nothing_fails_while_a_tick_holds_the_database(settings, world) -> None:
    over = threading.Event()

    def hold() -> None:
        with world.store() as store:
            while not over.is_set():
                with store.write("test.hold") as conn:
                    conn.execute("INSERT OR REPLACE INTO config VALUES ('held', '1')")
                    time.sleep(0.05)
                time.sleep(0.01)

    holder = threading.Thread(target=hold)
    with Bridge(settings, clock=world.now) as bridge:
        holder.start()
        for number in range(20):
            assert bridge.ask("GET", "/api/rules").status == 200
            alert = {**ALERT, "idempotencyKey": f"k{number}"}
            assert bridge.ask("POST", "/api/alerts", alert, token=SECRET).status == 202
        over.set()
        holder.join(30)
    assert len(world.jobs()) == 20


def test_what_was_asked_before_the_end_is_answered(settings, world) -> None:
    """SIGTERM, as systemd and Docker send it, ends the server but no request."""
    with Bridge(settings, clock=world.now) as bridge:
        answers = []
        with world.store() as store, store.write("test.hold"):
            asking = threading.Thread(
                target=lambda: answers.append(bridge.ask("POST", "/api/alerts", ALERT, token=SECRET))
            )
            asking.start()
            while not any(channel.requests for channel in list(bridge.server.active_channels.values())):
                pass
            bridge.server.stop()
        asking.join(60)
    assert [answer.status for answer in answers] == [202]
    with pytest.raises(ConnectionRefusedError):
        bridge.ask("GET", "/health")


def test_what_was_half_asked_before_the_end_is_answered(settings) -> None:
    bridge = Bridge(settings)
    with socket.create_connection(("127.0.0.1", bridge.port), timeout=30) as asking:
        asking.sendall(b"GET /health HTTP/1.1\r\n")
        while not any(channel.request for channel in list(bridge.server.active_channels.values())):
            pass
        bridge.server.stop()
        while bridge.server.socket is not None:  # it takes nobody new any more
            pass
        asking.sendall(f"Host: 127.0.0.1:{bridge.port}\r\n\r\n".encode())
        answer = parsed(read_all(asking))
    bridge.close()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
