"""The unit files of this installation: the shipped templates with this host's paths and settings in them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tm.config import Settings
from tm.engine.files import KICK_FILE
from tm.errors import Invalid
from tm.host import names, shipped
from tm.host.systemctl import Scope

# Properties that need namespaces, which some containers and kernels refuse.
_NEEDS_NAMESPACES = re.compile(r"(Private(Users|Tmp|Devices)|Protect[A-Za-z]+|ProcSubset|ReadWritePaths)=")
_LOG_LEVELS = {"debug": "debug", "info": "info"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What the units must know."""

    scope: Scope
    program: tuple[str, ...]  # the absolute command that is `tm`
    settings: Settings
    user: str | None = None  # whom system units run as
    config_file: str | None = None  # where it is not the state directory's own
    log_level_chosen: bool = False  # by the operator; the default is not a choice
    sandbox: bool = True  # this host can give namespaces


def render(given: Setting) -> dict[str, str]:
    """Given what they must know, return the text of every unit by its name."""
    values = _values(given)
    hardening = _hardening(given, values)
    found = {}
    for name in names.ALL:
        template = shipped.text("units", name).replace("@HARDENING@", hardening)
        found[name] = _filled(template, values)
    return found


def calendar(seconds: int) -> str:
    """Given a poll interval (a divisor of a minute, or whole minutes), return the OnCalendar= for it."""
    if seconds < 60:
        return f"*:*:0/{seconds}"
    return "*:*:00" if seconds == 60 else f"*:0/{seconds // 60}:00"


def log_level_max(given: Setting) -> str:
    """The least serious line that reaches the journal; beyond notice only what the operator chose."""
    return _LOG_LEVELS.get(given.settings.log_level, "notice") if given.log_level_chosen else "notice"


def sandbox_properties(given: Setting) -> list[str]:
    """The hardening as `systemd-run -p` takes it, to try whether this host can give it."""
    lines = _hardening(given, _values(given)).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _values(given: Setting) -> dict[str, str]:
    settings = given.settings
    address = settings.http_bind_address
    by_command = (settings.agent_wake_url or "").startswith("cli:")
    families = "AF_UNIX AF_INET AF_INET6" + (" AF_NETLINK" if by_command else "")
    return {
        "PROGRAM": " ".join(quoted(word).replace("$", "$$") for word in given.program),
        "ENVIRONMENT": _environment(given),
        "USER": f"User={given.user}" if given.user else "",
        "LOG_LEVEL": log_level_max(given),
        "SECONDS": str(settings.poll_interval_seconds),
        "CALENDAR": calendar(settings.poll_interval_seconds),
        "SPREAD": str(settings.poll_interval_seconds // 3),
        "KICK_FILE": quoted(str(settings.state_dir / KICK_FILE)).replace("$", "$$"),
        "KICK": _glob_escaped(str(settings.state_dir / KICK_FILE)),
        "ADDRESS": address if ":" not in address else f"[{address}]",
        "PORT": str(settings.port),
        "BOOT_TARGET": "default.target" if given.scope == "user" else "multi-user.target",
        "WRITABLE": " ".join(quoted(str(place)) for place in writable(settings)),
        "DENY_WRITE_EXECUTE": "no" if by_command else "yes",
        "ADDRESS_FAMILIES": families,
    }


def writable(settings: Settings) -> list[Path]:
    """The directories that it writes: its state, and the database's where that is elsewhere."""
    found = [settings.state_dir]
    if not settings.database_path.is_relative_to(settings.state_dir):
        found.append(settings.database_path.parent)
    return found


def _environment(given: Setting) -> str:
    values = {"OPENCLAW_STATE_DIR": str(given.settings.state_dir)}
    if given.config_file is not None:
        values["TM_CONFIG"] = given.config_file
    if (given.settings.agent_wake_url or "").startswith("cli:"):
        # `openclaw` may be a program of the user's own, which neither manager's PATH names
        values["PATH"] = os.pathsep.join(_paths())
    return "\n".join(f"Environment={quoted(f'{name}={value}')}" for name, value in values.items())


def _paths() -> list[str]:
    common = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return [os.path.expanduser("~/.local/bin"), *common]


def _hardening(given: Setting, values: Mapping[str, str]) -> str:
    text = _filled(shipped.text("units", f"hardening-{given.scope}.conf").rstrip("\n"), values)
    if given.sandbox:
        return text
    kept = [
        line for line in text.splitlines() if not line.startswith("#") and not _NEEDS_NAMESPACES.match(line)
    ]
    return "\n".join(
        ["# This host gives a service no namespaces of its own; what works without them:", *kept]
    )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Given a template, put the values in; a line that was only an empty value goes away."""
    lines = []
    for line in text.split("\n"):
        filled = re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], line)
        if filled or not line:
            lines.append(filled)
    return "\n".join(lines)


def quoted(word: str) -> str:
    """Given a word, return it as systemd reads it back: specifiers and quotes escaped.

    Raise Invalid for a line break or another control character, which no unit file can carry safely.
    """
    if not word.isprintable():
        raise Invalid(f"a path with control characters cannot stand in a unit: {word!r}")
    word = word.replace("\\", "\\\\").replace("%", "%%")
    return word if re.fullmatch(r"[\w@%+=:,./~\\$-]+", word) else '"' + word.replace('"', '\\"') + '"'


def _glob_escaped(path: str) -> str:
    if not path.isprintable():
        raise Invalid(f"a path with control characters cannot stand in a unit: {path!r}")
    return re.sub(r"([*?[])", r"[\1]", path).replace("%", "%%")
