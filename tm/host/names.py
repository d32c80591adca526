"""The units' names, and where systemd keeps them for each scope."""

from __future__ import annotations

import os
from pathlib import Path

from tm.host.systemctl import Scope

NAME = "openclaw-trade-manager"  # also the journal's identifier for all of them
SERVICE = f"{NAME}.service"
TIMER = f"{NAME}.timer"
KICK = f"{NAME}-kick.path"
SOCKET = f"{NAME}-http.socket"
BRIDGE = f"{NAME}-http.service"
TARGET = f"{NAME}.target"
ALL = (SERVICE, TIMER, KICK, SOCKET, BRIDGE, TARGET)


def unit_folder(scope: Scope) -> Path:
    """Where an administrator's (system) or this user's unit files go."""
    if scope == "system":
        return Path("/etc/systemd/system")
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.path.expanduser(config)) / "systemd" / "user"


def installed_scopes() -> list[Scope]:
    """The scopes in which the timer's unit file lies."""
    scopes: tuple[Scope, ...] = ("user", "system")
    return [scope for scope in scopes if (unit_folder(scope) / TIMER).exists()]
