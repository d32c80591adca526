"""The HTTP bridge for tests: the real server on a free port, and a client that can also say raw bytes."""

import http.client
import json
import socket
import threading
from dataclasses import dataclass

from tm.http.app import App
from tm.http.connection import Listener

SECRET = "alerts-secret-0123456789"
API_TOKEN = "api-token-0123456789"
RULE = {
    "ruleType": "STOP_LOSS",
    "marketId": "0xmarket-111",
    "tokenId": "111",
    "triggerPrice": 0.4,
    "action": {"type": "SELL_ALL"},
}
ALERT = {
    "source": "cron",
    "alertType": "exit",
    "mode": "EXECUTE_TXN",
    "idempotencyKey": "k1",
    "payload": {"marketId": "0xmarket-111", "tokenId": "111", "action": "SELL_ALL"},
}


@dataclass(frozen=True)
class Heard:
    """One answer; header names in lower case."""

    status: int
    headers: dict
    content: bytes

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def code(self):
        return self.json["code"]


class Client:
    """Speaks to the bridge at 127.0.0.1:`port`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method, path, body=None, *, token=None, connection=None, **headers) -> Heard:
        """One request; `body` becomes JSON unless it is bytes; header_names= are spelled with dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            named.setdefault("Content-Type", "application/json")
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        used = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            used.request(method, path, body, named)
            answer = used.getresponse()
            content = answer.read()
        finally:
            if connection is None:
                used.close()
        return Heard(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)

    def say(self, *parts: bytes, timeout: float = 30) -> bytes:
        """Send bytes as they are and return all that is answered until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)

    def heard(self, *parts: bytes) -> Heard:
        """The first answer to raw bytes; `HOST` in them becomes our Host header."""
        host = f"Host: 127.0.0.1:{self.port}\r\n".encode()
        said = self.say(*(part.replace(b"HOST", host) for part in parts))
        return parsed(said)


class Bridge(Client):
    """Runs the server in a thread of this process."""

    def __init__(self, settings, *, clock=None, failures_a_minute=20) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        super().__init__(listening.getsockname()[1])
        more = {} if clock is None else {"clock": clock}
        app = App(settings, self.port, failures_a_minute=failures_a_minute, **more)
        self.server = Listener(app, listening, lent=False, at_thread_end=app.close_thread)
        self._thread = threading.Thread(target=self.server.serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def parsed(said: bytes) -> Heard:
    """Given the bytes of an answer, return it; its body goes to its Content-Length."""
    head, _, rest = said.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return Heard(int(lines[0].split()[1]), headers, rest[: int(headers.get("content-length", 0))])
