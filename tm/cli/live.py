"""The terminal while `tm watch` has it: keys without waiting, the alternate screen, and all given back."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tm.cli import screen
from tm.cli.lookout import Lookout
from tm.errors import TradeManagerError

NOTE_SECONDS = 6.0  # how long an answer stands in the last line
QUESTIONS = {
    False: " Pause? No order leaves then, and no position is guarded.  y / n",
    True: " Resume? Orders leave again, and what is already reached sells at the next look.  y / n",
}
_UP, _DOWN = ("\x1b[A", "\x1bOA", "k"), ("\x1b[B", "\x1bOB", "j")


def run(lookout: Lookout) -> None:
    """Draw until q is pressed. Ctrl-C raises KeyboardInterrupt; Ctrl-Z stops, and draws anew on return."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    lookout.look()  # what is wrong from the start is said on the ordinary screen
    watcher = Watcher(lookout)
    while watcher.goes_on:
        with _signals() as wake, _keyboard() as keys, _screen() as live:
            watcher.watch(live, keys, wake)
        if watcher.stopped:
            watcher.stopped = False
            signal.raise_signal(signal.SIGSTOP)


class Watcher:
    """What the person at the terminal has asked for, and what was drawn last."""

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        self.goes_on = True
        self.stopped = False
        self._asking = False
        self._note = ""
        self._note_until = 0.0
        self._top = 0
        self._drawn: object = None

    def watch(self, live: Live, keys: int | None, wake: int) -> None:
        """Draw once a second what has changed, and at once after a key or a new size."""
        self._drawn = None
        heard = [each for each in (keys, wake) if each is not None]
        while self.goes_on and not self.stopped:
            self._draw(live)
            ready, _, _ = select.select(heard, [], [], 1.0 - time.time() % 1.0 + 0.01)
            if wake in ready:
                self.stopped = signal.SIGTSTP in os.read(wake, 64)
            if keys in ready and keys is not None:
                pressed = os.read(keys, 64).decode("utf-8", "replace")
                if not pressed:  # the terminal is gone
                    self.goes_on = False
                self._press(pressed)

    def _press(self, keys: str) -> None:
        if self._asking:
            self._asking = False
            if keys in ("y", "Y"):
                self._switch()
            return
        if keys in ("q", "Q"):
            self.goes_on = False
        elif keys in ("p", "P"):
            self._asking = True
        elif keys in ("r", "R"):
            self._lookout.look(anew=True)
            self._say("read")
        elif keys in _UP:
            self._top = max(0, self._top - 1)
        elif keys in _DOWN:
            self._top = min(self._top + 1, screen.most_scroll(self._lookout.look()))

    def _switch(self) -> None:
        try:
            self._say(self._lookout.switch())
        except TradeManagerError as error:
            self._say(error.message + (f": {error.hint}" if error.hint else ""))

    def _say(self, note: str) -> None:
        self._note, self._note_until = note, time.monotonic() + NOTE_SECONDS

    def _draw(self, live: Live) -> None:
        seen, size = self._lookout.look(), live.console.size
        lines = screen.frame(
            seen, width=size.width, height=size.height, now=self._lookout.now(), top=self._top,
            footer=self._footer(seen),
        )  # fmt: skip
        drawn = (size, lines)
        if drawn != self._drawn:
            live.update(Group(*lines), refresh=True)
            self._drawn = drawn

    def _footer(self, seen: dict[str, Any]) -> Text:
        if self._asking:
            return Text(QUESTIONS[bool(seen["paused"])], "bold reverse")
        if time.monotonic() < self._note_until:
            return Text(f" {self._note}", "bold")
        return screen.keys(seen)


@contextmanager
def _screen() -> Iterator[Live]:
    # A size in the environment would hold against every resize of the window.
    environ = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    console = Console(markup=False, highlight=False, emoji=False, _environ=environ)
    with Live(
        console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    ) as live:
        yield live


@contextmanager
def _keyboard() -> Iterator[int | None]:
    """The terminal's keys, one by one and unseen; None where nobody sits there to press any."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        termios.tcsetattr(
            descriptor, termios.TCSAFLUSH, before
        )  # what was typed too late is not for the shell


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that wakes whoever waits, as when the size has changed; being asked to end raises."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with ExitStack() as undo:
        undo.callback(os.close, reads)
        undo.callback(os.close, writes)
        undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(writes, warn_on_full_buffer=False))
        for number in (signal.SIGWINCH, signal.SIGTSTP):
            undo.callback(signal.signal, number, signal.signal(number, _nothing))
        for number in (signal.SIGTERM, signal.SIGHUP):
            undo.callback(signal.signal, number, signal.signal(number, _end))
        yield reads


def _nothing(*_: Any) -> None:
    """Being woken is all."""


def _end(number: int, *_: Any) -> None:
    raise SystemExit(128 + number)
