"""What one run of `tm` was asked for beside its command: the form of its output, and the configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tm.config import Settings
    from tm.service.context import Context


@dataclass
class Session:
    """What was asked of this run."""

    json_asked: bool = False  # --json
    config_file: str | None = None  # --config

    @property
    def as_json(self) -> bool:
        """JSON when asked for, and whenever nobody sits at a terminal to read a table."""
        return self.json_asked or not is_terminal()

    def settings(self, **flags: object) -> Settings:
        """Return the settings in force; `flags` are those that the command line gave, by key."""
        from tm import logs
        from tm.config import load_settings

        settings = load_settings(self.config_file, flags)
        logs.set_level(settings.log_level)
        return settings

    def settings_of_a_tick(self) -> Settings:
        """The same; at a terminal a tick's answer tells what happened: only trouble is logged beside."""
        from tm import logs

        settings = self.settings()
        if is_terminal():
            logs.set_level(_quieter(settings.log_level))
        return settings

    @contextmanager
    def context(self) -> Iterator[Context]:
        """Open what a use case works with. Its answer tells what happened: only trouble is logged beside."""
        from tm import logs
        from tm.service.context import open_context

        settings = self.settings()
        logs.set_level(_quieter(settings.log_level))
        with open_context(settings) as ctx:
            yield ctx


def _quieter(level: str) -> str:
    return "warning" if level in ("info", "notice") else level


def is_terminal(stream: Any = None) -> bool:
    """Say whether stdout, or `stream`, is a terminal; a closed one is not."""
    try:
        return bool((stream or sys.stdout).isatty())
    except (AttributeError, ValueError):
        return False


session = Session()  # one process is one run
