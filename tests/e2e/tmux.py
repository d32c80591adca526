"""A real terminal: tmux, whose screen is read and whose keys are pressed."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


class Terminal:
    """One tmux server with one window; a command runs in it, and what it leaves behind stays to be seen."""

    def __init__(self, directory: Path, environ: dict[str, str], width: int = 80, height: int = 24) -> None:
        self._tmux = [
            shutil.which("tmux"),
            "-S",
            str(directory / f"tmux-{time.monotonic_ns()}.sock"),
            "-f",
            "/dev/null",
        ]
        self._environ = {k: v for k, v in environ.items() if k not in ("TMUX", "TERM")}
        self._environ["LC_ALL"] = "C.UTF-8"
        self._do("new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height), "sh", "-i")
        self._do("set", "-t", "t", "status", "off")
        self._do("set", "-t", "t", "window-size", "manual")
        self._do("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def _do(self, *args: str) -> str:
        done = subprocess.run(
            [*self._tmux, *args], capture_output=True, text=True, env=self._environ, timeout=30, check=True
        )
        return done.stdout

    def run(self, *command: str) -> None:
        """Type a command and press Enter; when it ends, `ended N` is printed with its exit code."""
        self.press(shlex.join(command) + "; echo en''ded $?", "Enter")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: q, C-c, Enter, Up ..."""
        self._do("send-keys", "-t", "t", *keys)

    def resize(self, width: int, height: int) -> None:
        self._do("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def screen(self, *, colours: bool = False) -> str:
        return self._do("capture-pane", "-p", "-t", "t", *(["-e"] if colours else []))

    def see(self, *texts: str, seconds: float = 20) -> str:
        """Wait until the screen shows all of these, and return it."""
        return self.wait(lambda shown: all(text in shown for text in texts), f"{texts}", seconds)

    def wait(self, fits: Callable[[str], bool], wanted: str, seconds: float = 20) -> str:
        """Wait until the screen fits, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self.screen()
            if fits(shown):
                return shown
            if time.monotonic() > deadline:
                raise AssertionError(f"the screen is not as wanted ({wanted}):\n{shown}")
            time.sleep(0.05)

    def on_alternate_screen(self) -> bool:
        return self._do("display", "-p", "-t", "t", "#{alternate_on}").strip() == "1"

    def child(self) -> int:
        """The process id of what runs in the shell."""
        shell = self._do("display", "-p", "-t", "t", "#{pane_pid}").strip()
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", shell], capture_output=True, text=True)
        return int(found.stdout.split()[0])

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, env=self._environ, timeout=30)
