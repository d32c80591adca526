"""`tm uninstall`: take away what `tm install` put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm.cli.group import new_app
from tm.cli.install import chosen_scope
from tm.cli.output import emit

if TYPE_CHECKING:
    from tm.host.uninstall import Report

app = new_app()


@app.command()
def uninstall(
    user: Annotated[bool, typer.Option("--user", help="Only this user's units.")] = False,
    system: Annotated[bool, typer.Option("--system", help="Only the system's units.")] = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Stop and remove units, manual pages, completions and links. Rules and configuration stay.

    \b
    Examples:
      tm uninstall --dry-run
      sudo tm uninstall --system
    """
    from tm.host.uninstall import uninstall as take_away

    reports = take_away(chosen_scope(user, system), dry_run=dry_run)
    record = {
        "dryRun": dry_run,
        "changes": [change for report in reports for change in report.changes],
        "kept": [kept for report in reports for kept in report.kept],
    }
    emit(record, _text(reports, dry_run))


def _text(reports: list[Report], dry_run: bool) -> str:
    verb = "would " if dry_run else ""
    lines = [f"{verb}{change}" for report in reports for change in report.changes]
    lines += [f"kept {kept}" for report in reports for kept in report.kept]
    return "\n".join(lines) or "nothing is installed"
