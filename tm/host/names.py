"""The units' names."""

from __future__ import annotations

NAME = "openclaw-trade-manager"  # also the journal's identifier for all of them
SERVICE = f"{NAME}.service"
TIMER = f"{NAME}.timer"
KICK = f"{NAME}-kick.path"
KICKER = f"{NAME}-kick.service"
SOCKET = f"{NAME}-http.socket"
BRIDGE = f"{NAME}-http.service"
TARGET = f"{NAME}.target"
ALL = (SERVICE, TIMER, KICK, KICKER, SOCKET, BRIDGE, TARGET)
STANDING = (TARGET, TIMER, KICK, SOCKET)  # active from boot on
