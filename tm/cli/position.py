"""`tm position`: what is held."""

from __future__ import annotations

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Limit, Offset
from tm.cli.output import Column, emit_all, message
from tm.cli.session import session

app = new_app("List held positions.")

COLUMNS: list[Column] = [
    ("POSITION", lambda record: record["label"] or record["tokenId"]),
    ("SHARES", "quantity"),
    ("BOUGHT AT", "avgEntryPrice"),
    ("BID", "bestBid"),
    ("ASK", "bestAsk"),
    ("READ AT", "lastUpdatedAt"),
    ("TOKEN", "tokenId"),
]


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
