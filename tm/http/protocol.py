"""What waitress leaves open: one reading of each request, and a refusal that is JSON.

Waitress refuses bare CR or LF, bad chunks, and a Content-Length that is not one number. It takes a folded
header, a body whose length is said in two ways, and a header given twice (joined by a comma); and it
refuses a body too large before anyone asked who is there. Each of these is mended here, in waitress' own
parser and tasks; `connection` mends the time limits.
"""

from __future__ import annotations

import json
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error, RequestEntityTooLarge

from tm.http.headers import COMMON, REQUEST_ID
from tm.ids import new_id
from tm.logs import log

MAX_BODY = 64 * 1024  # bytes
MAX_SKIPPED = 16 * 1024 * 1024  # bytes of a body too large that are read, so that its sender reads our answer

# What may be said once: of two values, one program believes the first and another the last.
_ONCE = frozenset(
    b"host content-length content-type transfer-encoding authorization x-alerts-secret idempotency-key "
    b"origin sec-fetch-site expect".split()
)

_WORDS = {
    408: "the request took too long to arrive",
    431: "the headers are too large",
    500: "internal error",
    501: "only chunked is known as a transfer encoding",
}


class RequestTimeout(Error):  # type: ignore[misc]
    code = 408
    reason = "Request Timeout"


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads one request. A body too large is left to the application, which checks other things first."""

    expect_continue: bool
    too_large = False
    unread = False  # some of the body stays on the connection, which must then be closed
    why: str | None = None  # what made it malformed, in our own words
    _to_skip = 0

    def received(self, data: bytes) -> int:
        """Given bytes, take what belongs to this request and return how many those were."""
        if self._to_skip:
            taken = min(self._to_skip, len(data))
            self._to_skip -= taken
            self.completed = not self._to_skip
            return taken
        taken = int(super().received(data))
        if isinstance(self.error, RequestEntityTooLarge):
            self._give_up_on_body()
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        self.why = _ambiguity(self, header_plus)
        if self.why is not None:
            raise ParsingError(self.why)

    def _give_up_on_body(self) -> None:
        self.error = None
        self.too_large = True
        if self.chunked or self.expect_continue or self.content_length > MAX_SKIPPED:
            self.unread = True
        else:
            self._to_skip = self.content_length
            self.completed = False
        self.expect_continue = False
        self.body_rcv = None


def _ambiguity(request: Parser, head: bytes) -> str | None:
    """Given a request that waitress could read, say what others could read differently, or None."""
    if request.version not in ("1.0", "1.1"):
        return "only HTTP/1.0 and HTTP/1.1 are spoken here"
    if not request.request_uri.startswith("/"):
        return "the target of a request must be a path"
    lines = [line for line in head.split(b"\r\n")[1:] if line]
    if any(line[:1] in (b" ", b"\t") for line in lines):
        return "a header goes over two lines"
    names = [line.partition(b":")[0].lower() for line in lines]
    for name in _ONCE:
        if names.count(name) > 1:
            return f"the header {name.decode('ascii')} is given twice"
    if b"transfer-encoding" in names and (b"content-length" in names or not request.chunked):
        return "the length of the body is said in two ways"
    return None


class Exchange(WSGITask):  # type: ignore[misc]
    """One request, answered by the application."""

    def execute(self) -> None:
        if self.request.unread or self.channel.server.stopping:
            self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, with the path as it was sent: what needs decoding is no route of ours."""
        environ: dict[str, Any] = super().get_environment()
        environ["PATH_INFO"] = self.request.request_uri.partition("?")[0]
        environ["tm.body_too_large"] = self.request.too_large
        return environ


class Refusal(ErrorTask):  # type: ignore[misc]
    """One request refused before the application saw it. None of it is repeated: it may hold a secret."""

    def execute(self) -> None:
        error: Error = self.request.error
        request_id = new_id()
        words = self.request.why or _WORDS.get(error.code, "this is not a proper HTTP request")
        body = json.dumps({"error": words, "code": error.reason.lower().replace(" ", "_")}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json"), (REQUEST_ID, request_id), *COMMON]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        log("http_refused", status=error.code, error=words, request_id=request_id)
