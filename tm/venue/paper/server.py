"""The exchange behind real sockets on 127.0.0.1, in a thread (PaperServer) or as a process (serve_forever).

A connection can be dropped, left hanging or cut in the middle of an answer, as networks do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Self

from tm.times import Clock, utc_now
from tm.venue.paper.answers import Answer, failure, plain, spoiled
from tm.venue.paper.control import PaperControl
from tm.venue.paper.desk import VERBS
from tm.venue.paper.exchange import Exchange
from tm.venue.paper.routes import Request, answer, parsed, read_request

HOST = "127.0.0.1"
DEFAULT_PORT = 19010
_BODY_LIMIT = 4 * 1024 * 1024


class PaperServer:
    """A paper exchange in this process: `with PaperServer(clock=clock) as paper:` paper.url, paper.control.

    `db_path`: its state file, or ":memory:". `clock`: what it takes for now. `port`: 0 takes any free one.
    """

    def __init__(
        self, db_path: str | os.PathLike[str] = ":memory:", *, clock: Clock = utc_now, port: int = 0
    ) -> None:
        self.exchange = Exchange(db_path, clock)
        try:
            self._http = _Server((HOST, port), self.exchange)
        except OSError:
            self.exchange.close()
            raise
        self.url = f"http://{HOST}:{self._http.server_address[1]}"
        self.control = PaperControl(self.url)
        self._thread = threading.Thread(target=self._http.serve_forever, name="paper-exchange", daemon=True)
        self._started = False

    def start(self) -> Self:
        self._thread.start()
        self._started = True
        return self

    def close(self) -> None:
        """Stop answering, end every connection, and close the state file."""
        self._http.stop(running=self._started)
        if self._started:
            self._thread.join()
        self._http.server_close()
        self.exchange.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()


def serve_forever(
    port: int = DEFAULT_PORT,
    db_path: str | os.PathLike[str] = ":memory:",
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `announce` is told the URL once connections are taken.

    Raise OSError if the port is taken. For the main thread of a process of its own.
    """
    stopping = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with PaperServer(db_path, port=port) as paper:
            if announce is not None:
                announce(paper.url)
            stopping.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close joins them
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], exchange: Exchange) -> None:
        self.exchange = exchange
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would look its own name up in the DNS

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nothing to report; anything else is ours."""
        if not self.stopping.is_set():
            super().handle_error(request, client_address)

    def stop(self, *, running: bool) -> None:
        self.stopping.set()
        if running:
            ending = threading.Thread(target=self.shutdown)
            ending.start()
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # wakes the accept loop now, not at its next poll
            ending.join()
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # requests() tells what was asked

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _BODY_LIMIT:
            self._send(failure(413, "PAYLOAD_TOO_LARGE", "Request body too large"))
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        if self.path.startswith("/paper/"):
            self._send(self._control(self.path.removeprefix("/paper/"), body))
        else:
            self._trade(read_request(self.command, self.path, body, self.headers.get("Authorization")))

    do_POST = do_DELETE = do_PUT = do_PATCH = do_GET  # noqa: N815

    def _control(self, verb: str, body: bytes) -> Answer:
        if self.headers.get("Origin") is not None or self.command != "POST":
            return plain({"error": "the control API is for programs on this machine, by POST"}, 403)
        if verb not in VERBS:
            return plain({"error": f"no verb {verb!r}"}, 404)
        try:
            return plain({"result": VERBS[verb](self.server.exchange, **json.loads(body or b"{}"))})
        except (ValueError, LookupError, TypeError) as trouble:
            return plain({"error": str(trouble)}, 400)

    def _trade(self, request: Request) -> None:
        exchange, stopping = self.server.exchange, self.server.stopping
        struck = exchange.script.take(request.endpoint, request.token)
        if struck.delay:
            stopping.wait(struck.delay)
        fault = struck.answer
        acts = fault is None or fault.acts
        true = answer(exchange, request, struck) if acts else None
        shown = true if fault is None else spoiled(fault, true)
        exchange.note(request.endpoint, self._noted(request, struck.kinds, shown))
        if fault is not None and fault.kind == "hang":
            stopping.wait(fault.seconds)
        if shown is None:
            self._hang_up()
        else:
            self._send(shown)

    def _noted(self, request: Request, kinds: list[str], shown: Answer | None) -> dict[str, Any]:
        return {
            "method": self.command,
            "path": self.path,
            "body": json.loads(json.dumps(parsed(request.body), default=str)) if request.body else None,
            "faults": kinds,
            "status": None if shown is None else shown.status,
        }

    def _send(self, shown: Answer) -> None:
        head = [f"HTTP/1.1 {shown.status} {self.responses.get(shown.status, ('',))[0]}"]
        date: datetime | None = self.server.exchange.date()
        if date is not None:
            head.append(f"Date: {format_datetime(date, usegmt=True)}")
        head += [f"Content-Type: {shown.type}", f"Content-Length: {len(shown.body)}"]
        head += [f"{name}: {value}" for name, value in shown.headers.items()]
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        if shown.drip is not None:
            self._drip(start, shown.body, shown.drip)
            return
        self.wfile.write(start + shown.body[: shown.sent])
        if shown.sent is not None:
            self._hang_up()

    def _drip(self, start: bytes, body: bytes, seconds: float) -> None:
        self.wfile.write(start)
        for position in range(len(body)):
            if self.server.stopping.wait(seconds):
                return
            self.wfile.write(body[position : position + 1])

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
