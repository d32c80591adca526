"""The application: guard, read, call, render, one error object for all that goes wrong."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

import bottle

from tm.config import Settings
from tm.errors import Invalid, RateLimited, TradeManagerError
from tm.http.errors import MethodNotAllowed, NoSuchRoute, TooManyFailures, Unauthorized
from tm.http.guard import FAILURES_A_MINUTE, Environ, Guard, check_body
from tm.http.headers import COMMON, REQUEST_ID
from tm.http.reading import read_body, read_query
from tm.http.routes import JSON, NAMED, ROUTES, Answer, Call, Route
from tm.http.stores import Stores
from tm.ids import new_id
from tm.logs import about, log
from tm.times import Clock, utc_now


class App:
    """The WSGI application. Each thread that has run it calls `close_thread` when it ends."""

    def __init__(
        self,
        settings: Settings,
        port: int,
        *,
        failures_a_minute: int | None = FAILURES_A_MINUTE,
        clock: Clock = utc_now,
    ) -> None:
        self._guard = Guard(settings, port, failures_a_minute=failures_a_minute)
        self._stores = Stores(settings, clock)
        self._asks_token = settings.api_token is not None
        self._bottle = _Bottle()
        self._bottle.config["catchall"] = False  # it would print a traceback
        self._bottle.add_hook("before_request", self._check_host)
        for route in ROUTES:
            path = route.path
            for name, pattern in NAMED.items():
                path = path.replace(f"{{{name}}}", f"<id:re:{pattern}>")
            self._bottle.route(path, route.method, partial(self._answered, route))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id, started = new_id(), time.monotonic()
        answered: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answered.append(int(status[:3]))
            return start_response(status, [*headers, (REQUEST_ID, request_id), *COMMON], exc_info)

        with about(request_id=request_id):
            body: Iterable[bytes] = self._bottle(environ, start)
            method, (status, *_) = environ["REQUEST_METHOD"], answered
            log(
                "http_request",
                "info" if status >= 400 or method not in ("GET", "HEAD") else "debug",
                method=method,
                path=environ["PATH_INFO"][:200],
                status=status,
                ms=round((time.monotonic() - started) * 1000),
            )
        return body

    def close_thread(self) -> None:
        """Close the database of the thread that calls this."""
        self._stores.close()

    def _check_host(self) -> None:
        try:
            self._guard.check_host(bottle.request.environ)
        except TradeManagerError as error:
            raise refused(error) from None

    def _answered(self, route: Route, id: str = "") -> bottle.HTTPResponse:
        environ = bottle.request.environ
        try:
            answer = self._answer(route, environ, id)
            headers = [("Content-Type", route.media), *answer.headers]
            content = answer.data if isinstance(answer.data, bytes) else rendered(answer.data)
            return bottle.HTTPResponse(content, route.status, headers=headers)
        except TradeManagerError as error:
            return refused(error)
        except Exception as error:
            log_fault(error)
            return refused(TradeManagerError("internal error", code="internal", hint="this is a fault of tm"))

    def _answer(self, route: Route, environ: Environ, id: str) -> Answer:
        self._guard.check_site(environ)
        self._guard.check_secret(environ, route.access)
        check_body(environ)
        query, body = read_query(environ, route.query), read_body(environ)
        if route.body is None and body not in (None, {}):
            raise Invalid("this route takes no body", code="unexpected_body")
        context: Any = self._stores.context() if route.stored else nullcontext()
        with context as ctx:
            key = environ.get("HTTP_IDEMPOTENCY_KEY")
            return route.answer(Call(ctx, query, body, id, key, self._asks_token))


class _Bottle(bottle.Bottle):  # type: ignore[misc]
    """Bottle, whose own errors (no such route, no such method) are our error object too."""

    def default_error_handler(self, res: bottle.HTTPError) -> bytes:
        error: TradeManagerError = NoSuchRoute("there is nothing at this path", hint="GET /openapi.json")
        if res.status_code == 405:
            error = MethodNotAllowed(f"only {res.headers['Allow'].replace(',', ', ')} can be asked here")
        bottle.response.content_type = JSON
        return rendered(error.to_wire())


def refused(error: TradeManagerError) -> bottle.HTTPResponse:
    """Given an error, return the answer that tells it."""
    headers = [("Content-Type", JSON)]
    if type(error) is Unauthorized:
        headers.append(("WWW-Authenticate", "Bearer"))
    if isinstance(error, (TooManyFailures, RateLimited)) and error.retry_after is not None:
        headers.append(("Retry-After", str(max(1, round(error.retry_after)))))
    return bottle.HTTPResponse(rendered(error.to_wire()), error.http_status, headers=headers)


def rendered(data: Any) -> bytes:
    """Given a record, return its JSON; given records, an array with one of them a line."""
    if isinstance(data, list):
        return ("[" + ",\n ".join(json.dumps(each) for each in data) + "]\n").encode()
    return (json.dumps(data) + "\n").encode()


def log_fault(error: Exception) -> None:
    """Log where nobody expected an error, and its kind: its words and values might hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    log("http_fault", "error", error=type(error).__name__, at=places)
