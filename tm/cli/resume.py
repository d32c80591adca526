"""`tm resume`: let orders leave again."""

from __future__ import annotations

from typing import Annotated

import typer

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session

app = new_app()


@app.command()
def resume(
    restored: Annotated[
        bool,
        typer.Option("--restored", help="You compared the trades: this old or copied database may go on."),
    ] = False,
) -> None:
    """Let orders leave again after `tm pause`.

    A database restored from an old copy does not know all that was sent: compare `tm execution list` with
    the wallet's trades, then give --restored.

    \b
    Example:
      tm resume
    """
    from tm.service.control import resume as switch

    with session.context() as ctx:
        was_paused = switch(ctx, restored=restored)
    emit({"paused": False, "wasPaused": was_paused}, "resumed" if was_paused else "was not paused")
