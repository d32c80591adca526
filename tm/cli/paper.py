"""`tm paper`: the paper exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.output import Column, emit, emit_all, message
from tm.cli.session import session
from tm.wire import number

if TYPE_CHECKING:
    from tm.service.paper import Held

app = new_app("Run the paper exchange, move its prices, look at what is held there.")

COLUMNS: list[Column] = [
    ("TOKEN", "tokenId"), ("POSITION", "label"), ("SHARES", "shares"), ("BID", "bestBid"), ("ASK", "bestAsk"),
]  # fmt: skip


@app.command()
def serve() -> None:
    """Serve the paper exchange where the configuration says, until told to stop.

    Its account begins with two positions and keeps what happens to it in <state>/paper.db.

    \b
    Example:
      tm init --paper && tm paper serve
    """
    from tm.service import paper

    def announce(url: str) -> None:
        message(
            f'paper exchange at {url}; elsewhere: tm paper show, tm rule add "trump yes" --stop-loss 0.40'
        )

    paper.serve(session.settings(), announce)


@app.command()
def move(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A held token's id, or words of its title.")],
    bid: Annotated[str, typer.Argument(metavar="BID", help="The new best bid, USD per share.")],
    ask: Annotated[
        str | None, typer.Argument(metavar="[ASK]", help="The new best ask; else bid + 0.01.")
    ] = None,
) -> None:
    """Move a token's price.

    \b
    Examples:
      tm paper move "trump yes" 0.39
      tm paper move paper-rain-no 0.30 0.34
    """
    from tm.service import paper

    moved = paper.move(session.settings(), token, bid, ask)
    emit(_record(moved), f"{moved.label}: bid {moved.bid}, ask {moved.ask}", paper=True)


@app.command()
def show() -> None:
    """Show what the paper account holds, at the exchange's own prices.

    \b
    Example:
      tm paper show --json
    """
    from tm.service import paper

    emit_all(
        [_record(one) for one in paper.held(session.settings())], COLUMNS, empty="nothing is held", paper=True
    )


def _record(holding: Held) -> dict[str, Any]:
    return {
        "tokenId": holding.token_id,
        "label": holding.label,
        "shares": number(holding.shares),
        "bestBid": number(holding.bid),
        "bestAsk": number(holding.ask),
    }
