"""An OpenClaw gateway for tests: real sockets, a record of every wake, and bad days on demand.

It honours `Idempotency-Key` on /hooks/agent and on mapped hooks as the real one does, and on /hooks/wake
not; what it accepted is in `wakes`, what reached it at all in `requests`.
"""

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hooks-token-0123456789"


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict  # names in lower case
    body: dict

    @property
    def text(self) -> str:
        return self.body.get("text") or self.body.get("message") or ""

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


@dataclass
class Behaviour:
    """How the next requests are answered. `status` None: the connection is dropped without a word."""

    status: int | None = 200
    body: str = '{"ok": true, "mode": "now", "eventOutcome": "queued"}'
    headers: dict = field(default_factory=dict)
    delay: float = 0.0  # seconds
    times: int | None = None  # then as usual again; None: until told otherwise
    accepts: bool = False  # it takes the wake although it answers otherwise: the answer is lost


class Gateway:
    """`with Gateway() as gateway:` listens on a port that it keeps, also while it is down."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.wakes: list[Request] = []
        self._behaviour = Behaviour()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self._over.set()
        self.stop()

    @property
    def url(self) -> str:
        """The hook that honours no idempotency key."""
        return self.hook("wake")

    def hook(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port}/hooks/{name}"

    @property
    def texts(self) -> list[str]:
        return [wake.text for wake in self.wakes]

    def answer(self, status: int | None = 200, body: str | None = None, **more) -> None:
        """Answer so from now on, or for so many `times`."""
        said = {"ok": True, "runId": "r1"} if status == 200 else f"status {status}"
        text = body if body is not None else said if isinstance(said, str) else json.dumps(said)
        with self._lock:
            self._behaviour = Behaviour(status=status, body=text, **more)

    def stop(self) -> None:
        """Go down: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def start(self) -> None:
        """Come up, at the same port as before; what it remembered of keys is gone."""
        self._keys.clear()
        server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        server.daemon_threads = True
        self._server = server
        self._port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _handler(self):
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                content = json.loads(self.rfile.read(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                behaviour = gateway._take(Request(self.path, headers, content))
                gateway._over.wait(behaviour.delay)
                with contextlib.suppress(OSError):  # the program may have given up waiting
                    self._say(behaviour)

            def _say(self, behaviour: Behaviour) -> None:
                self.close_connection = True
                if behaviour.status is None:
                    return
                text = behaviour.body.encode()
                self.send_response(behaviour.status)
                self.send_header("Content-Length", str(len(text)))
                for name, value in behaviour.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args) -> None:
                pass

        return Handler

    def _take(self, request: Request) -> Behaviour:
        with self._lock:
            self.requests.append(request)
            behaviour = self._behaviour
            if behaviour.times is not None:
                behaviour.times -= 1
                if behaviour.times <= 0:
                    self._behaviour = Behaviour()
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return Behaviour(401, "Unauthorized")
            good = behaviour.status is not None and 200 <= behaviour.status < 300
            if good or behaviour.accepts:
                known = request.key in self._keys and not request.path.endswith("/wake")
                if request.key is not None:
                    self._keys.add(request.key)
                if not known:
                    self.wakes.append(request)
            return behaviour
