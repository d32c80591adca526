"""`tm` in the background of a test."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(*args: str, env: dict[str, str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """The program in the background; killed at the end if it is still there."""
    command = [sys.executable, "-m", "tm", *args]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(what: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
