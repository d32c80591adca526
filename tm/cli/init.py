"""`tm init`: the first configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.output import emit, message
from tm.cli.session import session

if TYPE_CHECKING:
    from tm.service.setup import Setup

app = new_app()


@app.command()
def init(
    paper: Annotated[
        bool, typer.Option("--paper", help="Set up the paper exchange: recorded prices, no real money.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be written.")] = False,
) -> None:
    """Write the configuration and find the Vincent key.

    A configuration that is there already is kept as it is. What each key means: `tm config show`.

    \b
    Examples:
      tm init
      OPENCLAW_STATE_DIR=~/tm-paper tm init --paper
    """
    from tm.service.setup import set_up

    done = set_up(session.config_file, paper=paper, dry_run=dry_run)
    record: dict[str, Any] = {
        "configFile": done.path,
        "created": not done.existed and not dry_run,
        "dryRun": dry_run,
        "config": done.values,
        "credentials": None if done.key is None else {"id": done.key.id, "file": done.key.path},
        "next": _next_steps(done),
    }
    emit(record, _told(done, dry_run), paper=done.settings.paper)
    if done.key_trouble is not None:
        message(f"warning: {done.key_trouble.message}\nhint: {done.key_trouble.hint}")


def _next_steps(done: Setup) -> list[str]:
    if done.settings.paper:
        return [
            f"export OPENCLAW_STATE_DIR={done.settings.state_dir}",
            "tm paper serve",
            "tm position list",
            'tm rule add "trump yes" --stop-loss 0.40',
            "tm tick",
        ]
    return ["tm doctor", "tm position list", 'tm rule add "trump yes" --stop-loss 0.40', "tm install"]


def _told(done: Setup, dry_run: bool) -> str:
    """Given what was done, return it as people read it: what changed, each key's meaning, what is next."""
    from tm.config import KEYS

    verb = "kept" if done.existed else "would write" if dry_run else "wrote"
    lines = [f"{verb} {done.path}"]
    if done.key is not None:
        lines.append(f"Vincent key: {done.key.id}, from {done.key.path}")
    elif done.settings.vincent_api_key is not None:
        lines.append("Vincent key: configured")
    meanings = {key.name: key.meaning for key in KEYS}
    lines.append("")
    for name, value in done.values.items():
        shown = "(not set)" if value is None else str(value).lower() if isinstance(value, bool) else value
        lines += [f"  {name}: {shown}", f"      {meanings[name]}"]
    lines += ["", "all keys and what they mean: tm config show", "next:"]
    return "\n".join([*lines, *(f"  {step}" for step in _next_steps(done))])
