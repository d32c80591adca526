"""One line on stderr per thing that happened: `what key=value ...`, for people and for the journal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal

from tm.numbers import canonical

# The journal's priorities (sd-daemon(3)); a lower number is more serious.
PRIORITIES = {"debug": 7, "info": 6, "notice": 5, "warning": 4, "error": 3}

_SECRET = re.compile(r"ssk_[A-Za-z0-9_-]+")  # a Vincent key, wherever a message has picked one up
_BARE = re.compile(r"[^\s\"=\\]+")
_threshold = PRIORITIES["info"]
_about: ContextVar[dict[str, object]] = ContextVar("about", default={})  # noqa: B039 (never changed in place)


def set_level(level: str) -> None:
    """Given one of debug, info, notice, warning, error, keep quiet about all that is less serious."""
    global _threshold
    _threshold = PRIORITIES[level]


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Add these fields to every line that is written within, by whoever writes it."""
    before = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(before)


def log(what: str, level: str = "info", **fields: object) -> None:
    """Write one line; fields that are None are left out, `rule_id=` is spelled `ruleId=`.

    A line that cannot be written is dropped: a closed stderr must not stop a sale.
    """
    priority = PRIORITIES[level]
    if priority > _threshold:
        return
    mark = f"<{priority}>" if os.environ.get("JOURNAL_STREAM") else f"{level} "
    words = [_one_line(what)]
    words += [
        f"{_camel(key)}={_value(value)}"
        for key, value in {**fields, **_about.get()}.items()
        if value is not None
    ]
    try:
        sys.stderr.write(mark + " ".join(words) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # broken pipe, closed, or no stderr at all
        return


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return canonical(value) if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = str(value)
    if _BARE.fullmatch(text):
        return _one_line(text)
    return '"' + _one_line(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _one_line(text: str) -> str:
    """Given any text, return it without secrets, and with what is not printable escaped."""
    text = _SECRET.sub("ssk_***", text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
