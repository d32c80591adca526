"""Serving: the application on its socket, for as long as somebody wants it."""

from __future__ import annotations

import logging
import socket

from tm.config import Settings
from tm.http.app import App
from tm.http.connection import Listener
from tm.http.sockets import lent_socket, own_socket
from tm.logs import log


def make_server(settings: Settings) -> Listener:
    """Given the settings, return a server that listens already; `serve()` runs it, `stop()` ends it.

    On a socket of systemd's it ends by itself after `serveIdleSeconds` without a request, and is started
    again by the next one. Raise Busy where the port is taken, ConfigError where one cannot listen there.
    """
    logging.getLogger("waitress").handlers[:] = [_Log()]
    logging.getLogger("waitress").propagate = False
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue of one is no news
    lent = lent_socket(settings.http_bind_address)
    listening = lent or own_socket(settings)
    return server_on(listening, App(settings, listening.getsockname()[1]), settings if lent else None)


def server_on(listening: socket.socket, app: App, lent_by: Settings | None = None) -> Listener:
    """Given a listening socket and the application, return the server."""
    return Listener(
        app,
        listening,
        lent=lent_by is not None,
        idle_seconds=None if lent_by is None else lent_by.serve_idle_seconds,
        at_thread_end=app.close_thread,
    )


class _Log(logging.Handler):
    """What waitress says, as lines of ours and without tracebacks, which could show a secret."""

    def emit(self, record: logging.LogRecord) -> None:
        level = "warning" if record.levelno >= logging.WARNING else "debug"
        log("http_server", level, text=record.getMessage(), error=record.exc_info and record.exc_info[0])
