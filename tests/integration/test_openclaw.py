"""Waking the agent: over real sockets, and by a real program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rawserver import (
    Step,
    drop,
    hang,
    refused_port,
    reset,
    response,
    say_and_close,
    serving,
    trickle,
)

from tm import points
from tm.agent import openclaw
from tm.agent.openclaw import WakeAnswer, wake

TOKEN = "hooks-token-0123456789"
QUEUED = response(200, {"ok": True, "mode": "now", "eventOutcome": "queued"})


def tell(url: str | None, token: str | None = TOKEN, text: str = "Sold 10 shares.") -> WakeAnswer:
    return wake(url, token, job_id="c123", text=text, event="ACTION_EXECUTED", alert_id=None, rule_id="cr1")


def told(path: str, **changes: Any) -> tuple[WakeAnswer, dict[str, str], dict[str, Any]]:
    with serving(QUEUED) as server:
        answer = tell(server.url + path, **changes)
    line, headers, body = server.requests[0]
    assert line == f"POST {path} HTTP/1.1"
    return answer, headers, json.loads(body)


def test_the_wake_hook_gets_its_body() -> None:
    answer, headers, body = told("/hooks/wake")
    assert answer == WakeAnswer(True, False, "the gateway accepted it (200)", None)
    assert body == {"text": "Sold 10 shares. [tm-c123]", "mode": "now"}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["idempotency-key"] == "tm-c123"
    assert headers["content-type"] == "application/json"


def test_the_agent_hook_gets_its_body() -> None:
    _, _, body = told("/hooks/agent")
    assert body == {
        "message": "Sold 10 shares. [tm-c123]",
        "name": "TradeManager",
        "deliver": True,
        "wakeMode": "now",
    }


@pytest.mark.parametrize("path", ["/hooks/trade-manager", "/", "/x/wake/y", "/hooks/agents?wake"])
def test_any_other_hook_gets_all_fields(path: str) -> None:
    _, _, body = told(path)
    assert body == {
        "correlationId": "tm-c123",
        "event": "ACTION_EXECUTED",
        "text": "Sold 10 shares. [tm-c123]",
        "message": "Sold 10 shares. [tm-c123]",
        "alertId": None,
        "ruleId": "cr1",
    }


def test_a_text_that_holds_the_correlation_id_is_sent_as_it_is() -> None:
    _, _, body = told("/hooks/wake", text="tm-c123: sold\ud800 ü")
    assert body["text"] == "tm-c123: sold\ud800 ü"


def test_without_a_token_no_authorization_is_sent() -> None:
    _, headers, _ = told("/hooks/wake", token=None)
    assert "authorization" not in headers


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_accepted_whatever_its_body(status: int) -> None:
    with serving(response(status, "" if status == 204 else "<html>")) as server:
        assert tell(server.url).delivered


def test_an_accepting_answer_that_breaks_off_or_runs_over_is_accepted() -> None:
    for answer in (
        say_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        response(200, b"x" * 200_000),
    ):
        with serving(answer) as server:
            assert tell(server.url).delivered


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 103])
def test_passing_trouble_is_worth_another_try(status: int) -> None:
    with serving(response(status, "busy", ["Retry-After: 7"])) as server:
        answer = tell(server.url)
        assert len(server.requests) == 1
    assert (answer.delivered, answer.retry, answer.retry_after) == (False, True, 7.0)
    assert str(status) in answer.reason


@pytest.mark.parametrize("trouble", [drop(), reset(), say_and_close(b"garbage\r\n\r\n")])
def test_no_answer_is_worth_another_try(trouble: Step) -> None:
    with serving(trouble) as server:
        answer = tell(server.url)
        assert len(server.requests) == 1
    assert (answer.delivered, answer.retry) == (False, True)


def test_nobody_there_is_worth_another_try() -> None:
    answer = tell(f"http://127.0.0.1:{refused_port()}/hooks/wake")
    assert answer == WakeAnswer(False, True, "the gateway: no connection: Connection refused", None)


@pytest.mark.parametrize("silence", [hang(), trickle(QUEUED)])
def test_silence_is_worth_another_try_and_ends(silence: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openclaw, "_READ_SECONDS", 0.3)
    with serving(silence) as server:
        answer = tell(server.url)
    assert (answer.delivered, answer.retry) == (False, True)
    assert "no answer within" in answer.reason


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"ok": False, "error": "text required"}, "the gateway answered 400: text required"),
        (400, {"error": {"message": "mode?"}}, "the gateway answered 400: mode?"),
        (401, "Unauthorized", "the gateway answered 401: Unauthorized (agentWakeToken must be"),
        (403, "Forbidden", "the gateway answered 403: Forbidden (agentWakeToken must be"),
        (404, "Not Found", "the gateway answered 404: Not Found (agentWakeUrl should be like"),
        (405, "Method\nNot\x07 Allowed", "the gateway answered 405: Method Not Allowed"),
        (413, "Payload Too Large", "the gateway answered 413: Payload Too Large"),
        (418, b"\xff", "the gateway answered 418: "),
        (422, "", "the gateway answered 422"),
    ],
)
def test_a_refusal_is_final_with_the_gateways_words(status: int, body: Any, words: str) -> None:
    with serving(response(status, body)) as server:
        answer = tell(server.url)
    assert (answer.delivered, answer.retry) == (False, False)
    assert answer.reason.startswith(words)


def test_a_redirect_is_final_and_not_followed() -> None:
    with serving(QUEUED) as elsewhere:
        with serving(response(307, b"", [f"Location: {elsewhere.url}"])) as server:
            answer = tell(server.url)
        assert elsewhere.requests == []
    assert (answer.delivered, answer.retry) == (False, False)
    assert "redirect" in answer.reason


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert told("/hooks/wake")[0].delivered


def test_the_token_is_never_shown() -> None:
    with serving(response(401, f"no such token {TOKEN}")) as server:
        assert TOKEN not in repr(tell(server.url))
    answers = [tell("http://me:secret-pw@127.0.0.1:1"), tell("http://127.0.0.1:1", "bad\ntoken-secret-pw")]
    for answer in answers:
        assert (answer.delivered, answer.retry) == (False, False)
        assert "secret-pw" not in repr(answer)


@pytest.mark.parametrize("url", [None, ""])
def test_without_a_url_the_reason_names_the_setting(url: str | None) -> None:
    assert tell(url) == WakeAnswer(False, False, "agentWakeUrl is not configured", None)


def test_an_unusable_url_is_final() -> None:
    answer = tell("localhost:18789/hooks/wake")
    assert (answer.retry, answer.reason.startswith("agentWakeUrl is not a URL")) == (False, True)


def test_a_wake_passes_a_point_before_and_after() -> None:
    passed: list[str] = []
    points.set_hook(passed.append)
    try:
        told("/hooks/wake")
    finally:
        points.set_hook(None)
    assert passed == ["agent.wake.before", "agent.wake.after"]


# ---- cli: ----------------------------------------------------------------------------------------


def program(tmp_path: Path, code: str) -> str:
    """Given Python code, return an executable that runs it."""
    path = tmp_path / "openclaw"
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)
    return str(path)


def test_the_command_line_queues_the_text(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    path = program(tmp_path, f"import sys, json; open({str(seen)!r}, 'w').write(json.dumps(sys.argv[1:]))")
    answer = tell(f"cli:{path}", text="Sold\x00 10\nRun: tm alert show c1")
    assert answer == WakeAnswer(True, False, f"{path} queued it", None)
    text = "Sold  10\nRun: tm alert show c1 [tm-c123]"
    assert json.loads(seen.read_text()) == ["system", "event", "--text", text, "--mode", "now", "--json"]


def test_the_bare_form_finds_openclaw_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "pass")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tell("cli:").delivered


def test_a_command_that_fails_is_worth_another_try_and_tells_its_words(tmp_path: Path) -> None:
    path = program(tmp_path, "import sys; sys.exit('gateway closed\\n(1006)')")
    assert tell(f"cli:{path}") == WakeAnswer(False, True, f"{path} ended with 1: gateway closed (1006)", None)


def test_a_command_that_does_not_end_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openclaw, "_CLI_SECONDS", 0.5)
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    answer = tell(f"cli:{program(tmp_path, code)}")
    assert (answer.delivered, answer.retry) == (False, True)
    assert "did not end within 0.5 s" in answer.reason


def test_a_command_that_is_not_there_is_final(tmp_path: Path) -> None:
    answer = tell(f"cli:{tmp_path / 'nowhere'}")
    assert (answer.delivered, answer.retry) == (False, False)
    assert "No such file" in answer.reason
