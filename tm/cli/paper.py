"""`tm paper`: the paper exchange, where nothing costs money."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.output import Column, dollars, emit, emit_all
from tm.cli.output import price as priced
from tm.cli.session import session
from tm.errors import Invalid

app = new_app("Run the paper exchange, move its prices, and see what it knows.")

COMMON_DEPTH = "10000"
NEXT = (
    "tm position list",
    'tm rule add "trump yes" --stop-loss 0.40',
    'tm paper price "trump yes" 0.38',
    "tm tick",
    "tm paper show",
)
POSITIONS: list[Column] = [
    ("POSITION", "label"),
    ("HELD", "shares"),
    ("BOUGHT AT", priced("avgEntryPrice")),
    ("BID", priced("bestBid")),
    ("ASK", priced("bestAsk")),
    ("RECORDING", lambda record: _recording(record)),
    ("TOKEN", "tokenId"),
]
ORDERS: list[Column] = [
    ("UTC", "at"),
    ("FROM", "source"),
    ("SIDE", "side"),
    ("SHARES", "shares"),
    ("STATUS", "status"),
    ("FILLED", "filled"),
    ("PRICE", priced("avgPrice")),
    ("POSITION", "label"),
]

Position = Annotated[
    str, typer.Argument(metavar="POSITION", help='A token id, or words that name one: "trump yes".')
]


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Listen at this port.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is there and begin anew.")] = False,
) -> None:
    """Run the exchange on 127.0.0.1 until Ctrl-C. Its state is kept in <state>/paper.db.

    A new one holds two positions: one whose price you set, one with a recorded crash to be played.

    \b
    Examples:
      tm paper serve
      tm paper serve --fresh
    """
    from tm.service import paper

    settings = session.settings()

    def announce(url: str, tokens: list[dict[str, Any]]) -> None:
        held = [_token(each) for each in tokens if Decimal(each["shares"]) > 0]
        record = {"url": url, "database": str(paper.database_path(settings)), "positions": held}
        steps = list(NEXT)
        if url != settings.vincent_api_url:
            steps.insert(0, f"export TM_VINCENT_API_URL={url}")
        if os.environ.get("OPENCLAW_STATE_DIR"):
            steps.insert(0, f"export OPENCLAW_STATE_DIR={settings.state_dir}")
        told = [f"the paper exchange answers at {url}; its books: {record['database']}"]
        told += [f"  held: {each['shares']} shares of {each['label']}, {_prices(each)}" for each in held]
        told += ["next, in another terminal:", *(f"  {step}" for step in steps), "Ctrl-C ends it"]
        emit({**record, "next": steps}, "\n".join(told), paper=True)

    paper.serve(settings, port, fresh, announce)


@app.command()
def show() -> None:
    """Show what the exchange itself knows: what is really held, its prices, every order it accepted.

    \b
    Examples:
      tm paper show
      tm paper show --json
    """
    from tm.service.paper import exchange

    settings = session.settings()
    with exchange(settings) as control:
        tokens, orders, wallet = control.tokens(), control.orders(), control.wallet()
        requests = control.count("bet")
    labels = {each["token"]: _label(each) for each in tokens}
    record: dict[str, Any] = {
        "url": settings.vincent_api_url,
        "usd": _number(wallet["usd"]),
        "betRequests": requests,
        "positions": [_token(each) for each in tokens],
        "orders": [_order(each, labels) for each in reversed(orders)],
    }
    if session.as_json:
        emit(record, paper=True)
        return
    emit_all(record["positions"], POSITIONS, empty="no positions", paper=True, spare=("TOKEN",))
    emit(record, "")
    emit_all(record["orders"], ORDERS, empty="no orders were accepted", spare=("FROM", "SIDE"))
    emit(
        record,
        f"\ncash {record['usd']} USD; calls of POST /bet since the exchange started: {requests}",
    )


@app.command()
def price(
    position: Position,
    bid: Annotated[str, typer.Argument(metavar="BID", help='USD per share, or "none": nobody bids.')],
    ask: Annotated[
        str | None, typer.Argument(metavar="[ASK]", help="The same; when left out, a cent above the bid.")
    ] = None,
    depth: Annotated[str, typer.Option(metavar="SHARES", help="On each side.")] = COMMON_DEPTH,
) -> None:
    """Set a position's best bid and best ask. They stay until the next change.

    \b
    Examples:
      tm paper price "trump yes" 0.38
      tm paper price "trump yes" 0.38 0.45 --depth 20
      tm paper price "trump yes" none
    """
    from tm.service.paper import CENT, exchange, set_price

    at = _price("BID", bid)
    if ask is not None:
        offered = _price("ASK", ask)
    else:
        offered = None if at is None or at + CENT >= 1 else at + CENT
    many = _amount("--depth", depth)
    with exchange(session.settings()) as control:
        record = _token(set_price(control, position, at, offered, many))
    emit(record, f"{record['label']}: {_prices(record)}", paper=True)


@app.command()
def play(
    position: Position,
    recording: Annotated[
        str | None, typer.Argument(metavar="[RECORDING]", help="When left out: the one it has.")
    ] = None,
    speed: Annotated[
        float, typer.Option(metavar="X", min=0.001, max=100000, help="Recorded seconds in a second.")
    ] = 8,
    row: Annotated[int | None, typer.Option(metavar="N", min=0, help="Begin at this row.")] = None,
) -> None:
    """Let a recorded market run under a position's prices.

    Recordings have a row every two minutes or so: at the speed of 8, one in 15 seconds.

    \b
    Examples:
      tm paper play mariners
      tm paper play "trump yes" wick_0.79_to_0.55 --speed 60
    """
    from tm.service.paper import exchange
    from tm.service.paper import play as run

    with exchange(session.settings()) as control:
        record = _token(run(control, position, recording, row, speed))
    emit(record, f"{record['label']}: {_prices(record)}, row {_recording(record)}", paper=True)


@app.command()
def fault(
    endpoint: Annotated[
        str | None,
        typer.Argument(metavar="[ENDPOINT]", help="Such as bet, holdings, trades, book; * is any."),
    ] = None,
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="Such as drop, status, approval, thin.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=0, help="How many requests; 0: all.")] = 1,
    seconds: Annotated[float | None, typer.Option(metavar="S", min=0, help="For kinds that wait.")] = None,
    status: Annotated[int | None, typer.Option(metavar="CODE", help="For the kind status.")] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="For bet_failed and denied.")] = None,
    after: Annotated[
        bool, typer.Option("--after", help="Accept the request, then spoil the answer.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all faults first.")] = False,
) -> None:
    """Let the exchange misbehave, as networks and exchanges do; without arguments, list what is to come.

    \b
    Examples:
      tm paper fault bet drop --after
      tm paper fault bet approval --seconds 60
      tm paper fault holdings status --status 503 --count 3
      tm paper fault --clear
    """
    from tm.service.paper import exchange
    from tm.venue.paper.faults import Fault

    script = []
    if endpoint is not None:
        try:
            script.append(
                Fault(
                    endpoint, kind or "", count=count or None, seconds=seconds, status=status,
                    message=message, after=True if after else None,
                )
            )  # fmt: skip
        except ValueError as problem:
            raise Invalid(str(problem), hint="`tm paper fault --help` shows examples") from None
    with exchange(session.settings()) as control:
        if clear:
            control.clear_faults()
        control.fault(*script)
        left = control.faults()
    shown = [{name: value for name, value in each.items() if value not in (None, {})} for each in left]
    columns: list[Column] = [("ENDPOINT", "endpoint"), ("KIND", "kind"), ("COUNT", "count"), ("HITS", "hits")]
    emit_all(shown, columns, empty="no faults are to come")


def _token(told: dict[str, Any]) -> dict[str, Any]:
    """Given a token as the exchange tells of it, return the record."""
    return {
        "tokenId": told["token"],
        "marketId": told["market"],
        "label": _label(told),
        "shares": _number(told["shares"]),
        "avgEntryPrice": _number(told["avg_price"]),
        "bestBid": _number(told["bid"]),
        "bestAsk": _number(told["ask"]),
        "resolved": told["winner"] is not None,
        "row": told["row"],
        "lastRow": told["last"],
        "playing": told["playing"],
    }


def _order(told: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    return {
        "id": told["id"],
        "at": told["at"],
        "source": told["source"],
        "tokenId": told["token"],
        "label": labels.get(told["token"]),
        "side": told["side"],
        "type": told["type"],
        "shares": _number(told["shares"]),
        "status": told["status"],
        "reason": told["reason"],
        "filled": _number(told["filled"]),
        "avgPrice": _number(told["avg_price"]),
        "usd": _number(told["usd"]),
    }


def _label(told: dict[str, Any]) -> str:
    return f"{told['title']} · {told['outcome']}"


def _number(text: str | None) -> int | float | None:
    from tm.wire import number

    return None if text is None else number(Decimal(text))


def _recording(record: Any) -> str | None:
    if record["row"] is None:
        return None
    return f"{record['row']} of {record['lastRow']}" + (", playing" if record["playing"] else "")


def _prices(record: dict[str, Any]) -> str:
    bid, ask = record["bestBid"], record["bestAsk"]
    return f"bid {dollars(bid) or 'none'}, ask {dollars(ask) or 'none'}"


def _price(name: str, text: str) -> Decimal | None:
    from tm.service.terms import price as read

    if text.lower() == "none":
        return None
    try:
        return read(text)
    except ValueError as problem:
        raise Invalid(f'{name}: "{text[:60]}": {problem}, or "none"') from None


def _amount(name: str, text: str) -> Decimal:
    from tm.service.terms import shares as read

    try:
        return read(text)
    except ValueError as problem:
        raise Invalid(f'{name}: "{text[:60]}": {problem}') from None
