"""`tm install` as far as a host without systemd shows it; real-systemd tests show the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TM = Callable[..., Any]


def test_a_dry_run_says_what_it_would_write_and_writes_nothing(tm: TM, tm_tty: TM, tmp_path: Path) -> None:
    done = tm("install", "--user", "--dry-run", XDG_CONFIG_HOME="", XDG_DATA_HOME="")
    assert done.code == 0
    files = done.json["files"]
    service = files[str(tmp_path / ".config/systemd/user/openclaw-trade-manager.service")]
    assert "ExecStart=/" in service
    assert str(tmp_path / ".local/share/man/man1/tm-rule.1") in files
    assert str(tmp_path / ".local/share/bash-completion/completions/tm") in files
    assert "would write " in tm_tty("install", "--user", "-n").out
    assert list(tmp_path.iterdir()) == []


def test_settings_of_this_shell_are_named_because_the_units_do_not_see_them(tm: TM, tmp_path: Path) -> None:
    done = tm("install", "--user", "-n", TM_PORT="1234", XDG_CONFIG_HOME="")
    assert any(warning.startswith("TM_PORT ") for warning in done.json["warnings"])
    socket = done.json["files"][str(tmp_path / ".config/systemd/user/openclaw-trade-manager-http.socket")]
    assert "ListenStream=127.0.0.1:19000" in socket


def test_a_broken_configuration_installs_nothing(tm: TM, state: Path) -> None:
    state.mkdir()
    (state / "trade-manager.json").write_text('{"prot": 1}')
    assert tm("install", "--user", "--dry-run").code == 78


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("--user", "--system"), 2, None),
        (("--user", "--run-as", "nobody"), 2, "user units run as the user who installs them"),
        (("--system", "--run-as", "no-such-user-here"), 4, "useradd --create-home no-such-user-here"),
    ],
)
def test_flags_that_do_not_fit_are_explained(
    words: tuple[str, ...], code: int, hint: str | None, tm: TM
) -> None:
    done = tm("install", "-n", *words)
    assert done.code == code
    assert hint is None or done.error["hint"] == hint


@pytest.mark.skipif(os.geteuid() != 0, reason="asks as root")
def test_root_is_asked_whom_it_is_to_run_as(tm: TM) -> None:
    done = tm("install", "-n", SUDO_USER="ada")
    assert (done.code, done.error["hint"]) == (2, "--run-as ada; or --user")


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here")
def test_without_systemd_it_says_what_to_do_instead(tm: TM, tmp_path: Path) -> None:
    done = tm("install", "--user")
    assert (done.code, done.error["code"]) == (1, "no_systemd")
    assert "tm run" in done.error["hint"]
    assert list(tmp_path.iterdir()) == []


def test_uninstall_where_nothing_is_installed_is_done_already(tm: TM, tm_tty: TM) -> None:
    assert tm("uninstall", "--user", XDG_CONFIG_HOME="").code == 0
