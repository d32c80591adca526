"""The gateway that wakes the agent: does it listen, and does it take our token? It is never woken here."""

from __future__ import annotations

import os
import shutil
from urllib.parse import urlsplit, urlunsplit

from tm.config import Settings
from tm.host.findings import Finding, fault, look, ok
from tm.reply import NoReply, Reply

NAME = "agent"
PROBE_SECONDS = 5.0


def examine(settings: Settings) -> Finding:
    """Given the settings, say whether a wake would arrive."""
    url = settings.agent_wake_url
    if url is None:
        said = (
            "agentWakeUrl is not configured: nobody is told what became of a rule, and WAKE_AGENT alerts fail"
        )
        return look(NAME, said, "set agentWakeUrl, for example to http://127.0.0.1:18789/hooks/wake")
    if url.startswith("cli:"):
        return _program(url.removeprefix("cli:") or "openclaw")
    if settings.agent_wake_token is None:
        return look(NAME, f"no agentWakeToken for {url}", "set it to the gateway's hooks.token")
    return _gateway(url, settings.agent_wake_token.get_secret_value())


def probe_of(url: str) -> tuple[str, str]:
    """Given the wake URL, return the method and URL of a request that can wake nobody.

    A gateway's /hooks/wake and /hooks/agent refuse a body without text, after they have judged the token
    (observed on openclaw 2026.9.6); a mapped hook might take any body, so its neighbour is asked. What
    is behind other paths is not known: GET only.
    """
    parts = urlsplit(url)
    folder, _, hook = parts.path.rstrip("/").rpartition("/")
    if folder.rpartition("/")[2] != "hooks":
        return "GET", url
    safe = hook if hook in ("wake", "agent") else "wake"
    return "POST", urlunsplit((parts.scheme, parts.netloc, f"{folder}/{safe}", "", ""))


def _program(program: str) -> Finding:
    found = shutil.which(os.path.expanduser(program))
    if found is None:
        return fault(NAME, f"{program} is not found on PATH", "set agentWakeUrl to cli:/path/to/openclaw")
    return ok(NAME, f"woken by {found}")


def _gateway(url: str, token: str) -> Finding:
    from tm.transport import Line, bearer, checked_url

    method, target = probe_of(url)
    headers = {"Content-Type": "application/json", "Connection": "close"}
    try:
        checked_url(target)
        headers |= bearer(token)
        with Line(secret=token) as line:
            reply = line.send(
                method,
                target,
                headers=headers,
                body="{}" if method == "POST" else None,
                read=PROBE_SECONDS,
                total=PROBE_SECONDS,
                cap=65536,
            )
    except ValueError as trouble:
        return fault(NAME, f"agentWakeUrl or agentWakeToken {trouble}", "tm config show")
    if isinstance(reply, NoReply):
        return look(
            NAME,
            f"{url}: {reply.words}",
            "is the gateway running? systemctl --user status openclaw-gateway",
        )
    return _judged(method, url, reply)


def _judged(method: str, url: str, reply: Reply) -> Finding:
    status = reply.status
    if status in (401, 403):
        return fault(
            NAME, f"{url} refuses the token ({status})", "set agentWakeToken to the gateway's hooks.token"
        )
    if status == 429:
        return look(NAME, f"{url} is limiting requests (429)", "wait a minute; too many wrong tokens do that")
    if status == 404:
        return fault(
            NAME, f"{url} does not exist there (404)", "hooks are at http://127.0.0.1:18789/hooks/wake"
        )
    if status >= 500:
        return look(NAME, f"{url} answers {status}", "look at the gateway's log")
    if method == "POST" and status == 400:
        return ok(NAME, f"{url} listens and takes the token")
    return ok(NAME, f"{url} listens; its token is tried with the first wake")
