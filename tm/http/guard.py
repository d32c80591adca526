"""Who may ask: the one place that decides it.

A page in the user's browser can reach 127.0.0.1 too. Under a name of its own that suddenly means 127.0.0.1
(DNS rebinding) it shows in Host; from another site it shows in Origin or Sec-Fetch-Site, and can send no
JSON without a preflight, which is never granted. Programs of other users on this machine are kept out by
the secrets.
"""

from __future__ import annotations

import hmac
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from tm.config import Settings
from tm.errors import ConfigError, Refused
from tm.http.errors import NotJson, TooLarge, TooManyFailures, Unauthorized
from tm.values import Secret

Environ = Mapping[str, Any]

FAILURES_A_MINUTE = 20
_JSON = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.I)
_BEARER = re.compile(r"bearer +(\S+)", re.I)


class Access(Enum):
    OPEN = "open"
    API = "api"  # apiToken, where one is set
    ALERTS = "alerts"  # alertsSharedSecret, and never apiToken


class Guard:
    """Checks each request, and counts the failed authentications of the last minute."""

    def __init__(
        self,
        settings: Settings,
        port: int,
        *,
        failures_a_minute: int | None = FAILURES_A_MINUTE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`port` is where we listen. `failures_a_minute` None: as many as you like."""
        self._settings = settings
        self._hosts = allowed_hosts(settings.http_bind_address, port)
        self._limit = failures_a_minute
        self._monotonic = monotonic
        self._failures: deque[float] = deque()
        self._lock = threading.Lock()

    def check_host(self, environ: Environ) -> None:
        """Raise Refused unless the request was meant for this machine and port."""
        if environ.get("HTTP_HOST", "").lower() not in self._hosts:
            raise Refused(
                "the Host header names another host",
                code="host_not_allowed",
                hint="ask " + " or ".join(f"http://{host}" for host in sorted(self._hosts)),
            )

    def check_site(self, environ: Environ) -> None:
        """Raise Refused for what a page of another site makes a browser send.

        Sec-Fetch-Site is "none" where a person typed the address; that may look, and change nothing.
        """
        origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
        own = f"http://{environ.get('HTTP_HOST', '')}".lower()
        looks = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if (origin is not None and origin.lower() != own) or (
            site not in (None, "same-origin") and not (site == "none" and looks)
        ):
            raise Refused("pages of other sites are not answered", code="cross_site")

    def check_secret(self, environ: Environ, access: Access) -> None:
        """Raise Unauthorized or TooManyFailures unless the request carries what `access` asks for.

        Raise ConfigError `alerts_disabled` where alerts have no secret.
        """
        if access is Access.API and self._settings.api_token is not None:
            wanted, hint = self._settings.api_token, "send the header `Authorization: Bearer <apiToken>`"
            given = [_bearer(environ)]
        elif access is Access.ALERTS:
            if self._settings.alerts_shared_secret is None:
                raise ConfigError(
                    "alerts over HTTP are off: there is no alertsSharedSecret",
                    code="alerts_disabled",
                    hint="set alertsSharedSecret in the configuration, or use `tm alert add`",
                )
            wanted = self._settings.alerts_shared_secret
            hint = "send the header `Authorization: Bearer <alertsSharedSecret>`, or X-Alerts-Secret"
            given = [_bearer(environ), environ.get("HTTP_X_ALERTS_SECRET")]
        else:
            return
        if not any(_same(wanted, secret) for secret in given if secret):
            self._count_failure()
            said = "the token is wrong" if any(given) else "a token is needed"
            raise Unauthorized(said, hint=hint)

    def _count_failure(self) -> None:
        """Remember one failed authentication; raise TooManyFailures where there were too many already."""
        if self._limit is None:
            return
        now = self._monotonic()
        with self._lock:
            while self._failures and now - self._failures[0] >= 60:
                self._failures.popleft()
            if len(self._failures) >= self._limit:
                wait = int(60 - (now - self._failures[0])) + 1
                raise TooManyFailures(
                    "too many wrong tokens in the last minute",
                    retry_after=wait,
                    hint=f"a right one is let through; a wrong one is looked at again in {wait} s",
                )
            self._failures.append(now)


def check_body(environ: Environ) -> None:
    """Raise TooLarge for a body of more than 64 KiB, NotJson for one that does not say it is JSON."""
    if environ.get("tm.body_too_large"):
        raise TooLarge("the body has more than 64 KiB", hint="send less")
    if has_body(environ) and not _JSON.fullmatch(environ.get("CONTENT_TYPE", "").strip()):
        raise NotJson("the body must be JSON", hint="send the header `Content-Type: application/json`")


def has_body(environ: Environ) -> bool:
    return bool(environ.get("CONTENT_LENGTH", "0").strip("0"))


def allowed_hosts(bind_address: str, port: int) -> frozenset[str]:
    """Given where we listen, return what a Host header may say, in lower case."""
    names = {"127.0.0.1", "localhost", "[::1]", f"[{bind_address}]" if ":" in bind_address else bind_address}
    hosts = {f"{name}:{port}" for name in names}
    return frozenset(hosts | names if port == 80 else hosts)


def _bearer(environ: Environ) -> str | None:
    found = _BEARER.fullmatch(environ.get("HTTP_AUTHORIZATION", "").strip())
    return found.group(1) if found else None


def _same(wanted: Secret, given: str) -> bool:
    """Compare in a time that does not tell how much of it was right."""
    return hmac.compare_digest(wanted.get_secret_value().encode(), given.encode("latin-1"))
