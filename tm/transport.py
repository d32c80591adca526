"""One bounded HTTP exchange: connect, total time and size have limits, and nothing is done twice.

No redirect is followed, no proxy or netrc is taken from the environment, no cookie kept, no retry made.
Importing this costs `requests`; the modules that use it do so inside their calls.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util import Timeout

from tm import __version__
from tm.reply import NoReply, Reply, one_line

CONNECT_SECONDS = 3.0
_SHORTEST_SECRET = 8  # hiding a shorter one would only garble answers
_POOL = 16  # connections kept: books are read in parallel


class _Until(io.RawIOBase):
    """A connection's bytes until a deadline: a server that drips byte by byte does not hold us longer."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # urllib3 has just set the socket's timeout to what is left of the exchange's total.
        deadline = monotonic() + (sock.gettimeout() or 0.0)
        self.fp: Any = io.BufferedReader(_Until(self.fp.detach(), sock, deadline))


class _ConnectOrUnsent:
    """Whatever fails inside connect() is a failed connection: no byte of the request has left by then."""

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except Exception as trouble:
            raise NewConnectionError(self, str(trouble)) from trouble  # type: ignore[arg-type]


class _Http(_ConnectOrUnsent, HTTPConnection):
    response_class = _BoundedResponse


class _Https(_ConnectOrUnsent, HTTPSConnection):
    response_class = _BoundedResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class Line:
    """Connections to one outside, kept alive until close(). Threads may share it.

    It sends through requests' adapter and not its Session, because a Session reads a redirect's whole body,
    however long, even when told not to follow it. `secret` is blotted out of all that comes back.
    """

    def __init__(self, secret: str | None = None) -> None:
        self._adapter = _Adapter(pool_maxsize=_POOL, max_retries=0)
        hide = secret is not None and len(secret) >= _SHORTEST_SECRET
        self._secret = secret if hide else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        pools = self._adapter.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  # not a dict; clear() alone leaves closing to the garbage collector
            pools[key].close()
        self._adapter.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: str | None = None,
        read: float,
        total: float,
        cap: int,
    ) -> Reply | NoReply:
        """Given a request, make it once and return the answer, whatever its status.

        The answer may take `read` seconds, the whole exchange `total`, the body `cap` bytes. NoReply where
        no status line came; a body that broke off, ran over or was late is a Reply with `trouble`.
        """
        request = requests.Request(
            method,
            url,
            headers={"User-Agent": f"tm/{__version__}", "Accept-Encoding": "identity", **headers},
            data=None if body is None else body.encode("ascii"),
        ).prepare()
        limits = Timeout(connect=min(CONNECT_SECONDS, total), read=read, total=total)
        try:
            response = self._adapter.send(request, stream=True, timeout=limits)  # type: ignore[arg-type]
        except (requests.RequestException, HTTPError, OSError) as trouble:
            return _no_reply(trouble, total)
        try:
            found, broken = _body(response, cap)
        finally:
            response.close()  # goes back to the pool if it was read to its end, is closed if not
        return Reply(
            status=response.status_code,
            headers={name.lower(): self._hide(value) for name, value in response.headers.items()},
            body=found if self._secret is None else found.replace(self._secret.encode(), b"***"),
            trouble=broken,
        )

    def _hide(self, text: str) -> str:
        return text if self._secret is None else text.replace(self._secret, "***")


def _body(response: requests.Response, cap: int) -> tuple[bytes, str | None]:
    if response.status_code < 200:
        return b"", "it was an interim answer"  # the real one may follow: this connection is not used again
    found = bytearray()
    try:
        for chunk in response.raw.stream(65536, decode_content=False):
            found += chunk
            if len(found) > cap:
                return bytes(found[:cap]), f"it was longer than {cap // 1024} KiB"
    except ReadTimeoutError:
        return bytes(found), "it did not end in time"
    except (HTTPError, OSError, http.client.HTTPException, ValueError):
        return bytes(found), "it broke off"
    return bytes(found), None


def _no_reply(trouble: Exception, seconds: float) -> NoReply:
    """Given what requests raised, return it in words; `unsent` only where the connection never stood.

    requests.ConnectionError covers both a failed connect and a connection dropped after the request left.
    """
    inner: Any = trouble.args[0] if trouble.args else trouble
    if isinstance(inner, MaxRetryError):
        inner = inner.reason
    if isinstance(inner, NameResolutionError):
        return NoReply("its name could not be resolved", unsent=True)
    if isinstance(inner, NewConnectionError):
        return NoReply(_connect_words(inner.__cause__ or inner), unsent=True)
    if isinstance(inner, ConnectTimeoutError):
        return NoReply(f"no connection within {CONNECT_SECONDS:g} s", unsent=True)
    if isinstance(trouble, requests.Timeout) or isinstance(inner, ReadTimeoutError):
        return NoReply(f"no answer within {seconds:g} s")
    return NoReply("the connection broke off before an answer")


def _connect_words(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {one_line(cause.verify_message, 120)}"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS connection: {one_line(cause.reason or cause, 120)}"
    if isinstance(cause, TimeoutError):
        return f"no connection within {CONNECT_SECONDS:g} s"
    words = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return f"no connection: {one_line(words, 120)}"


def checked_url(url: str) -> str:
    """Given a URL from the configuration, return it. Raise ValueError, without its secrets, if unusable."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("is not a URL that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password")
    return url


def bearer(secret: str) -> dict[str, str]:
    """Given a secret, return the header that carries it. Raise ValueError, without it, if none can."""
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError("is empty or holds characters that a header cannot carry")
    return {"Authorization": f"Bearer {secret}"}
