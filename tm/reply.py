"""What came back from outside, and how to read it: JSON without surprises, dates, one clean line. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_LONGEST_WAIT = 86_400.0  # seconds; a Retry-After beyond a day is not believed


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose status line and headers arrived. `trouble` says why the body is not whole."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    trouble: str | None = None

    @property
    def date(self) -> datetime | None:
        """The sender's clock, from its Date header; None where that is missing or garbled."""
        return http_date(self.headers.get("date"))

    def retry_after(self, now: datetime) -> float | None:
        """Given the local clock, return how many seconds the sender asks to wait, or None.

        Retry-After holds seconds or a date; RateLimit-Reset, Vincent's limiter's own header, holds seconds.
        """
        asked = self.headers.get("retry-after", self.headers.get("ratelimit-reset", "")).strip()
        if _SECONDS.fullmatch(asked):
            return min(float(asked), _LONGEST_WAIT)
        until = http_date(asked)
        if until is None:
            return None
        return min(max(0.0, (until - (self.date or now)).total_seconds()), _LONGEST_WAIT)

    def text(self, limit: int = 2000) -> str:
        """The body for people and records, at most `limit` characters, nothing unprintable but newlines."""
        text = self.body[: 4 * limit].decode("utf-8", "replace")[:limit]
        return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


@dataclass(frozen=True, slots=True)
class NoReply:
    """No status line arrived. `unsent`: no connection stood, so not a byte of the request can have left."""

    words: str
    unsent: bool = False


def http_date(text: str | None) -> datetime | None:
    """Given "Sat, 31 Jan 2026 12:00:00 GMT", return the instant; None for anything else (RFC 9110, 5.6.7)."""
    if text is None or not _HTTP_DATE.fullmatch(text.strip()):
        return None
    try:
        return parsedate_to_datetime(text.strip()).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def parse_json(body: bytes) -> Any:
    """Given a body, return its JSON with every fraction a Decimal.

    Raise ValueError where it is not JSON, or where two readers could understand it differently (NaN,
    Infinity, a key given twice).
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except (ValueError, ArithmeticError, RecursionError) as trouble:
        raise ValueError(f"not JSON: {one_line(str(trouble), 120)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def one_line(text: object, limit: int = 300) -> str:
    """Given text from outside, return it as one printable line of at most `limit` characters."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in str(text)[: 4 * limit]).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
