"""Whom it runs as, and doing something as that user."""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tm.errors import Conflict, Invalid, NotFound, TradeManagerError
from tm.host.systemctl import Scope

SECONDS = 120


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this host."""

    name: str
    home: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, in this user's home. Raise TradeManagerError where it fails."""
        environ = {**os.environ, "HOME": self.home, "USER": self.name, "LOGNAME": self.name}
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                env=environ,
                cwd=self.home if os.path.isdir(self.home) else "/",
                user=None if self.is_me else self.uid,
                group=None if self.is_me else self.gid,
                extra_groups=None if self.is_me else os.getgrouplist(self.name, self.gid),
            )
        except (OSError, subprocess.SubprocessError) as trouble:
            raise TradeManagerError(f"{command[0]}, as {self.name}: {trouble}", hint=self._hint()) from None
        if check and done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"exit {done.returncode}"
            raise TradeManagerError(f"{' '.join(command)}, as {self.name}: {said}", hint=self._hint())
        return done

    def _hint(self) -> str | None:
        if self.is_me:
            return None
        return f"{self.name} must be able to read {sys.prefix}: install it below /opt, for example"


def me() -> Account:
    """The account that this process runs as."""
    entry = pwd.getpwuid(os.geteuid())
    return Account(entry.pw_name, os.path.expanduser("~"), entry.pw_uid, entry.pw_gid)


def of_name(name: str) -> Account:
    """Given a user's name, return the account. Raise NotFound where there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise NotFound(f"no user {name!r} on this host", hint=f"useradd --create-home {name}") from None
    return Account(entry.pw_name, entry.pw_dir, entry.pw_uid, entry.pw_gid)


def chosen(scope: Scope | None, run_as: str | None, *, dry_run: bool = False) -> tuple[Scope, Account]:
    """Given what the command line said, return the scope and the account. Raise Invalid where they clash.

    Root without a word means the system; everybody else means themselves. A dry run needs no root.
    """
    root = os.geteuid() == 0
    scope = scope or ("system" if root else "user")
    if scope == "user":
        if run_as is not None:
            raise Invalid("--run-as goes with --system", hint="user units run as the user who installs them")
        return scope, me()
    if not root and not dry_run:
        raise TradeManagerError(
            "system units need root",
            code="needs_root",
            hint=f"sudo {program()[0]} install --system --run-as {getpass.getuser()}, or tm install --user",
        )
    if run_as is None:
        who = os.environ.get("SUDO_USER") or "USER"
        raise Invalid("system units need --run-as: whom do they run as?", hint=f"--run-as {who}; or --user")
    return scope, of_name(run_as)


def program() -> tuple[str, ...]:
    """The absolute command that runs this very installation."""
    script = Path(sysconfig.get_path("scripts")) / "tm"
    if os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-I", "-m", "tm")


def refuse_hidden() -> None:
    """Raise Conflict where no unit could see this installation."""
    if sys.prefix.startswith(("/tmp/", "/var/tmp/")):
        raise Conflict(
            f"{sys.prefix} is not what a service would see there: it has a /tmp of its own",
            code="installed_in_tmp",
            hint="install it below /opt or a home directory",
        )
