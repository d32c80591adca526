"""Whose the installed units are, as they themselves say."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tm.host import account, names
from tm.host.account import Account
from tm.host.places import places
from tm.host.systemctl import Scope


def owner_of(scope: Scope) -> tuple[Account, Path, str | None]:
    """Given a scope, return as the unit itself says: whom it runs as, its state, its own configuration."""
    unit = places(scope).units / names.SERVICE
    text = unit.read_text("utf-8", "replace") if unit.exists() else ""
    user = re.search(r"^User=(\S+)$", text, re.MULTILINE)
    who = account.of_name(user[1]) if user else account.me()
    state = _variable(text, "OPENCLAW_STATE_DIR") or os.path.join(who.home, ".openclaw")
    return who, Path(state), _variable(text, "TM_CONFIG")


def _variable(text: str, name: str) -> str | None:
    found = re.search(rf'^Environment="?{name}=(.*?)"?$', text, re.MULTILINE)
    return found[1].replace("%%", "%").replace("\\\\", "\\") if found else None
