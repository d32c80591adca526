"""What can go wrong around the program: each is said with its way out, its exit code, and changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tm.cli.session import session

TM = Callable[..., Any]
BY_ID = ("rule", "add", "--market-id", "m", "--token-id", "t", "--stop-loss", "0.4")
USES = (BY_ID, ("rule", "list"), ("status",), ("tick",), ("pause",))
FULL = """
set -e
mount -t tmpfs -o size=600k tmpfs "$OPENCLAW_STATE_DIR"
"$@" rule list >/dev/null
cp "$OPENCLAW_STATE_DIR/trade-manager.db" "$KEPT"
dd if=/dev/zero of="$OPENCLAW_STATE_DIR/rest" bs=1k 2>/dev/null || true
set +e
"$@" rule add --market-id m --token-id t --stop-loss 0.4
echo "code $?" >&2
cmp "$OPENCLAW_STATE_DIR/trade-manager.db" "$KEPT"
"""


@pytest.fixture(autouse=True)
def _session() -> Any:
    yield
    session.json_asked, session.config_file = False, None


def refused(done: Any, code: int, word: str) -> Any:
    """Check that it ended so, said nothing on stdout, and told one error; return that."""
    assert (done.code, done.out) == (code, "")
    error = done.error
    assert (error["code"], error["exitCode"], error["retryable"]) == (word, code, False)
    assert error["hint"]
    return error


def write_config(state: Path, text: str) -> Path:
    state.mkdir(mode=0o700)
    path = state / "trade-manager.json"
    path.write_text(text)
    path.chmod(0o600)
    return path


def write_key_file(state: Path, text: str) -> Path:
    folder = state / "credentials" / "agentwallet"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "one.json"
    path.write_text(text)
    return path


def damage(state: Path) -> Path:
    """Overwrite a good database from its third page on."""
    path = state / "trade-manager.db"
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xa5" * (path.stat().st_size - 2 * 4096))
    return path


# ---- the configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("args", USES, ids=lambda args: " ".join(args[:2]))
def test_an_unknown_key_is_named_with_the_nearest_one(
    args: tuple[str, ...], tm_here: TM, state: Path
) -> None:
    path = write_config(state, '{"maxSpred": 0.2}')
    error = refused(tm_here(*args), 78, "config_unknown_key")
    assert error["error"] == f'{path}: unknown key "maxSpred"'
    assert error["hint"] == 'did you mean "maxSpread"?'
    assert not (state / "trade-manager.db").exists()


def test_broken_json_is_named_by_its_line_in_both_forms(tm_here: TM, tm_tty: TM, state: Path) -> None:
    path = write_config(state, '{"port": 1,\n "paper": yes}')
    error = refused(tm_here("rule", "list"), 78, "config_not_json")
    assert error["error"].startswith(f"{path}, line 2, column 11: ")
    on_terminal = tm_tty("rule", "list")
    assert (on_terminal.code, on_terminal.out) == (78, "")
    assert on_terminal.err.startswith(f"error: {path}, line 2")
    assert "\nhint: the file must hold one JSON object" in on_terminal.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "has no apiKey"),
        ('{"apiKey": 5}', "has no apiKey"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named(content: str, said: str, tm_here: TM, state: Path) -> None:
    path = write_key_file(state, content)
    error = refused(tm_here("position", "list"), 77, "credentials_unreadable")
    assert error["error"] == f"key file {path}: {said}"


def test_a_key_file_that_may_not_be_read_is_named(environ: dict[str, str], state: Path) -> None:
    path = write_key_file(state, '{"apiKey": "ssk_secret"}')
    path.chmod(0)
    done = without_privilege(environ, "position", "list")
    assert (done.returncode, done.stdout) == (77, "")
    assert f"key file {path}: cannot be read: Permission denied" in done.stderr


# ---- files that cannot be read or written ----------------------------------------------------------


def without_privilege(environ: dict[str, str], *args: str) -> Any:
    """Run the program as somebody whom the modes of files bind, root too."""
    command = [sys.executable, "-m", "tm", *args]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("no setpriv: root may do everything")
        command = [setpriv, "--bounding-set", "-dac_override,-dac_read_search", *command]
    return subprocess.run(command, env=environ, capture_output=True, text=True)


@pytest.mark.parametrize("args", USES, ids=lambda args: " ".join(args[:2]))
def test_a_state_directory_that_may_not_be_written_is_named(
    args: tuple[str, ...], tm_here: TM, state: Path, environ: dict[str, str]
) -> None:
    assert tm_here(*BY_ID).code == 0
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    for path in state.iterdir():
        path.chmod(0o400)
    state.chmod(0o500)
    try:
        done = without_privilege(environ, *args)
    finally:
        state.chmod(0o700)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(state) in done.stderr
    assert "owner" in done.stderr
    assert "internal" not in done.stderr
    assert {path.name: path.read_bytes() for path in state.iterdir()} == before


def test_a_full_disk_is_called_full_and_nothing_is_half_written(
    state: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces: nothing can be mounted")
    state.mkdir(mode=0o700)
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", FULL, "sh", sys.executable, "-m", "tm"],
        env={**environ, "KEPT": str(tmp_path / "kept.db")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")
    *_, error, code = done.stderr.splitlines()
    assert code == "code 1"
    assert '"code": "disk_full"' in error
    assert "nothing is guarded" in error


@pytest.mark.parametrize("args", USES, ids=lambda args: " ".join(args[:2]))
def test_a_database_damaged_in_the_middle_is_no_fault_of_the_program(
    args: tuple[str, ...], tm_here: TM, state: Path
) -> None:
    assert tm_here(*BY_ID).code == 0
    path = damage(state)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    error = refused(tm_here(*args), 1, "database_corrupt")
    assert "restore a copy" in error["hint"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
