"""`tm position`: what is held."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Limit, Offset
from tm.cli.output import Column, Record, dollars, emit_all, message, price
from tm.cli.session import session
from tm.times import parse_iso

app = new_app("List held positions, and what their prices were.")

QUOTE_COUNTS_FOR = 60  # seconds

COLUMNS: list[Column] = [
    ("POSITION", lambda record: record["label"] or record["tokenId"]),
    ("SHARES", "quantity"),
    ("BOUGHT AT", price("avgEntryPrice")),
    ("PRICE", price("currentPrice")),
    ("BID", lambda record: _fresh(record, "bestBid")),
    ("ASK", lambda record: _fresh(record, "bestAsk")),
    ("READ UTC", "lastUpdatedAt"),
    ("TOKEN", "tokenId"),
]
QUOTES: list[Column] = [
    ("FROM UTC", "at"),
    ("TO UTC", "until"),
    ("BID", price("bestBid")),
    ("ASK", price("bestAsk")),
]


@app.command("list")
def list_(limit: Limit = 50, offset: Offset = 0) -> None:
    """List held positions; Vincent is asked where the last reading is older than a tick.

    PRICE is what holdings say; BID and ASK are of the book, which is read for positions that have a rule.
    A sale gets the bid. A bid or ask that is older than a minute is not shown.

    \b
    Example:
      tm position list
    """
    from tm.service.positions import list_positions

    with session.context() as ctx:
        found, trouble = list_positions(ctx, limit=limit, offset=offset)
    empty = "no positions are held" if trouble is None else "no positions were held when that was last read"
    emit_all([wire.position(each) for each in found], COLUMNS, empty=empty, spare=("TOKEN", "READ UTC"))
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


def _fresh(record: Record, key: str) -> str | None:
    """Given a position and one side of its book, return that price where it was read with the position."""
    if record["quoteAt"] is None:
        return None
    behind = (parse_iso(record["lastUpdatedAt"]) - parse_iso(record["quoteAt"])).total_seconds()
    return dollars(record[key]) if behind <= QUOTE_COUNTS_FOR else None
