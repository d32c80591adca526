"""`tm install`: from a configuration to a host that looks every few seconds, from boot on.

1  who, and which installation; a first configuration where there is none
2  state directory, lingering, bytecode
3  units (with the sandbox that this host can give), manual pages, completions, links
4  the agent's manual
5  enable, start, and wait for the first tick
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tm.config import config_file_path
from tm.engine import files
from tm.errors import EXIT_LOOK, EXIT_OK, TradeManagerError
from tm.host import account, artifacts, bytecode, names, units
from tm.host.account import Account
from tm.host.artifacts import File
from tm.host.places import Places, places
from tm.host.setting import at_home_of, unseen, wanted
from tm.host.systemctl import LINGER, Manager, Scope, is_running

FIRST_TICK_SECONDS = 120  # a oneshot's start returns when it has ended; its unit ends it after 90 s
BUS_SECONDS = 10
LINGER_MARK = "trade-manager.lingering"  # in the state directory: it was we who switched it on


@dataclass
class Report:
    """What was done, or would be."""

    scope: Scope
    user: str
    program: str
    dry_run: bool = False
    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # what a dry run would write
    first_tick: str | None = None
    exit_code: int = EXIT_OK

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "scope": self.scope,
            "user": self.user,
            "program": self.program,
            "dryRun": self.dry_run,
            "changes": self.changes,
            "warnings": self.warnings,
            "firstTick": self.first_tick,
        }
        return {**wire, "files": self.files} if self.dry_run else wire


def install(
    scope: Scope | None = None,
    run_as: str | None = None,
    *,
    config_file: str | None = None,
    start: bool = True,
    dry_run: bool = False,
) -> Report:
    """Given what the command line said, bring the host to where it must be, and return what changed.

    Raise TradeManagerError where that is not possible; what was done until then stays, and the next run
    goes on from there.
    """
    scope, user = account.chosen(scope, run_as, dry_run=dry_run)
    program = account.program()
    if not dry_run and not is_running():
        hint = "keep `tm run` running: it serves and ticks"
        raise TradeManagerError("systemd does not run here", code="no_systemd", hint=hint)
    if not dry_run:
        account.refuse_hidden()
    report = Report(scope, user.name, " ".join(program), dry_run)
    with at_home_of(user):
        config = config_file_path(config_file)
        report.warnings += unseen(config)
        _configure(report, user, program, config)
        given = wanted(scope, user, program, config_file)
        _make_room(report, user, given)
        manager = Manager(scope)
        if scope == "user":
            _linger(report, user, manager, given)
        if not dry_run and not bytecode.compile_all():
            report.warnings.append("not all modules could be compiled: each tick starts a little slower")
        changed = _put_all(report, manager, given)
        _teach(report, user, program)
        if not dry_run:
            _activate(report, manager, given, changed, start)
    return report


def _configure(report: Report, user: Account, program: tuple[str, ...], config: str) -> None:
    if not user.is_me and not report.dry_run:
        user.run([*program, "version"])  # before anything is changed
    if os.path.exists(config):
        return
    report.changes.append(f"write a first configuration: {config}")
    if not report.dry_run:
        user.run([*program, "init", "--config", config])


def _make_room(report: Report, user: Account, given: units.Setting) -> None:
    for place in units.writable(given.settings):
        if not place.exists():
            report.changes.append(f"make {place}")
            if not report.dry_run:
                user.run(["mkdir", "-p", "-m", "700", str(place)])


def _linger(report: Report, user: Account, manager: Manager, given: units.Setting) -> None:
    """Let this user's units run from boot on, and see that the user's manager is there."""
    if not (LINGER / user.name).exists():
        report.changes.append(f"let the units of {user.name} run while nobody is logged in (linger)")
        if report.dry_run:
            return
        done = subprocess.run(["loginctl", "enable-linger", user.name], capture_output=True, text=True)
        if done.returncode != 0:
            said = " ".join(done.stderr.split())
            report.warnings.append(f"lingering is off ({said}): sudo loginctl enable-linger {user.name}")
            report.changes.pop()
        else:
            (given.settings.state_dir / LINGER_MARK).touch(mode=0o600)
    if report.dry_run:
        return
    until = time.monotonic() + BUS_SECONDS
    while not manager.run("is-system-running", check=False).strip() and time.monotonic() < until:
        time.sleep(0.2)


def _put_all(report: Report, manager: Manager, given: units.Setting) -> bool:
    """Write what differs; say whether a unit did."""
    where = places(given.scope)
    unit_files = _unit_files(report, manager, given, where)
    changed = any(file.differs() for file in unit_files)
    for file in [*unit_files, *artifacts.documents(where)]:
        if file.differs():
            report.changes.append(f"write {file.path}")
            if report.dry_run:
                report.files[str(file.path)] = file.text
            else:
                file.put()
    _link(report, given, where)
    return changed


def _unit_files(report: Report, manager: Manager, given: units.Setting, where: Places) -> list[File]:
    """The units, with the sandbox that is in place already, or else with the one that works here."""

    def of(setting: units.Setting) -> list[File]:
        return [File(where.units / name, text) for name, text in units.render(setting).items()]

    without = replace(given, sandbox=False)
    if report.dry_run or not any(file.differs() for file in of(given)):
        return of(given)
    if not any(file.differs() for file in of(without)):
        return of(without)
    trouble = _tried(manager, given)
    if trouble is None:
        return of(given)
    if _tried(manager, without) is not None:
        raise TradeManagerError(
            f"the units would not run here: {trouble}",
            code="units_fail",
            hint=f"`journalctl {' '.join(manager.flags)} -e` may say more",
        )
    report.warnings.append(f"no file system sandbox on this host ({trouble}); the units go without")
    return of(without)


def _tried(manager: Manager, given: units.Setting) -> str | None:
    properties = units.sandbox_properties(given)
    if given.user is not None:
        properties.append(f"User={given.user}")
    return manager.trial(properties, [*given.program, "version"])


def _link(report: Report, given: units.Setting, where: Places) -> None:
    for link in artifacts.links(where, Path(given.program[0]).parent):
        if link.differs():
            report.changes.append(f"link {link.path} to {link.target}")
            if not report.dry_run:
                link.put()
        elif link.put() == "kept":
            report.warnings.append(f"{link.path} is another program; it stays")
    if given.scope == "user" and str(where.programs) not in os.environ.get("PATH", "").split(os.pathsep):
        report.warnings.append(f"{where.programs} is not on PATH here; a new login usually has it")


def _teach(report: Report, user: Account, program: tuple[str, ...]) -> None:
    """Leave the agent its manual."""
    if not user.is_me and os.geteuid() != 0:  # a dry run for somebody else
        return
    dry = ["--dry-run"] if report.dry_run else []
    done = user.run([*program, "skill", "install", "--json", *dry], check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        report.warnings.append(f"the agent's manual is not installed: {said}")
        return
    told = json.loads(done.stdout)
    if told["result"] != "unchanged":
        report.changes.append(f"write {told['path']}")


def _activate(report: Report, manager: Manager, given: units.Setting, changed: bool, start: bool) -> None:
    """Enable and start what is not; a tick in progress is never ended for it."""
    if changed:
        manager.run("daemon-reload")
    shown = manager.show(names.TIMER, "UnitFileState", "ActiveState")
    if shown.get("UnitFileState") != "enabled":
        manager.run("enable", names.SERVICE)
        report.changes.append(f"enable {names.SERVICE}, its timer, path and socket")
    active = all(manager.show(name, "ActiveState").get("ActiveState") == "active" for name in names.STANDING)
    if not start or (active and not changed):
        return
    manager.run("reset-failed", *names.ALL, check=False)
    if changed and active:
        manager.run("restart", *names.STANDING)
        manager.run("try-restart", names.BRIDGE)
    report.changes.append(f"start {names.SERVICE}")
    _first_tick(report, manager, given)


def _first_tick(report: Report, manager: Manager, given: units.Setting) -> None:
    began = time.time()
    try:
        manager.run("start", names.SERVICE, seconds=FIRST_TICK_SECONDS)
    except TradeManagerError as trouble:
        report.warnings.append(trouble.message)
    shown = manager.show(names.SERVICE, "Result", "ExecMainStatus")
    stamped = files.stamped_at(given.settings.state_dir)
    finished = stamped is not None and stamped >= began - 1
    status = shown.get("ExecMainStatus", "?")
    if finished and shown.get("Result") == "success":
        report.first_tick = f"finished in {time.time() - began:.1f} s"
        return
    report.exit_code = EXIT_LOOK
    report.first_tick = f"ended with {status} ({shown.get('Result')})"
    report.warnings.append("the first tick did not go well: `tm doctor` says what is missing")
