"""`tm skill`: the agent's manual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tm.cli.group import new_app
from tm.cli.options import DryRun
from tm.cli.output import emit, emit_text

app = new_app("Show the agent's manual, or install it where OpenClaw finds it.")


@app.command()
def show() -> None:
    """Print the manual: how an agent sets rules, hands in alerts, and what it tells the user.

    \b
    Example:
      tm skill show
    """
    from tm.host import skill

    emit_text(skill.text().rstrip("\n"), {"text": skill.text()})


@app.command()
def install(
    workspace: Annotated[
        str | None, typer.Option(metavar="DIR", help="Into this workspace; else into the state directory.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Write the manual to <state>/skills/trade-manager/SKILL.md; again: bring it up to date.

    \b
    Examples:
      tm skill install
      tm skill install --workspace ~/.openclaw/workspace
    """
    from tm import paths
    from tm.host import skill

    path = skill.place(Path(workspace).expanduser() if workspace else Path(paths.state_dir()))
    done = skill.install(path, dry_run=dry_run)
    words = {"written": "wrote", "updated": "updated", "unchanged": "is up to date already:"}[done]
    if dry_run and done != "unchanged":
        words = "would write"
    emit({"path": str(path), "result": done, "dryRun": dry_run}, f"{words} {path}")
