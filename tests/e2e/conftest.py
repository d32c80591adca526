"""The real program, as a process of its own."""

from __future__ import annotations

import io
import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bridge import SECRET
from tests.gateway import TOKEN, Gateway
from tm.venue.paper.control import PaperControl
from tm.venue.paper.server import PaperServer


@dataclass(frozen=True)
class Run:
    """What one run of `tm` gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error object: the last line of stderr."""
        return json.loads(self.err.splitlines()[-1])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory of this test's `tm`; it does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def environ(tmp_path: Path, state: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "_TM_"))}
    for name in ("JOURNAL_STREAM", "NO_COLOR", "COLUMNS"):
        kept.pop(name, None)
    return {**kept, "HOME": str(tmp_path), "OPENCLAW_STATE_DIR": str(state), "TERM": "xterm"}


@pytest.fixture
def tm(environ: dict[str, str]) -> Callable[..., Run]:
    """tm("rule", "list", TM_PORT="1") runs the program with pipes for stdin, stdout and stderr."""

    def run(*args: str, stdin: str = "", **variables: str) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "tm", *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**environ, **variables},
        )
        return Run(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def tm_here(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """The same within this process, fast: for tables of input errors, where only parsing is at stake."""
    from tm.cli.app import run as run_here

    def run(*args: str, stdin: str = "") -> Run:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run_here(list(args))
        return Run(code, *capsys.readouterr())

    return run


@pytest.fixture
def tm_tty(environ: dict[str, str]) -> Callable[..., Run]:
    """The same on a terminal 120 columns wide; stderr stays a pipe."""

    def run(*args: str, **variables: str) -> Run:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "tm", *args],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**environ, "COLUMNS": "120", **variables},
        ) as process:
            os.close(theirs)
            out = _read_all(ours)
            os.close(ours)
            assert process.stderr is not None
            err = process.stderr.read().decode()
            code = process.wait(60)
        return Run(code, out.replace("\r\n", "\n"), err)

    return run


def _read_all(descriptor: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux says EIO when the other side is gone
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


# ---- a machine with the bridge on it


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def exchange() -> Iterator[PaperControl]:
    """An exchange on which 100 shares of one token are held, whose best bid is 0.50."""
    with PaperServer() as server:
        server.control.create("111", shares="100", title="Trump?")
        server.control.set_book("111", "0.50", "0.51")
        yield server.control


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as one:
        yield one


@pytest.fixture
def live(
    environ: dict[str, str], state: Path, port: int, exchange: PaperControl, gateway: Gateway
) -> dict[str, str]:
    """The environment of a `tm` that trades on the paper exchange and wakes the gateway."""
    state.mkdir(mode=0o700)
    config = {
        "port": port,
        "vincentApiUrl": exchange.url,
        "vincentApiKey": "ssk_paper",
        "priceSource": "vincent",
        "paper": True,
        "alertsSharedSecret": SECRET,
        "agentWakeUrl": gateway.hook("agent"),
        "agentWakeToken": TOKEN,
        "pollIntervalSeconds": 60,
    }
    (state / "trade-manager.json").write_text(json.dumps(config))
    return environ
