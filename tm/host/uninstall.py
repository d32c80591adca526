"""`tm uninstall`: takes away what `tm install` put there. The state (rules, orders, configuration) stays."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tm.errors import TradeManagerError
from tm.host import account, artifacts, names
from tm.host.account import Account
from tm.host.install import LINGER_MARK
from tm.host.owner import owner_of
from tm.host.places import Places, installed_scopes, places
from tm.host.systemctl import Manager, Scope, is_running

TICK_SECONDS = 60  # what a tick in progress may take to end by itself


@dataclass
class Report:
    """What was taken away, or would be, in one scope."""

    scope: Scope
    dry_run: bool = False
    changes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        return {"scope": self.scope, "dryRun": self.dry_run, "changes": self.changes, "kept": self.kept}


def uninstall(scope: Scope | None = None, *, dry_run: bool = False) -> list[Report]:
    """Given a scope, or none for all that are installed, take it away and say what went and what stayed.

    Raise TradeManagerError where it needs root.
    """
    scopes = [scope] if scope else installed_scopes()
    if "system" in scopes and os.geteuid() != 0 and not dry_run:
        raise TradeManagerError(
            "system units need root", code="needs_root", hint="sudo tm uninstall --system"
        )
    return [_uninstall(one, dry_run) for one in scopes]


def _uninstall(scope: Scope, dry_run: bool) -> Report:
    report = Report(scope, dry_run)
    where = places(scope)
    user, state, _ = owner_of(scope)
    unit_files = [where.units / name for name in names.ALL if (where.units / name).exists()]
    if unit_files and not dry_run and is_running():
        _stop(Manager(scope))
    documents = [file.path for file in artifacts.documents(where)]
    for path in [*unit_files, *documents, *_our_links(where)]:
        if path.is_symlink() or path.exists():
            report.changes.append(f"remove {path}")
            if not dry_run:
                artifacts.remove([path])
    _unteach(report, user, state)
    if unit_files and not dry_run and is_running():
        Manager(scope).run("daemon-reload")
    if scope == "user":
        _unlinger(report, user, state, where)
    report.kept.append(f"{state}: configuration, rules, orders")
    return report


def _stop(manager: Manager) -> None:
    """Let nothing start any more, let a tick in progress end by itself, then stop the rest."""
    manager.run("disable", names.SERVICE, check=False)
    manager.run("stop", names.TIMER, names.KICK, names.SOCKET, names.BRIDGE, names.TARGET, check=False)
    let_tick_end(manager)
    manager.run("stop", names.SERVICE, check=False)
    manager.run("reset-failed", *names.ALL, check=False)


def let_tick_end(manager: Manager) -> None:
    """Wait until no tick is in progress: an order may be on its way."""
    until = time.monotonic() + TICK_SECONDS
    while manager.show(names.SERVICE, "ActiveState").get("ActiveState") == "activating":
        if time.monotonic() > until:
            return
        time.sleep(0.2)


def _our_links(where: Places) -> list[Path]:
    """Links to this installation's programs; what a packager (pipx, uv) linked there is theirs."""
    own = Path(account.program()[0]).parent
    return [
        link
        for name in artifacts.PROGRAMS
        if (link := where.programs / name).is_symlink() and os.readlink(link) == str(own / name)
    ]


def _unteach(report: Report, user: Account, state: Path) -> None:
    """Remove the agent's manual, as the user whose directory it is in."""
    page = state / "skills" / "trade-manager" / "SKILL.md"
    if page.exists():
        report.changes.append(f"remove {page}")
        if not report.dry_run:
            user.run(["rm", "-f", str(page)])
            user.run(["rmdir", str(page.parent)], check=False)


def _unlinger(report: Report, user: Account, state: Path, where: Places) -> None:
    """Switch lingering off where it was we who switched it on, and no other unit of this user needs it."""
    mark = state / LINGER_MARK
    if not mark.exists():
        return
    others = [path.name for path in where.units.glob("*.service") if path.name not in names.ALL]
    if others:
        report.kept.append(f"lingering of {user.name}: {', '.join(sorted(others)[:3])} may need it")
        return
    report.changes.append(f"switch lingering of {user.name} off")
    if not report.dry_run:
        subprocess.run(["loginctl", "disable-linger", user.name], capture_output=True)
        mark.unlink()
