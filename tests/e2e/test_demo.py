"""`tm demo`: one sale, told in every form, with nobody outside asked and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TM = [sys.executable, "-m", "tm", "demo"]

# In a network namespace of its own there is nothing but this: whoever calls out gets "unreachable".
LOOPBACK_ONLY = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))
os.execv(sys.argv[1], sys.argv[1:])
"""


def homeless(place: Path) -> dict[str, str]:
    """Make an empty home and an empty place for temporary files; return the environment that names them."""
    for name in ("home", "tmp"):
        (place / name).mkdir()
    return {
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error::ResourceWarning",
    }


def left_in(place: Path) -> list[str]:
    return [str(path) for name in ("home", "tmp") for path in (place / name).rglob("*")]


def assert_sold_once(out: str) -> None:
    sold = [line for line in out.splitlines() if line.startswith("sold")]
    assert sold == ["sold 100 shares at 0.60 for 60.00 USD at 17:22:51 UTC"]
    assert "one order, whole, and no shares left" in out
    assert "17:31:02  take profit 0.90: ends, position closed" in out


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    place = tmp_path_factory.mktemp("piped")
    done = subprocess.run(TM, env=homeless(place), capture_output=True, text=True, timeout=60)
    return done, place


def test_in_a_pipe_it_tells_of_the_sale_in_plain_lines(
    piped: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = piped
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PAPER")
    assert "\x1b" not in done.stdout
    assert_sold_once(done.stdout)


def test_it_says_what_holding_on_was_worth_and_what_a_stop_cannot_do(
    piped: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    out = piped[0].stdout
    assert "holding on would have ended at 0.00 USD: a loss of 77.00 instead of 17.00" in out
    assert "from one look to the next the bid fell from 0.71 to 0.60" in out
    assert "at 18:38:47 it fell from 0.815 to 0.155: a stop at 0.50 would have sold at 0.155" in out


def test_it_leaves_nothing_behind(piped: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    assert left_in(piped[1]) == []


def test_as_json_it_is_one_object_and_asks_nobody_outside(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    apart = [unshare or "", "-rn", sys.executable, "-c", LOOPBACK_ONLY]
    if unshare is None or subprocess.run([*apart, "/bin/true"], capture_output=True).returncode != 0:
        pytest.skip("no network namespace can be made here: unshare -rn is missing or not allowed")
    done = subprocess.run(
        [*apart, *TM, "--json"], env=homeless(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert next(iter(told.items())) == ("paper", True)
    assert told["sales"] == [{"at": "2026-07-11T17:22:51.000Z", "shares": 100, "price": 0.6, "usd": 60}]
    assert (told["orders"], told["held"], told["soldOnce"]) == (1, 0, True)
    assert [rule["status"] for rule in told["rules"]] == ["TRIGGERED", "CANCELED"]
    assert left_in(tmp_path) == []


def on_a_terminal(env: dict[str, str], interrupt_at: bytes | None = None) -> tuple[int, str]:
    """Run it on a terminal, with Ctrl-C once it has shown `interrupt_at`; return exit code and output."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, TM, {**env, "COLUMNS": "100", "LINES": "40"})
    out = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the other side is gone
            break
        if not part:
            break
        out += part
        if interrupt_at is not None and interrupt_at in out:
            os.write(terminal, b"\x03")
            interrupt_at = None
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), out.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_draws_the_path_and_ends_with_the_sale(tmp_path: Path) -> None:
    code, out = on_a_terminal(homeless(tmp_path))
    assert code == 0
    assert "stop loss 0.70     ACTIVE" in out
    assert "stop loss 0.70     TRIGGERED" in out
    after = re.split(r"\x1b\[\?25h", out)[-1]  # the cursor is back: the live picture is over
    assert "\N{BLACK CIRCLE}" in after
    assert "0.70 stop" in after
    assert "\nsold 100 shares at 0.60 " in after
    assert left_in(tmp_path) == []


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    code, out = on_a_terminal(homeless(tmp_path), interrupt_at=b"bid 0.77")
    assert code == 130
    assert "\x1b[?25h" in out  # the cursor is back
    assert "Traceback" not in out
    assert left_in(tmp_path) == []


def test_a_signal_leaves_nothing_behind_either(tmp_path: Path) -> None:
    with subprocess.Popen(TM, env=homeless(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "stop loss" not in process.stdout.readline():
            pass
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert left_in(tmp_path) == []
