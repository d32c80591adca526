"""What makes it run: the last tick, the units, lingering."""

from __future__ import annotations

import getpass
import time
from dataclasses import replace

from tm.config import Settings
from tm.engine import files
from tm.errors import TradeManagerError
from tm.host import names
from tm.host.account import program
from tm.host.artifacts import File
from tm.host.checks.database import active_rules
from tm.host.findings import Finding, fault, look, of_error, ok
from tm.host.owner import owner_of
from tm.host.places import installed_scopes, places
from tm.host.setting import at_home_of, wanted
from tm.host.systemctl import LINGER, Manager, Scope, is_running
from tm.host.units import render


def last_tick(settings: Settings) -> Finding:
    """Did a tick finish within three poll intervals?"""
    at = files.stamped_at(settings.state_dir)
    watched = active_rules(settings)
    unwatched = fault if watched else look
    if at is None:
        return unwatched("tick", "none has finished yet", "tm install, or tm tick")
    age = time.time() - at
    said = f"the last one finished {_ago(age)} ago"
    if age < -1:
        return look("tick", f"the last one finished {_ago(-age)} in the future", "check the clock")
    if age <= 3 * settings.poll_interval_seconds:
        return ok("tick", said)
    left = f"; {watched} active rules are not looked at" if watched else ""
    return unwatched("tick", said + left, "the timer check says why; `tm tick` runs one now")


def units(settings: Settings | None) -> list[Finding]:
    """Are the timer and the path unit waiting, for this state, and how did the last run end?"""
    if not is_running():
        return [look("timer", "systemd does not run here", "keep `tm run` running in its place")]
    scopes = installed_scopes()
    if not scopes:
        return [look("timer", "no units installed", "tm install")]
    found: list[Finding] = []
    if len(scopes) > 1:
        fix = "keep one: `tm uninstall --user` or `tm uninstall --system`"
        found.append(look("units", "installed for this user and for the system", fix))
    for scope in scopes:
        manager = Manager(scope)
        try:
            found += [_timer(manager), _kick(manager), _service(manager)]
            if settings is not None:
                found.append(_files(scope, settings))
        except TradeManagerError as error:
            found.append(of_error("timer", error, "look"))
        if scope == "user":
            found.append(lingering(getpass.getuser()))
    return found


def lingering(user: str) -> Finding:
    """Do this user's units run while nobody is logged in?"""
    if (LINGER / user).exists():
        return ok("lingering", f"on for {user}: the units run from boot on")
    fix = f"loginctl enable-linger {user}"
    return fault("lingering", f"off for {user}: the units end at logout", fix)


def _files(scope: Scope, settings: Settings) -> Finding:
    """Do the units watch this state, and are they as this installation and configuration want them?"""
    user, state, config = owner_of(scope)
    if state != settings.state_dir:
        fix = f"sudo -u {user.name} tm doctor" if scope == "system" else "OPENCLAW_STATE_DIR names another"
        return look("units", f"the {scope} units watch {state}, not {settings.state_dir}", fix)
    folder = places(scope).units
    with at_home_of(user):
        given = wanted(scope, user, program(), config)
    for setting in (given, replace(given, sandbox=False)):
        if not any(File(folder / name, text).differs() for name, text in render(setting).items()):
            return ok("units", f"as this installation and the configuration want them ({scope})")
    fix = "tm install" if scope == "user" else f"sudo tm install --system --run-as {user.name}"
    return look("units", f"not as this installation and the configuration would write them ({scope})", fix)


def _timer(manager: Manager) -> Finding:
    shown = manager.show(names.TIMER, "LoadState", "ActiveState", "UnitFileState", "Result")
    start = f"{manager.command} enable --now {names.SERVICE}"
    if shown.get("LoadState") != "loaded":
        return fault(
            "timer", f"{names.TIMER} is {shown.get('LoadState')}", f"{manager.command} daemon-reload"
        )
    if shown.get("ActiveState") != "active":
        return fault("timer", f"{names.TIMER} is {shown.get('ActiveState')} ({shown.get('Result')})", start)
    if shown.get("UnitFileState") != "enabled":
        return look("timer", f"{names.TIMER} runs, but will not after a reboot", start)
    return ok("timer", f"{names.TIMER} ({manager.scope}) is active and enabled")


def _kick(manager: Manager) -> Finding:
    shown = manager.show(names.KICK, "ActiveState", "Result")
    if shown.get("ActiveState") == "active":
        return ok("kick", f"{names.KICK} is active: alerts do not wait for the timer")
    said = f"{names.KICK} is {shown.get('ActiveState')} ({shown.get('Result')}): alerts wait for the timer"
    reset = f"{manager.command} reset-failed {names.KICK} && " if shown.get("ActiveState") == "failed" else ""
    return look("kick", said, f"{reset}{manager.command} start {names.KICK}")


def _service(manager: Manager) -> Finding:
    shown = manager.show(names.SERVICE, "ActiveState", "Result", "ExecMainStatus")
    result = shown.get("Result")
    journal = f"journalctl {' '.join([*manager.flags, '-t', names.NAME])} -n 50"
    if result == "success":
        return ok("service", f"the last run ended with {shown.get('ExecMainStatus')}")
    return look("service", f"the last run ended by {result} ({shown.get('ExecMainStatus')})", journal)


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
