"""`tm watch`: one screen that is left open."""

from __future__ import annotations

import os
from typing import Any

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session

app = new_app()


@app.command()
def watch() -> None:
    """Show positions, rules, and what happened last, and keep it up to date; q or Ctrl-C ends it.

    Keys: p pauses (it asks first) and resumes, r reads holdings now, the arrow keys scroll. In a pipe, or
    with --json, it prints one record and ends.

    \b
    Examples:
      tm watch
      tm watch --json
    """
    from tm import logs

    if session.as_json:
        from tm.service.overview import overview

        with session.context() as ctx:
            emit(overview(ctx))
        return
    settings = session.settings()
    logs.set_level("error")  # a line of the log would tear the screen
    from tm.cli.lookout import Lookout

    with Lookout(settings) as lookout:
        if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
            _print_once(lookout)
        else:
            from tm.cli.live import run

            run(lookout)


def _print_once(lookout: Any) -> None:
    """One frame, for a terminal that can only go on."""
    from rich.console import Console

    from tm.cli.screen import frame

    console = Console(markup=False, highlight=False, emoji=False)
    seen = lookout.look()
    lines = frame(seen, width=console.width, height=10_000, now=lookout.now(), footer=None)
    while len(lines) > 1 and not lines[-2].plain.strip():
        lines.pop(-2)
    for line in lines[:-1]:
        console.print(line)
