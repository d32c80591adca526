"""`tm doctor`: what it finds, what it advises, and that it wakes nobody and changes nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tm.engine import files
from tm.store import state as facts
from tm.store.db import open_store
from tm.times import utc_now

TM = Callable[..., Any]
BALANCE = {
    "success": True,
    "data": {"walletAddress": "0xabc", "collateral": {"balance": "12.5", "allowance": "0"}},
}


@dataclass
class Outside:
    """Vincent and a gateway on one port: what they are to answer, and what they were asked."""

    port: int = 0
    vincent_status: int = 200
    hook_token: str = "hook-secret"
    date: str | None = None
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wakes(self) -> list[tuple[str, str, bytes]]:
        return [call for call in self.asked if call[1].startswith("/hooks/") and b"text" in call[2]]


@pytest.fixture
def outside() -> Iterator[Outside]:
    given = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.asked.append(("GET", self.path, b""))
            if self.path == "/api/skills/polymarket/balance":
                refused = {"success": False, "error": {"code": "UNAUTHORIZED", "message": "no such key"}}
                self.answer(given.vincent_status, BALANCE if given.vincent_status == 200 else refused)
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            given.asked.append(("POST", self.path, body))
            if self.headers["Authorization"] != f"Bearer {given.hook_token}":
                self.answer(401, {"error": "Unauthorized"})
            elif self.path not in ("/hooks/wake", "/hooks/agent"):
                self.answer(404, {"error": "Not Found"})
            else:
                told = "text" in json.loads(body) or "message" in json.loads(body)
                self.answer(200 if told else 400, {"ok": told})

        def date_time_string(self, timestamp: float | None = None) -> str:
            return given.date or super().date_time_string(timestamp)

        def answer(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    given.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield given
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def configure(state: Path, outside: Outside) -> Callable[..., Path]:
    def write(**values: Any) -> Path:
        state.mkdir(mode=0o700, exist_ok=True)
        path = state / "trade-manager.json"
        content = {
            "vincentApiUrl": outside.url,
            "vincentApiKey": "ssk_of_a_test",
            "agentWakeUrl": f"{outside.url}/hooks/agent",
            "agentWakeToken": outside.hook_token,
            **values,
        }
        path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
        path.chmod(0o600)
        return path

    return write


def by_name(run: Any) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in run.json}


def test_a_healthy_host_is_told_so(tm: TM, configure: Any, outside: Outside, state: Path) -> None:
    configure()
    with open_store(state / "trade-manager.db"):
        files.stamp(state)
    found = by_name(tm("doctor"))
    for name in (
        "config",
        "key",
        "clock",
        "database",
        "sqlite",
        "tick",
        "paused",
        "breaker",
        "rules",
        "orders",
    ):
        assert found[name]["status"] == "ok", found[name]
    for name in ("agent", "disk", "permissions"):
        assert found[name]["status"] == "ok", found[name]
    assert "0xabc, 12.5 USD" in found["key"]["finding"]
    assert [call[:2] for call in outside.asked] == [
        ("GET", "/api/skills/polymarket/balance"),
        ("POST", "/hooks/agent"),
    ]
    assert outside.wakes == []


def test_every_finding_but_ok_says_what_to_do(tm: TM, configure: Any) -> None:
    configure(agentWakeUrl=None, agentWakeToken=None, vincentApiKey=None)
    done = tm("doctor")
    assert done.code == 3
    for finding in done.json:
        assert set(finding) == {"name", "status", "finding", "fix"}
        assert finding["status"] in ("ok", "look", "fault")
        assert (finding["fix"] is None) == (finding["status"] == "ok"), finding
    found = by_name(done)
    assert found["key"]["status"] == "fault"
    assert "agentWakeUrl" in found["agent"]["fix"]


def test_doctor_makes_no_database(tm: TM, configure: Any, state: Path) -> None:
    configure()
    assert by_name(tm("doctor"))["database"]["status"] == "ok"
    assert [path.name for path in state.iterdir()] == ["trade-manager.json"]


def test_a_configuration_that_cannot_be_used_is_the_finding(tm: TM, configure: Any) -> None:
    configure(maxSpred=0.1)
    done = tm("doctor")
    assert done.code == 78
    config = by_name(done)["config"]
    assert (config["status"], config["fix"]) == ("fault", 'did you mean "maxSpread"?')


def test_a_refused_key_is_a_fault_and_is_never_shown(tm: TM, configure: Any, outside: Outside) -> None:
    configure()
    outside.vincent_status = 401
    done = tm("doctor")
    assert by_name(done)["key"]["status"] == "fault"
    assert "ssk_of_a_test" not in done.out + done.err


def test_vincent_out_of_reach_is_a_look_not_a_fault(tm: TM, configure: Any) -> None:
    configure(vincentApiUrl="http://127.0.0.1:1")
    done = tm("doctor")
    assert (done.code, by_name(done)["key"]["status"]) == (3, "look")


def test_a_wrong_clock_is_seen_by_vincents(tm: TM, configure: Any, outside: Outside) -> None:
    configure()
    outside.date = "Sat, 31 Jan 2026 12:00:00 GMT"
    clock = by_name(tm("doctor"))["clock"]
    assert clock["status"] == "fault"
    assert "of Vincent's" in clock["finding"]


def test_a_wrong_hook_token_is_found_without_waking(tm: TM, configure: Any, outside: Outside) -> None:
    configure(agentWakeToken="another")
    agent = by_name(tm("doctor"))["agent"]
    assert agent["status"] == "fault"
    assert "hooks.token" in agent["fix"]
    assert outside.wakes == []


def test_a_mapped_hook_is_not_called(tm: TM, configure: Any, outside: Outside) -> None:
    configure(agentWakeUrl=f"{outside.url}/hooks/trade-manager")
    assert by_name(tm("doctor"))["agent"]["status"] == "ok"
    assert ("POST", "/hooks/wake", b"{}") in outside.asked
    assert all(call[1] != "/hooks/trade-manager" for call in outside.asked)


def test_an_unknown_hook_is_only_read(tm: TM, configure: Any, outside: Outside) -> None:
    configure(agentWakeUrl=f"{outside.url}/api/wake")
    agent = by_name(tm("doctor"))["agent"]
    assert (agent["status"], outside.asked[-1][:2]) == ("fault", ("GET", "/api/wake"))


def test_a_command_that_is_not_there_is_a_fault(tm: TM, configure: Any) -> None:
    configure(agentWakeUrl="cli:/nowhere/openclaw")
    assert by_name(tm("doctor"))["agent"]["status"] == "fault"


def test_pause_and_breaker_are_looked_at(tm: TM, configure: Any, state: Path) -> None:
    configure()
    with open_store(state / "trade-manager.db") as store, store.write("test") as conn:
        facts.put(conn, facts.PAUSED, {"since": utc_now(), "reason": "a holiday", "restored": False})
        facts.put(conn, facts.BREAKER, {"failures": 5, "openUntil": utc_now()})
    found = by_name(tm("doctor"))
    assert (found["paused"]["status"], found["paused"]["fix"]) == ("look", "tm resume")
    assert "a holiday" in found["paused"]["finding"]
    assert found["breaker"]["status"] == "look"


def test_a_damaged_database_is_a_fault_and_stays_as_it_is(tm: TM, configure: Any, state: Path) -> None:
    configure()
    path = state / "trade-manager.db"
    path.write_bytes(b"not a database" * 1000)
    before = path.read_bytes()
    database = by_name(tm("doctor"))["database"]
    assert database["status"] == "fault"
    assert path.read_bytes() == before


def test_a_newer_schema_is_a_fault(tm: TM, configure: Any, state: Path) -> None:
    configure()
    path = state / "trade-manager.db"
    open_store(path).close()
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    database = by_name(tm("doctor"))["database"]
    assert (database["status"], "99" in database["finding"]) == ("fault", True)
    assert "tm update" in database["fix"]


def test_secrets_that_others_can_read_are_named(tm: TM, configure: Any, state: Path) -> None:
    config = configure()
    config.chmod(0o644)
    state.chmod(0o777)
    permissions = by_name(tm("doctor"))["permissions"]
    assert permissions["status"] == "look"
    assert permissions["fix"] == f"chmod 600 {config}; chmod 700 {state}"


def test_on_a_terminal_it_is_a_table(tm_tty: TM, configure: Any) -> None:
    configure()
    out = tm_tty("doctor").out
    assert "CHECK" in out
    assert "agentWakeUrl" not in out
