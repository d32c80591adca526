"""The units: rendered for each scope, clean for systemd-analyze, hardened, and safe with odd paths."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tm.config import settings_of
from tm.errors import Invalid
from tm.host import names, units
from tm.host.systemctl import Scope
from tm.settings import POLL_INTERVALS

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
SCOPES: tuple[Scope, ...] = ("user", "system")


def given(scope: Scope, state: Path, **settings: object) -> units.Setting:
    return units.Setting(
        scope=scope,
        program=("/bin/true",),
        settings=settings_of(settings, "units.json", {"OPENCLAW_STATE_DIR": str(state)}),
        user="daemon" if scope == "system" else None,
    )


def written(setting: units.Setting, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in units.render(setting).items():
        (folder / name).write_text(text)
    return sorted(folder.iterdir())


def lines(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


@needs_systemd
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize("wake", [None, "cli:openclaw"])
def test_systemd_has_no_word_to_say(scope: Scope, sandbox: bool, wake: str | None, tmp_path: Path) -> None:
    state = tmp_path / "a state with 100% blanks"
    state.mkdir()
    setting = replace(given(scope, state, agentWakeUrl=wake), sandbox=sandbox)
    files = written(setting, tmp_path / "units")
    flag = ["--user"] if scope == "user" else []
    done = subprocess.run(
        ["systemd-analyze", *flag, "verify", "--recursive-errors=yes", "--man=no", *map(str, files)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("name", [names.SERVICE, names.BRIDGE, names.KICKER])
def test_the_system_units_are_exposed_at_most_one_and_a_half(name: str, tmp_path: Path) -> None:
    written(given("system", tmp_path / "state"), tmp_path / "units")
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--threshold=15",
            "--no-pager",
            tmp_path / "units" / name,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@needs_systemd
@pytest.mark.parametrize("seconds", POLL_INTERVALS)
def test_the_calendar_has_the_poll_interval(seconds: int) -> None:
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=5", units.calendar(seconds)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
    )
    instants = [
        int(hour) * 3600 + int(minute) * 60 + int(second)
        for hour, minute, second in re.findall(
            r"(?:elapse|#\d+): \w+ \S+ (\d\d):(\d\d):(\d\d) UTC", done.stdout
        )
    ]
    gaps = {(later - earlier) % 86400 for earlier, later in itertools.pairwise(instants)}
    assert (len(instants), gaps) == (5, {seconds})


def test_a_tick_has_a_limit_and_no_restart(tmp_path: Path) -> None:
    text = units.render(given("user", tmp_path))[names.SERVICE]
    assert lines(text, "TimeoutStartSec") == ["90"]
    assert lines(text, "Restart") == []
    assert lines(text, "SuccessExitStatus") == ["3 75"]
    assert lines(text, "StartLimitIntervalSec") == ["0"]


@pytest.mark.parametrize(
    ("level", "chosen", "limit"),
    [("info", False, "notice"), ("info", True, "info"), ("debug", True, "debug"), ("error", True, "notice")],
)
def test_the_journal_gets_more_only_when_it_is_asked_for(
    level: str, chosen: bool, limit: str, tmp_path: Path
) -> None:
    setting = replace(given("user", tmp_path, logLevel=level), log_level_chosen=chosen)
    assert lines(units.render(setting)[names.SERVICE], "LogLevelMax") == [limit]


def test_the_seeds_own_lines_start_and_stop_everything(tmp_path: Path) -> None:
    found = units.render(given("user", tmp_path))
    also = lines(found[names.SERVICE], "Also")[0].split()
    assert set(also) == set(names.STANDING)
    assert lines(found[names.SERVICE], "Wants") == [names.TARGET]
    for name in (names.TIMER, names.KICK, names.SOCKET, names.BRIDGE):
        assert names.SERVICE in lines(found[name], "PartOf")[0].split()


def test_one_identifier_for_all_that_is_logged(tmp_path: Path) -> None:
    found = units.render(given("system", tmp_path))
    for name in (names.SERVICE, names.BRIDGE, names.KICKER):
        assert lines(found[name], "SyslogIdentifier") == [names.NAME]


def test_only_the_state_and_the_databases_folder_are_writable(tmp_path: Path) -> None:
    here = units.render(given("user", tmp_path / "state"))[names.SERVICE]
    assert lines(here, "ReadWritePaths") == [str(tmp_path / "state")]
    away = units.render(given("user", tmp_path / "state", databaseUrl="file:/srv/tm/x.db"))[names.SERVICE]
    assert lines(away, "ReadWritePaths") == [f"{tmp_path}/state /srv/tm"]


def test_javascript_gets_what_it_needs_only_with_cli(tmp_path: Path) -> None:
    by_hook = units.render(given("user", tmp_path))[names.SERVICE]
    by_command = units.render(given("user", tmp_path, agentWakeUrl="cli:openclaw"))[names.SERVICE]
    assert lines(by_hook, "MemoryDenyWriteExecute") == ["yes"]
    assert lines(by_command, "MemoryDenyWriteExecute") == ["no"]


@pytest.mark.parametrize(("address", "listens"), [("127.0.0.1", "127.0.0.1:19000"), ("::1", "[::1]:19000")])
def test_the_socket_is_where_the_bridge_would_be(address: str, listens: str, tmp_path: Path) -> None:
    socket = units.render(given("user", tmp_path, httpBindAddress=address))[names.SOCKET]
    assert lines(socket, "ListenStream") == [listens]


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    for scope in SCOPES:
        for sandbox in (True, False):
            for text in units.render(replace(given(scope, tmp_path), sandbox=sandbox)).values():
                assert re.findall(r"@[A-Z_]+@", text) == []


def test_without_namespaces_no_property_needs_them(tmp_path: Path) -> None:
    text = units.render(replace(given("user", tmp_path), sandbox=False))[names.SERVICE]
    assert "PrivateUsers" not in text
    assert "ProtectSystem" not in text
    assert lines(text, "NoNewPrivileges") == ["yes"]
    assert lines(text, "SystemCallFilter") == ["@system-service", "~@privileged @resources"]


def test_a_path_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        units.render(given("user", tmp_path / "a\nExecStart=b"))
