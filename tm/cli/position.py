"""`tm position`: what is held."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Limit, Offset
from tm.cli.output import Column, emit_all, message
from tm.cli.session import session

app = new_app("List held positions, and what their prices were.")

COLUMNS: list[Column] = [
    ("POSITION", lambda record: record["label"] or record["tokenId"]),
    ("SHARES", "quantity"),
    ("BOUGHT AT", "avgEntryPrice"),
    ("BID", "bestBid"),
    ("ASK", "bestAsk"),
    ("READ AT", "lastUpdatedAt"),
    ("TOKEN", "tokenId"),
]
QUOTES: list[Column] = [("FROM", "at"), ("TO", "until"), ("BID", "bestBid"), ("ASK", "bestAsk")]


@app.command("list")
def list_(limit: Limit = 50, offset: Offset = 0) -> None:
    """List held positions; Vincent is asked where the last reading is older than a tick.

    \b
    Example:
      tm position list
    """
    from tm.service.positions import list_positions

    with session.context() as ctx:
        found, trouble = list_positions(ctx, limit=limit, offset=offset)
    emit_all([wire.position(each) for each in found], COLUMNS, empty="no positions are held")
    if trouble is not None:
        message(f"warning: not fresh: {trouble.message}")


@app.command()
def history(
    position: Annotated[
        str, typer.Argument(metavar="POSITION", help="A token id, or words that name one position.")
    ],
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="From then on: 2h, 3d, or ISO 8601.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List the quotes that the ticks read, newest first. Nothing outside is asked.

    A line is a quote and the time for which it stood. Every change is kept for a day, one a minute for 30
    days, one an hour for a year. `tm replay` runs rules over it.

    \b
    Examples:
      tm position history "trump yes"
      tm position history 7132104567 --since 6h --json
    """
    from tm.cli.when import parse_since
    from tm.service.history import list_history, named_token

    with session.context() as ctx:
        first = None if since is None else parse_since(since, ctx.clock())
        found = list_history(ctx, named_token(ctx, position), since=first, limit=limit, offset=offset)
    emit_all([wire.stretch(each) for each in found], QUOTES, empty="no quotes were read of it yet")
