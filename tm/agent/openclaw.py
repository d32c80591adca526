"""Waking the agent through the OpenClaw gateway: by its hooks, or by its command line (`cli:`).

At least once, with the same correlation id (`tm-<jobId>`) in the text and as Idempotency-Key each time.
Observed on a gateway of version 2026.9.6: fields it does not know are dropped, so the id is in the text.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tm.points import point
from tm.reply import NoReply, Reply, one_line, parse_json
from tm.times import utc_now

_READ_SECONDS = 20.0
_CAP = 64 * 1024  # bytes of an answer
_CLI_SECONDS = 30.0  # `openclaw system event` takes 2 to 6
_TRY_AGAIN = frozenset({408, 409, 425, 429})  # and every 5xx
_HINTS = {
    401: "agentWakeToken must be the gateway's hooks.token",
    403: "agentWakeToken must be the gateway's hooks.token",
    404: "agentWakeUrl should be like http://127.0.0.1:18789/hooks/wake",
    405: "agentWakeUrl should be like http://127.0.0.1:18789/hooks/wake",
}


@dataclass(frozen=True, slots=True)
class WakeAnswer:
    """Delivered, or not and to be tried again (`retry`), or not and for good. `reason` is for people."""

    delivered: bool
    retry: bool
    reason: str
    retry_after: float | None = None  # seconds


def wake(
    url: str | None,
    token: str | None,
    *,
    job_id: str,
    text: str,
    event: str,
    alert_id: str | None,
    rule_id: str | None,
) -> WakeAnswer:
    """Given what happened and where the agent listens, tell it once and return what the gateway made of it.

    `text`: what happened on one line, then what to run. Never raises for the gateway's trouble.
    """
    if not url:
        return _final("agentWakeUrl is not configured")
    correlation = f"tm-{job_id}"
    told = text if correlation in text else f"{text} [{correlation}]"
    point("agent.wake.before")
    if url.startswith("cli:"):
        answer = _by_command(url.removeprefix("cli:") or "openclaw", told)
    else:
        fields = {"event": event, "alertId": alert_id, "ruleId": rule_id}
        answer = _by_hook(url, token, correlation, body(url, correlation, told, fields))
    point("agent.wake.after")
    return answer


def body(url: str, correlation: str, text: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Given the URL, return the body that its hook takes: the path's last part tells which one it is."""
    hook = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    if hook == "wake":
        return {"text": text, "mode": "now"}
    if hook == "agent":
        return {"message": text, "name": "TradeManager", "deliver": True, "wakeMode": "now"}
    return {"correlationId": correlation, "text": text, "message": text, **fields}


def _by_hook(url: str, token: str | None, correlation: str, content: dict[str, Any]) -> WakeAnswer:
    from tm.transport import CONNECT_SECONDS, Line, bearer, checked_url

    headers = {"Content-Type": "application/json", "Idempotency-Key": correlation, "Connection": "close"}
    try:
        checked_url(url)
    except ValueError as trouble:
        return _final(f"agentWakeUrl {trouble}")
    try:
        headers |= bearer(token) if token else {}
    except ValueError as trouble:
        return _final(f"agentWakeToken {trouble}")
    with Line(secret=token) as line:
        reply = line.send(
            "POST",
            url,
            headers=headers,
            body=json.dumps(content),
            read=_READ_SECONDS,
            total=_READ_SECONDS + CONNECT_SECONDS,
            cap=_CAP,
        )
    if isinstance(reply, NoReply):
        return WakeAnswer(False, True, f"the gateway: {reply.words}")
    return judged(reply)


def judged(reply: Reply) -> WakeAnswer:
    """Given the gateway's answer, say whether it is delivered, worth another try, or final."""
    status = reply.status
    if 200 <= status < 300:
        return WakeAnswer(True, False, f"the gateway accepted it ({status})")
    words = _words(reply)
    said = f"the gateway answered {status}" + (f": {words}" if words else "")
    if status in _TRY_AGAIN or status >= 500 or status < 200:
        return WakeAnswer(False, True, said, reply.retry_after(utc_now()))
    if status < 400:
        return _final(f"{said} (a redirect, which is not followed; set agentWakeUrl to the final address)")
    return _final(f"{said} ({_HINTS[status]})" if status in _HINTS else said)


def _words(reply: Reply) -> str:
    """What the gateway said on one line: the error in its JSON, or its plain text."""
    try:
        said = parse_json(reply.body)
    except ValueError:
        return one_line(reply.text())
    error = said.get("error", said.get("message")) if isinstance(said, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return one_line(error) if isinstance(error, str) else one_line(reply.text())


def _by_command(program: str, text: str) -> WakeAnswer:
    clean = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    command = [program, "system", "event", "--text", clean, "--mode", "now", "--json"]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts ends with it when its time is over
        )
    except OSError as trouble:
        return _final(
            f"{program} cannot be run: {trouble.strerror}; agentWakeUrl may be cli:/path/to/openclaw"
        )
    with process:
        try:
            output, _ = process.communicate(timeout=_CLI_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return WakeAnswer(False, True, f"{program} did not end within {_CLI_SECONDS:g} s")
    words = one_line(output[:_CAP].decode("utf-8", "replace"))
    if process.returncode == 0:
        return WakeAnswer(True, False, f"{program} queued it")
    return WakeAnswer(
        False, True, f"{program} ended with {process.returncode}" + (f": {words}" if words else "")
    )


def _final(reason: str) -> WakeAnswer:
    return WakeAnswer(delivered=False, retry=False, reason=reason)
