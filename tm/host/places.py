"""Where the host looks for what `tm install` puts there: for all users, or for one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tm.host import names
from tm.host.systemctl import Scope


@dataclass(frozen=True, slots=True)
class Places:
    """One scope's folders."""

    units: Path
    programs: Path  # on everybody's PATH
    man: Path
    bash: Path
    zsh: Path
    fish: Path


def places(scope: Scope) -> Places:
    """Given a scope, return its folders: an administrator's own (system), or this user's."""
    if scope == "system":
        share = Path("/usr/local/share")
        return Places(
            units=Path("/etc/systemd/system"),
            programs=Path("/usr/local/bin"),
            man=share / "man",
            bash=share / "bash-completion/completions",
            zsh=share / "zsh/site-functions",
            fish=share / "fish/vendor_completions.d",
        )
    data = _base("XDG_DATA_HOME", "~/.local/share")
    return Places(
        units=_base("XDG_CONFIG_HOME", "~/.config") / "systemd/user",
        programs=Path(os.path.expanduser("~/.local/bin")),
        # `man` finds ~/.local/share/man through ~/.local/bin on PATH, not XDG_DATA_HOME (manpath(5))
        man=Path(os.path.expanduser("~/.local/share/man")),
        bash=data / "bash-completion/completions",
        zsh=data / "zsh/site-functions",
        fish=data / "fish/vendor_completions.d",
    )


def installed_scopes() -> list[Scope]:
    """The scopes in which the timer's unit file lies."""
    scopes: tuple[Scope, ...] = ("user", "system")
    return [scope for scope in scopes if (places(scope).units / names.TIMER).exists()]


def _base(variable: str, default: str) -> Path:
    """A folder of the XDG base directories; a relative value is ignored, as their specification says."""
    value = os.environ.get(variable, "")
    return Path(value if os.path.isabs(value) else os.path.expanduser(default))
