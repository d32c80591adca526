"""systemd, spoken to through its own command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tm.errors import TradeManagerError

Scope = Literal["user", "system"]

SECONDS = 60
LINGER = Path("/var/lib/systemd/linger")  # a file for each user whose manager runs without a login
RUNNING = Path("/run/systemd/system")  # exists where systemd is the init system (sd_booted(3))


@dataclass(frozen=True, slots=True)
class Manager:
    """The system's manager, or this user's."""

    scope: Scope

    @property
    def flags(self) -> list[str]:
        return ["--user"] if self.scope == "user" else []

    @property
    def command(self) -> str:
        """How a person calls it."""
        return " ".join(["systemctl", *self.flags])

    def run(self, *words: str, check: bool = True, seconds: float = SECONDS) -> str:
        """Run `systemctl WORDS` and return its output. Raise TradeManagerError where it fails."""
        try:
            done = subprocess.run(
                ["systemctl", *self.flags, "--no-pager", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                env=environment(),
            )
        except (OSError, subprocess.TimeoutExpired) as trouble:
            raise TradeManagerError(f"{self.command}: {trouble}", code="systemd") from None
        if check and done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"exit {done.returncode}"
            raise TradeManagerError(
                f"{self.command} {' '.join(words)}: {said}", code="systemd", hint=_hint(said)
            )
        return done.stdout

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Given a unit, return its properties; an unknown unit has LoadState=not-found."""
        out = self.run("show", unit, f"--property={','.join(properties)}")
        return dict(line.partition("=")[::2] for line in out.splitlines())

    def trial(self, properties: Sequence[str], command: Sequence[str]) -> str | None:
        """Run a command once as a service with these properties; return None, or why it did not work."""
        options = [f"--property={one}" for one in properties]
        try:
            done = subprocess.run(
                [
                    "systemd-run",
                    *self.flags,
                    "--wait",
                    "--collect",
                    "--quiet",
                    "--pipe",
                    *options,
                    "--",
                    *command,
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                env=environment(),
            )
        except (OSError, subprocess.TimeoutExpired) as trouble:
            return str(trouble)
        return None if done.returncode == 0 else " ".join(done.stderr.split()) or f"exit {done.returncode}"


def is_running() -> bool:
    """Say whether systemd is this host's init system."""
    return RUNNING.is_dir()


def environment() -> dict[str, str]:
    """The environment, with the way to the user's manager that `su` and cloud-init leave out."""
    found = dict(os.environ)
    runtime = f"/run/user/{os.getuid()}"
    if "XDG_RUNTIME_DIR" not in found and os.path.isdir(runtime):
        found["XDG_RUNTIME_DIR"] = runtime
    return found


def _hint(said: str) -> str | None:
    if "Failed to connect to bus" in said:
        return (
            "no user session here: `loginctl enable-linger`, or log in as that user; or `tm install --system`"
        )
    return None
