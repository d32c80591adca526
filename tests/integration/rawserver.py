"""A server that says exactly the bytes it is told to: the trouble that no HTTP library would produce."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

DATE = "Sat, 31 Jan 2026 12:00:00 GMT"

Step = Callable[[socket.socket, threading.Event], bool]  # True: the connection goes on


def response(status: int, body: Any = b"", headers: Sequence[str] = (), *, date: str | None = DATE) -> bytes:
    """Given a status and a body (bytes, text, or what becomes JSON), return the answer's bytes."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    if date is not None:
        lines.append(f"Date: {date}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def success(data: Any, status: int = 200, headers: Sequence[str] = ()) -> bytes:
    return response(status, {"success": True, "data": data}, headers)


def failure(status: int, code: str, message: str, headers: Sequence[str] = (), **more: Any) -> bytes:
    error = {"code": code, "message": message, **more}
    return response(status, {"success": False, "error": error, "traceId": "t-1"}, headers)


def say(answer: bytes) -> Step:
    def step(connection: socket.socket, stop: threading.Event) -> bool:
        connection.sendall(answer)
        return True

    return step


def say_and_close(answer: bytes) -> Step:
    def step(connection: socket.socket, stop: threading.Event) -> bool:
        connection.sendall(answer)
        return False

    return step


def drop() -> Step:
    """Close without a word, after the whole request was read."""
    return lambda connection, stop: False


def reset() -> Step:
    """Close with a TCP reset."""

    def step(connection: socket.socket, stop: threading.Event) -> bool:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return step


def hang() -> Step:
    """Say nothing until the test is over."""

    def step(connection: socket.socket, stop: threading.Event) -> bool:
        stop.wait(60)
        return False

    return step


def trickle(answer: bytes, pause: float = 0.05) -> Step:
    """Say the answer one byte at a time."""

    def step(connection: socket.socket, stop: threading.Event) -> bool:
        for byte in answer:
            if stop.wait(pause):
                break
            connection.sendall(bytes([byte]))
        return False

    return step


@dataclass
class RawServer:
    """Plays `script` in order, one step a request; the last step is repeated. Keeps what it was asked."""

    script: list[Step]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [line for line, _, _ in self.requests]

    def all_closed(self) -> bool:
        """Whether the other side has closed every connection; it gets a moment to do so."""
        for thread in self._threads:
            thread.join(5)
        return not any(thread.is_alive() for thread in self._threads)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            stream = connection.makefile("rb")
            with stream:
                while request := _read_request(stream):
                    self.requests.append(request)
                    step = self.script[min(len(self.requests), len(self.script)) - 1]
                    if not step(connection, self._stop):
                        return


def _read_request(stream: Any) -> tuple[str, dict[str, str], bytes] | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return line, headers, stream.read(int(headers.get("content-length", "0")))


@contextlib.contextmanager
def serving(*script: Step | bytes) -> Iterator[RawServer]:
    """Given steps (bytes are said as they are), serve them on a free port of the loopback."""
    server = RawServer([say(step) if isinstance(step, bytes) else step for step in script])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        acceptor = threading.Thread(target=server._accept, args=(listener,), daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            server._stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(5)
    server.all_closed()


def refused_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
