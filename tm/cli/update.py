"""`tm update`: a newer version, or back to where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session
from tm.errors import EXIT_OK

if TYPE_CHECKING:
    from tm.host.update import Report

app = new_app()


@app.command()
def update(
    check: Annotated[bool, typer.Option("--check", help="Only say what there is.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="This version, also an older.")
    ] = None,
) -> int:
    """Install the newest version, with the installer in use (pip, pipx, uv), and restart.

    The new version tries a copy of the database first. Where its `tm doctor` finds a fault that was not
    there before, everything goes back to where it was. Exit: 0 updated, or nothing newer; 1 gone back.

    For system units root asks the index of root's own settings (TM_UPDATE_INDEX_URL), never of the user's.

    \b
    Examples:
      tm update --check
      tm update
      tm update --to 0.1.0
    """
    from tm.host.update import update as bring_to

    report = bring_to(to, check=check, config_file=session.config_file)
    emit(report.to_wire(), _text(report))
    return 1 if report.went_back else EXIT_OK


def _text(report: Report) -> str:
    if report.went_back:
        return (
            f"{report.target} is not fit: {report.reason}\nback to {report.current}; nothing else was changed"
        )
    if report.updated:
        return "\n".join([f"updated from {report.current} to {report.target}", *report.steps])
    if report.target is None:
        return f"{report.current} is the newest" if report.latest else "the index offers no release"
    return f"{report.target} is there; this is {report.current}\nnext: tm update"
