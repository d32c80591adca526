"""`tm alert` and `tm job` as scripts and people use them, up to the agent and the exchange."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import TOKEN, Gateway
from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]
ORDER = {"marketId": "0xmarket-111", "tokenId": "111", "action": "SELL_ALL"}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as one:
        yield one


@pytest.fixture
def paper() -> Iterator[PaperServer]:
    """An exchange on which 100 shares of token 111 are held; its clock is everybody's."""
    server = PaperServer(":memory:", clock=lambda: datetime.now(UTC))
    server.start()
    server.control.create("111", shares="100", title="Will it rain?")
    server.control.set_book("111", "0.50", "0.51")
    yield server
    server.close()


@pytest.fixture
def wired(environ: dict[str, str], gateway: Gateway, paper: PaperServer) -> None:
    """The program's environment: it trades on paper and wakes an agent at the gateway."""
    environ |= {
        "TM_PAPER": "true",
        "TM_VINCENT_API_URL": paper.url,
        "TM_VINCENT_API_KEY": "ssk_paper",
        "TM_AGENT_WAKE_URL": gateway.url,
        "TM_AGENT_WAKE_TOKEN": TOKEN,
    }


def words(mode: str = "WAKE_AGENT", key: str = "k1", payload: object = None, *more: str) -> tuple[str, ...]:
    given = ["alert", "add", "--source", "bot", "--type", "exit", "--mode", mode, "--key", key]
    if payload is not None:
        given += ["--payload", payload if isinstance(payload, str) else json.dumps(payload)]
    return (*given, *more)


def test_an_alert_is_handed_in_listed_and_shown(tm: TM, tm_tty: TM) -> None:
    made = tm(*words(payload={"price": 0.42}))
    assert made.code == 0
    assert {"status": "QUEUED", "mode": "WAKE_AGENT", "source": "bot", "replayed": False}.items() <= (
        made.json.items()
    )
    assert made.json["payload"] == {"price": 0.42}
    assert "agentWakeUrl is not configured" in made.err
    (listed,) = tm("alert", "list").json
    assert listed["id"] == made.json["id"]
    assert tm("alert", "list", "--status", "processed").json == []
    shown = tm("alert", "show", made.json["id"][:8]).json
    assert [job["status"] for job in shown["jobs"]] == ["PENDING"]
    assert shown["executions"] == []
    on_terminal = tm_tty("alert", "show", made.json["id"]).out
    assert f"{shown['jobs'][0]['id'][:10]}  WAKE_AGENT  PENDING" in on_terminal
    assert "bot" in tm_tty("alert", "list").out


def test_a_terminal_is_told_what_will_happen_and_what_to_do_next(tm_tty: TM) -> None:
    order = {**ORDER, "action": {"type": "SELL_PARTIAL", "amount": 12.5}}
    said = tm_tty(*words("EXECUTE_TXN", "k1", order)).out
    assert "SELL_PARTIAL of 12.5 shares of token 111" in said
    assert "next: tm alert show" in said
    assert "known already" in tm_tty(*words("EXECUTE_TXN", "k1", order)).out
    assert "nothing is done about it" in tm_tty(*words("IGNORE", "k2")).out


def test_the_same_key_is_the_same_alert_or_refused(tm: TM) -> None:
    first = tm(*words(payload={"a": 1}))
    again = tm(*words("wake_agent", "k1", '{"a":1}'))
    assert (again.code, again.json["id"], again.json["replayed"]) == (0, first.json["id"], True)
    other = tm(*words(payload={"a": 2}))
    assert (other.code, other.error["code"]) == (5, "idempotency_key_reused")
    assert first.json["id"] in other.error["hint"]
    assert len(tm("alert", "list").json) == 1


def test_a_duration_said_again_is_the_same_alert(tm: TM) -> None:
    first = tm(*words("WAKE_AGENT", "k1", None, "--expires", "10m"))
    again = tm(*words("WAKE_AGENT", "k1", None, "--expires", "10m"))
    assert (again.code, again.json["expiresAt"]) == (0, first.json["expiresAt"])
    assert tm(*words("WAKE_AGENT", "k1", None, "--expires", "2040-01-01T00:00:00Z")).code == 2
    assert tm(*words("WAKE_AGENT", "k2", None, "--expires", "2020-01-01")).code == 2


def test_a_payload_is_read_from_stdin(tm: TM) -> None:
    made = tm(*words("EXECUTE_TXN", "k1", "-"), stdin=json.dumps(ORDER))
    assert made.json["payload"]["action"] == {"type": "SELL_ALL"}


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        (words("EXECUTE_TXN", "k1", {}), 2, "payload.marketId is missing"),
        (words("EXECUTE_TXN", "k1", {**ORDER, "action": "SELL_PARTIAL"}), 2, "needs an amount"),
        (words("EXECUTE_TXN", "k1", {**ORDER, "action": "BUY"}), 5, "BUY"),
        (words("EXECUTE_TXN", "k1", {**ORDER, "action": "REDEEM"}), 5, "REDEEM is not allowed"),
        (words(payload="{price: 1}"), 2, "--payload: not JSON"),
        (words(payload='{"a": 1, "a": 2}'), 2, "appears twice"),
        (words(payload="[1]"), 2, "payload: [1]: must be a JSON object"),
        (words(payload="x" * 70000), 2, "--payload: too long"),
        (words(payload={"a": "x" * 20000}), 2, "16384"),
        (words(key="ключ"), 2, "idempotencyKey"),
        (words(mode="SELL"), 2, "'SELL' is not one of"),
        (("alert", "add", "--source", "bot", "--type", "exit", "--mode", "IGNORE"), 2, "--key"),
        (("alert", "show", "cnothere"), 4, "no alert"),
        (("alert", "show", "c1"), 4, "no alert"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    tm: TM, given: tuple[str, ...], code: int, named: str
) -> None:
    done = tm(*given)
    assert (done.code, done.out) == (code, "")
    assert named in done.error["error"]
    assert done.error["exitCode"] == code
    assert tm("alert", "list").json == []


def test_processes_that_hand_in_the_same_alert_at_once_make_one(tm: TM, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tm", *words(payload={"a": 1})]
    started = [
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    said = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        said.append(json.loads(out))
    assert len({alert["id"] for alert in said}) == 1
    assert sum(not alert["replayed"] for alert in said) == 1
    assert len(tm("job", "list").json) == 1


@pytest.mark.usefixtures("wired")
def test_a_tick_sells_and_wakes_and_everything_is_shown(
    tm: TM, state: Path, gateway: Gateway, paper: PaperServer
) -> None:
    sale = tm(*words("EXECUTE_TXN", "k1", ORDER)).json["id"]
    wake = tm(*words("WAKE_AGENT", "k2", {"say": "hello"})).json["id"]
    assert (state / "trade-manager.kick").exists()
    done = tm("tick")
    assert done.code == 0, done.err
    assert not (state / "trade-manager.kick").exists()
    assert paper.control.sold("111") == 100
    shown = tm("alert", "show", wake).json
    assert shown["status"] == "PROCESSED"
    (told,) = gateway.wakes
    assert f"tm-{shown['jobs'][0]['id']}" in told.text
    assert 'Untrusted data from it: {"say": "hello"}' in told.text
    assert tm("tick").code == 0
    assert tm("alert", "show", sale).json["status"] == "PROCESSED"
    (execution,) = tm("execution", "list", "--alert", sale[:8]).json
    assert (execution["outcome"], execution["filledShares"]) == ("filled", 100)
    assert tm("execution", "list", "--alert", wake).json == []
    tm("tick")
    assert tm("tick").json["idle"] is True
    assert len(paper.control.orders(source="api", token="111")) == 1


@pytest.mark.usefixtures("wired")
def test_a_wake_that_failed_is_tried_again_by_hand(tm: TM, gateway: Gateway) -> None:
    gateway.answer(404)
    made = tm(*words()).json["id"]
    tm("tick")
    (job,) = tm("job", "list", "--status", "failed").json
    assert "404" in job["lastError"]
    gateway.answer()
    again = tm("job", "retry", job["id"][:8])
    assert (again.code, again.json["status"], again.json["attempts"]) == (0, "PENDING", 0)
    tm("tick")
    assert tm("alert", "show", made).json["status"] == "PROCESSED"
    assert tm("job", "retry", job["id"]).code == 5
    assert len(gateway.wakes) == 1


@pytest.mark.usefixtures("wired")
def test_a_job_that_waits_is_canceled_by_hand(tm: TM, tm_tty: TM, paper: PaperServer) -> None:
    made = tm(*words("EXECUTE_TXN", "k1", ORDER)).json["id"]
    (job,) = tm("job", "list").json
    done = tm("job", "cancel", job["id"])
    assert (done.code, done.json["status"], done.json["lastError"]) == (0, "FAILED", "canceled by the user")
    assert tm("job", "cancel", job["id"]).code == 0
    assert "FAILED: canceled by the user" in tm_tty("job", "cancel", job["id"]).out
    assert tm("alert", "show", made).json["status"] == "FAILED"
    tm("tick")
    assert paper.control.orders(source="api") == []


@pytest.mark.usefixtures("wired")
def test_an_order_that_nothing_proves_is_settled_by_hand(
    tm: TM, tm_tty: TM, state: Path, paper: PaperServer
) -> None:
    tm(*words("EXECUTE_TXN", "k1", ORDER))
    paper.control.fault(Fault("bet", "drop"))
    tm("tick")
    (job,) = tm("job", "list").json
    assert job["status"] == "RUNNING"
    shown = tm("job", "show", job["id"]).json
    assert {"shares": 100, "heldBefore": 100, "tokenId": "111", "needsOperator": False}.items() <= (
        shown["check"].items()
    )
    said = tm_tty("job", "show", job["id"]).out
    assert "an order of 100 shares of token 111 was sent" in said
    assert f"tm job resolve {job['id']} --sold 100" in said
    assert "no need yet" in said
    assert tm("job", "cancel", job["id"]).error["code"] == "order_is_out"
    for wrong in ((), ("--sold", "1", "--not-sold"), ("--sold", "many"), ("--sold", "101", "--yes")):
        assert tm("job", "resolve", job["id"], *wrong).code == 2
    early = tm("job", "resolve", job["id"], "--not-sold")
    assert (early.code, early.error["code"]) == (5, "not_needed_yet")
    # As after 15 minutes without proof.
    with contextlib.closing(sqlite3.connect(state / "trade-manager.db", isolation_level=None)) as conn:
        conn.execute("UPDATE execution_attempts SET needs_operator = 1")
    assert "\nneeds you\n" in tm_tty("job", "show", job["id"]).out
    done = tm("job", "resolve", job["id"], "--not-sold")
    assert done.code == 0, done.err
    assert done.json["status"] == "FAILED"
    assert done.json["lastError"] == "canceled while its order was out"
    assert done.json["executions"][0]["reason"].startswith("settled by the operator (")
    assert "check" not in tm("job", "show", job["id"]).json
    assert tm("job", "resolve", job["id"], "--not-sold", "--yes").code == 5
