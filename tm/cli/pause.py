"""`tm pause`: let no order leave."""

from __future__ import annotations

from typing import Annotated

import typer

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session

app = new_app()


@app.command()
def pause(reason: Annotated[str | None, typer.Argument(metavar="[REASON]", help="Why.")] = None) -> None:
    """Let no order leave until `tm resume`. Reading and reconciling go on, selling does not.

    \b
    Example:
      tm pause "moving the wallet"
    """
    from tm.service.control import pause as switch

    with session.context() as ctx:
        now = switch(ctx, reason)
    text = f"PAUSED since {now['since']}: no order leaves, no position is guarded\n  next: tm resume"
    emit({"paused": True, "pause": now}, text)
