"""`tm serve`: the HTTP bridge."""

from __future__ import annotations

from typing import Annotated

import typer

from tm.cli.group import new_app
from tm.cli.session import session

app = new_app()

Port = Annotated[int | None, typer.Option("--port", metavar="N", help="Listen at this port.")]


@app.command()
def serve(port: Port = None) -> None:
    """Serve the HTTP API on 127.0.0.1 until told to stop.

    It records what is asked for and sends no order itself: the timer's ticks do. Without a timer use
    `tm run`. What it answers: GET /openapi.json.

    \b
    Examples:
      tm serve
      tm serve --port 19001
    """
    import signal

    from tm.http.server import make_server
    from tm.logs import log

    settings = session.settings(port=port)
    server = make_server(settings)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: server.stop())
    log("serving", url=server.url, paper=settings.paper or None)
    server.serve()
