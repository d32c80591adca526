"""Ticks for a host without a timer: one child process each, every poll interval, and at once on a kick.

A tick is a process of its own here too. One that hangs can be killed without ending the bridge, and a
killed tick is what the intent log is made for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from tm.config import Settings
from tm.engine.files import kick_waits
from tm.errors import EXIT_LOOK, EXIT_OK, Busy
from tm.logs import log

LONGEST_TICK = 90.0  # seconds; as the systemd unit's TimeoutStartSec
LOOK_FOR_KICK = 0.05  # seconds


class Ticker:
    """Runs ticks until it is stopped."""

    def __init__(self, settings: Settings, config_file: str | None = None) -> None:
        """`config_file`: what --config named; the ticks read it too."""
        self._state_dir = settings.state_dir
        self._interval = float(settings.poll_interval_seconds)
        self._environ = {**os.environ, **({"TM_CONFIG": os.path.abspath(config_file)} if config_file else {})}
        self._stopped = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._last_code = EXIT_OK

    def stop(self) -> None:
        """End after the running tick; asked a second time, end that one too."""
        child = self._child
        if self._stopped.is_set() and child is not None:
            child.terminate()
        self._stopped.set()

    def run(self) -> None:
        """Tick until stopped."""
        due = heeds_kicks_from = time.monotonic()
        while not self._stopped.is_set():
            now = time.monotonic()
            if now >= due or (now >= heeds_kicks_from and kick_waits(self._state_dir)):
                if now >= due:
                    due = now + self._interval
                code = self._tick()
                if code == Busy.exit_code:  # another one ticks, and looks at the queue before it ends
                    heeds_kicks_from = time.monotonic() + 1
                elif code not in (EXIT_OK, EXIT_LOOK):  # it may have left the kick where it was
                    heeds_kicks_from = due
            self._stopped.wait(LOOK_FOR_KICK)

    def _tick(self) -> int:
        """Run one tick and return its exit code, less than 0 where a signal ended it."""
        # A session of its own: Ctrl-C at the terminal is for us, and lets the tick finish.
        with subprocess.Popen(
            [sys.executable, "-m", "tm", "tick"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=self._environ,
            start_new_session=True,
        ) as self._child:
            try:
                code = self._child.wait(LONGEST_TICK)
            except subprocess.TimeoutExpired:
                self._child.kill()
                code = self._child.wait()
                log("tick_killed", "error", after_seconds=LONGEST_TICK)
        self._child = None
        if code not in (EXIT_OK, EXIT_LOOK, Busy.exit_code, self._last_code):
            log("tick_failed", "warning", exit_code=code)
        self._last_code = code
        return code
