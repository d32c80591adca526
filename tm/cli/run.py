"""`tm run`: bridge and ticks in one foreground process, for hosts without systemd."""

from __future__ import annotations

from typing import Any

from tm.cli.group import new_app
from tm.cli.serve import Port
from tm.cli.session import session

app = new_app()


@app.command()
def run(port: Port = None) -> None:
    """Serve and tick in the foreground, for hosts without systemd (`tm start` is the same).

    Ticks every pollIntervalSeconds, and at once when an alert comes in. On Ctrl-C or SIGTERM the running
    tick and the running requests are finished first; a second one ends the tick too, which is safe.

    \b
    Examples:
      tm run
      trade-manager start
    """
    import signal
    import threading

    from tm.host.ticker import Ticker
    from tm.http.server import make_server
    from tm.logs import log

    settings = session.settings(port=port)
    server, ticker = make_server(settings), Ticker(settings, session.config_file)

    def stop(*_: Any) -> None:
        server.stop()
        ticker.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    serving = threading.Thread(target=server.serve, name="bridge")
    serving.start()
    log("running", url=server.url, every_seconds=settings.poll_interval_seconds, paper=settings.paper or None)
    try:
        ticker.run()
    finally:
        server.stop()
        serving.join()
