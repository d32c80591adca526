"""A machine with a real systemd, driven from a test; the exchange and the gateway outlive its power cuts.

They are servers of the test's own process whose sockets were made in the machine's network: to the
machine they are 127.0.0.1, and what the machine does to itself does not touch them.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest

SCRIPT = Path(__file__).with_name("real-systemd.sh")
CLONE_NEWNET = 0x40000000
Scope = Literal["user", "system"]
USER = "tester"  # real-systemd.sh makes it
NAME = "openclaw-trade-manager"


def why_not() -> str | None:
    """Say what this host lacks for such a machine, or None."""
    done = subprocess.run(["bash", SCRIPT, "check"], capture_output=True, text=True)
    return None if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()


def without(reason: str) -> NoReturn:
    """Skip for a reason of this host; fail where TM_TEST_SYSTEMD says that it must work here."""
    if os.environ.get("TM_TEST_SYSTEMD") == "must":
        pytest.fail(f"no real systemd: {reason}")
    pytest.skip(f"no real systemd: {reason}")


class Machine:
    """`with Machine() as machine:` it is up, with root and the lingering user tester."""

    def __init__(self) -> None:
        reason = why_not()
        if reason is not None:
            without(reason)
        self.folder = tempfile.mkdtemp(prefix="tm-machine-")
        self._keeper = subprocess.Popen(
            ["bash", SCRIPT, "hold", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.init = 0
        self._network: ThreadPoolExecutor | None = None

    def __enter__(self) -> Machine:
        self._power("boot")
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave_network()
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()  # it ends with its input
        self._keeper.wait(60)
        self._keeper.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def reboot(self) -> None:
        self._power("reboot")

    def cut_power(self) -> None:
        """Everything in it dies at once; then it boots again."""
        self._power("crash")

    def _power(self, word: str) -> None:
        self._leave_network()
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write(f"{word}\n")
        self._keeper.stdin.flush()
        answer = self._keeper.stdout.readline().split()
        assert answer[:1] == ["up"], " ".join(answer)
        self.init = int(answer[1])

    # ---- in it

    def run(
        self,
        *command: str,
        user: str = USER,
        check: bool = True,
        input: str | None = None,
        seconds: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", SCRIPT, "run", str(self.init), user, *command],
            input=input or "",
            capture_output=True,
            text=True,
            timeout=seconds,
            env=clean_environ(),
        )
        assert not check or done.returncode == 0, (
            f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def write(self, path: str, text: str, user: str = USER) -> None:
        self.run(
            "sh", "-c", 'mkdir -p "$(dirname "$0")" && umask 077 && cat > "$0"', path, user=user, input=text
        )

    # ---- beside it

    def beside(self, work: Callable[[], Any]) -> Any:
        """Do something in this process as if it were in the machine's network; return what it returns."""
        if self._network is None:
            self._network = ThreadPoolExecutor(1, initializer=_join_network, initargs=(self.init,))
        return self._network.submit(work).result()

    def _leave_network(self) -> None:
        if self._network is not None:
            self._network.shutdown()
            self._network = None


class Host:
    """The program on such a machine, in one scope: installed from a wheel, spoken to by its own commands."""

    def __init__(self, machine: Machine, programs: Path, scope: Scope) -> None:
        self.machine = machine
        self.programs = programs  # the folder of `tm` and `python`
        self.scope = scope
        self.state = f"/home/{USER}/.openclaw"
        self.flags = ["--user"] if scope == "user" else []
        self.operator = USER if scope == "user" else "root"

    def configure(self, **values: Any) -> None:
        self.machine.write(f"{self.state}/trade-manager.json", json.dumps(values))
        self.machine.run("chmod", "700", self.state)

    def tm(self, *words: str, check: bool = True) -> Any:
        """Run `tm` as the user whose positions these are; return its JSON."""
        done = self.machine.run(str(self.programs / "tm"), *words, check=check)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def install(self, *words: str) -> Any:
        whose = ["--user"] if self.scope == "user" else ["--system", "--run-as", USER]
        command = [str(self.programs / "tm"), "install", *whose, *words]
        done = self.machine.run(*command, user=self.operator, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def systemctl(self, *words: str, check: bool = True) -> str:
        done = self.machine.run("systemctl", *self.flags, *words, user=self.operator, check=check)
        return done.stdout.strip()

    def show(self, unit: str, what: str) -> str:
        return self.systemctl("show", unit, f"--property={what}", "--value")

    def journal(self, *words: str) -> str:
        """What the program and systemd wrote about it, all boots."""
        done = self.machine.run(
            "journalctl",
            *self.flags,
            "-t",
            NAME,
            "-b",
            "all",
            "-o",
            "cat",
            "--no-pager",
            *words,
            user=self.operator,
        )
        return done.stdout

    def journal_of_systemd(self) -> str:
        """What systemd itself wrote about the tick's unit."""
        words = ["journalctl", *self.flags, "-u", NAME, "-t", "systemd", "-o", "cat", "--no-pager"]
        return self.machine.run(*words, user=self.operator).stdout

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit as `systemctl edit` would."""
        folder = f"/home/{USER}/.config/systemd/user" if self.scope == "user" else "/etc/systemd/system"
        self.machine.write(f"{folder}/{unit}.d/test.conf", text, user=self.operator)
        self.systemctl("daemon-reload")


def clean_environ() -> dict[str, str]:
    kept = ("PATH", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def wait_for(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """Wait until `what` gives something true, and return it; fail with `why` after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"not within {seconds:g} s: {why}")


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Write something that a person should see although the test passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n  {text.strip()}\n")


def _join_network(init: int) -> None:
    """Move this thread, and the threads that it starts, into the network of the machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/proc/{init}/ns/net", os.O_RDONLY)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)
