"""`tm install`: let systemd look after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm.cli.group import new_app
from tm.cli.output import emit, message
from tm.cli.session import session
from tm.errors import Invalid

if TYPE_CHECKING:
    from tm.host.install import Report
    from tm.host.systemctl import Scope

app = new_app()


@app.command()
def install(
    user: Annotated[bool, typer.Option("--user", help="Units of this user (the default).")] = False,
    system: Annotated[bool, typer.Option("--system", help="Units of the system (root's default).")] = False,
    run_as: Annotated[
        str | None, typer.Option("--run-as", metavar="USER", help="Whom system units run as.")
    ] = None,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start at once, not at next boot.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Say what would be done.")] = False,
) -> int:
    """Install the timer, the HTTP bridge, manual pages and completions, and start.

    A first configuration is written where there is none. Running it again changes only what differs.
    Exit: 0, or 3 when the first tick did not go well.

    \b
    Examples:
      tm install
      sudo tm install --system --run-as openclaw
      tm install --dry-run --json | jq -r '.files[]'
    """
    from tm.host.install import install as bring_in

    report = bring_in(
        chosen_scope(user, system), run_as, config_file=session.config_file, start=start, dry_run=dry_run
    )
    emit(report.to_wire(), _text(report))
    if not session.as_json:
        for warning in report.warnings:
            message(f"warning: {warning}")
    return report.exit_code


def chosen_scope(user: bool, system: bool) -> Scope | None:
    """Given the two flags, return the scope, or None where neither was given. Raise Invalid for both."""
    if user and system:
        raise Invalid("--user and --system exclude each other", code="usage")
    return "user" if user else "system" if system else None


def _text(report: Report) -> str:
    verb = "would " if report.dry_run else ""
    lines = [f"{verb}{change}" for change in report.changes]
    if not lines:
        lines = ["nothing to change: installed and running"]
    if report.first_tick is not None:
        lines.append(f"first tick: {report.first_tick}")
    if not report.dry_run:
        flags = "--user " if report.scope == "user" else ""
        lines += ["", f"log: journalctl {flags}-t openclaw-trade-manager -f", "check: tm doctor"]
    return "\n".join(lines)
