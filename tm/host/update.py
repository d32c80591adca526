"""`tm update`: to a newer version, or back to where it was.

1  what does the index offer; what would this version's doctor say now
2  ticks rest (one in progress ends by itself); snapshot of the installation
3  the installer in use installs; the new version migrates a copy of the database, and its doctor looks
4  worse than before: the snapshot is put back; else the database itself is migrated
5  ticks go on, with one version or the other; a new one writes its units anew

Everything that is needed afterwards is imported before: from step 3 on, the files behind this very process
are another version's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tm import __version__
from tm.config import Settings, config_file_path, load_settings
from tm.errors import Busy, NotFound, TradeManagerError
from tm.host import account, index, installer, names, snapshot, uninstall
from tm.host.account import Account
from tm.host.owner import owner_of
from tm.host.places import installed_scopes
from tm.host.setting import at_home_of
from tm.host.systemctl import Manager, Scope, is_running

# While ticks rest and the copy is looked at, these cannot be well.
RESTING = {"tick", "timer", "kick", "service", "units"}
COPY = """
import sqlite3, sys, urllib.request
place = urllib.request.pathname2url(sys.argv[1])
sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=10).execute("VACUUM INTO ?", sys.argv[2:])
"""
MIGRATE = "import sys; from tm.store.db import open_store; open_store(sys.argv[1]).close()"


@dataclass
class Report:
    """What there is, and what was done about it."""

    current: str
    latest: str | None
    target: str | None = None  # what was, or would be, installed
    updated: bool = False
    went_back: bool = False
    reason: str | None = None  # why it went back
    steps: list[str] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        return {
            "current": self.current,
            "latest": self.latest,
            "target": self.target,
            "updated": self.updated,
            "wentBack": self.went_back,
            "reason": self.reason,
            "steps": self.steps,
        }


@dataclass(frozen=True, slots=True)
class Guard:
    """One installation of units: whose, where its state is, and how its manager is called."""

    scope: Scope
    user: Account
    settings: Settings
    config: str


def update(to: str | None = None, *, check: bool = False, config_file: str | None = None) -> Report:
    """Given the version asked for, or none for the newest, go there unless it only asks.

    Raise Unreachable, NotFound, or Conflict before anything is changed.
    """
    # The caller's own settings, also where root updates for somebody: the index decides what root runs.
    settings = load_settings(config_file)
    found = index.offers(settings.update_index_url)
    latest = index.newest(found)
    report = Report(__version__, latest.version if latest else None)
    report.target = _target(found, latest, to)
    if report.target is None or check:
        return report
    tool = installer.in_use()
    program = account.program()
    guards = _guards(config_file)
    before = {guard.scope: _faults(guard, program) for guard in guards}
    with _alone(tool.prefix), _told_to_end(), _resting(guards):
        saved = snapshot.take(tool.prefix)
        try:
            tool.install(report.target, settings.update_index_url)
            report.steps.append(f"installed {report.target} with {tool.kind}")
            for guard in guards:
                _try_out(guard, program, before[guard.scope])
            for guard in guards:
                _migrate(guard, program, guard.settings.database_path)
            report.updated = True
        except TradeManagerError as trouble:
            report.went_back, report.reason = True, trouble.message
        finally:
            if not report.updated:  # also when it is interrupted
                snapshot.restore(tool.prefix, saved)
            snapshot.drop(saved)
    if report.updated:
        for guard in guards:
            _renew(report, guard, program)
    return report


@contextlib.contextmanager
def _alone(prefix: Path) -> Iterator[None]:
    """Hold this installation's update lock. Raise Busy where another update has it."""
    with open(prefix / "update.lock", "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("another update is running") from None
        yield


@contextlib.contextmanager
def _told_to_end() -> Iterator[None]:
    """Let a lost connection or a SIGTERM end it in order: nothing half installed, and ticks go on."""
    kinds = (signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, lambda number, _: sys.exit(128 + number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _target(found: list[index.Offer], latest: index.Offer | None, to: str | None) -> str | None:
    """The version to install, or None where this one is it already."""
    if to is not None:
        if to not in [offer.version for offer in found]:
            names_found = ", ".join(offer.version for offer in found[-10:]) or "none"
            raise NotFound(
                f"the index has no version {to}", code="no_such_version", hint=f"it has: {names_found}"
            )
        return None if to == __version__ else to
    if latest is None or index.order(latest.version) <= index.order(__version__):
        return None
    return latest.version


def _guards(config_file: str | None) -> list[Guard]:
    """Whom the update must serve: the units that are installed, or this user where there are none."""
    found = []
    for scope in installed_scopes() if is_running() else []:
        if scope == "system" and os.geteuid() != 0:
            raise TradeManagerError("system units need root", code="needs_root", hint="sudo tm update")
        user, state, config = owner_of(scope)
        with at_home_of(user):
            environ = {"OPENCLAW_STATE_DIR": str(state), **({"TM_CONFIG": config} if config else {})}
            settings = load_settings(environ=environ)
            found.append(Guard(scope, user, settings, config_file_path(None, environ)))
    if not found:
        me = account.me()
        found.append(Guard("user", me, load_settings(config_file), config_file_path(config_file)))
    return found


def _run(guard: Guard, command: list[str], **environ: str) -> tuple[int, str, str]:
    """Run something as the user whose positions these are, with that state."""
    state = {"OPENCLAW_STATE_DIR": str(guard.settings.state_dir)}
    if os.path.exists(guard.config):
        state["TM_CONFIG"] = guard.config
    words = [f"{name}={value}" for name, value in {**state, **environ}.items()]
    done = guard.user.run(["env", *words, *command], check=False)
    return done.returncode, done.stdout, done.stderr


def _faults(guard: Guard, program: tuple[str, ...], **environ: str) -> set[str]:
    """The checks in which that program's doctor finds a fault. Raise TradeManagerError if it cannot look."""
    code, out, err = _run(guard, [*program, "doctor", "--json"], **environ)
    try:
        found = json.loads(out)
        return {one["name"] for one in found if one["status"] == "fault"} - RESTING
    except (ValueError, TypeError, KeyError):
        said = " ".join(err.split()[-40:]) or f"exit {code}"
        raise TradeManagerError(f"its doctor cannot look: {said}") from None


def _try_out(guard: Guard, program: tuple[str, ...], before: set[str]) -> None:
    """Let the new version migrate a copy and look at it. Raise TradeManagerError where it is worse off."""
    with _copy(guard, program) as copy:
        environ = {} if copy is None else {"TM_DATABASE_URL": f"file:{copy}"}
        if copy is not None:
            _migrate(guard, program, copy)
        worse = _faults(guard, program, **environ) - before
    if worse:
        raise TradeManagerError(f"its doctor finds a fault that was not there: {', '.join(sorted(worse))}")


@contextlib.contextmanager
def _copy(guard: Guard, program: tuple[str, ...]) -> Iterator[Path | None]:
    """A copy of the database in a folder of its user's; None where there is no database."""
    path = guard.settings.database_path
    if not path.exists():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tm-update-", ignore_cleanup_errors=True) as folder:
        os.chown(folder, guard.user.uid, guard.user.gid)
        place = Path(folder) / path.name
        # As that user: root must not open what somebody else put there.
        code, _, err = _run(guard, [_python(program), "-I", "-c", COPY, str(path), str(place)])
        if code != 0:
            raise TradeManagerError(f"the database cannot be copied: {' '.join(err.split()[-40:])}")
        yield place


def _python(program: tuple[str, ...]) -> str:
    return str(Path(program[0]).with_name("python"))


def _migrate(guard: Guard, program: tuple[str, ...], path: Path) -> None:
    if not path.exists():
        return
    code, _, err = _run(guard, [_python(program), "-I", "-c", MIGRATE, str(path)])
    if code != 0:
        raise TradeManagerError(f"it cannot migrate the database: {' '.join(err.split()[-40:])}")


@contextlib.contextmanager
def _resting(guards: list[Guard]) -> Iterator[None]:
    """Let no tick begin and no request be served meanwhile; then what was active is active again."""
    stopped: list[tuple[Manager, list[str]]] = []
    try:
        for guard in guards:
            if not is_running() or guard.scope not in installed_scopes():
                continue
            manager = Manager(guard.scope)
            active = [
                name
                for name in (names.TIMER, names.KICK, names.SOCKET)
                if manager.show(name, "ActiveState").get("ActiveState") == "active"
            ]
            stopped.append((manager, active))
            _stop(manager)
        yield
    finally:
        for manager, active in stopped:
            if active:
                manager.run("start", *active, check=False)


def _stop(manager: Manager) -> None:
    """Stop what starts ticks, and wait for one in progress; one that began meanwhile has started it again."""
    standing = (names.TIMER, names.KICK, names.SOCKET)
    for _ in range(5):
        manager.run("stop", *standing, names.BRIDGE, check=False)
        uninstall.let_tick_end(manager)
        if all(manager.show(name, "ActiveState").get("ActiveState") != "active" for name in standing):
            return
    raise Busy("the units do not stop", hint=f"{manager.command} status {names.SERVICE}")


def _renew(report: Report, guard: Guard, program: tuple[str, ...]) -> None:
    """Let the new version bring its own units, pages and completions."""
    if not is_running() or guard.scope not in installed_scopes():
        return
    whose = ["--user"] if guard.scope == "user" else ["--system", "--run-as", guard.user.name]
    state = f"OPENCLAW_STATE_DIR={guard.settings.state_dir}"
    command = ["env", state, *program, "install", *whose, "--json"]
    if os.path.exists(guard.config):
        command.insert(2, f"TM_CONFIG={guard.config}")
    done = account.me().run(command, check=False)
    try:
        changes = json.loads(done.stdout)["changes"]
        report.steps.append(f"{guard.scope} units: {len(changes)} changes")
    except (ValueError, KeyError):
        report.steps.append(
            f"{guard.scope} units could not be renewed: {' '.join(done.stderr.split()[-40:])}"
        )
