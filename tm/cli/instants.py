"""Instants as people read them: the time alone where it is today's, else with its day; always UTC."""

from __future__ import annotations

import re
from datetime import datetime

from tm.times import parse_iso, utc_now

# As the records spell them: with milliseconds, which nobody types, so that an example in a hint stays.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def humane(text: str, zone: str = " UTC") -> str:
    """Given any text, return it with the records' instants as "12:03:15 UTC", or "2026-11-21 12:03:15 UTC"
    where it is another day's. `zone` is what follows: "" where a heading says it.
    """
    return _INSTANT.sub(lambda found: _spelled(found[0], utc_now()) + zone, text)


def ago(instant: str, now: datetime) -> str:
    """Given a record's instant, return how long ago it was, in one unit: "3 s", "5 min", "2 h", "3 days"."""
    seconds = max(0, int((now - parse_iso(instant)).total_seconds()))
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _spelled(instant: str, now: datetime) -> str:
    day, time = instant[:10], instant[11:19]
    return time if day == f"{now:%Y-%m-%d}" else f"{day} {time}"
