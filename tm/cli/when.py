"""WHEN of `--expires` and `--since`: an instant, a day, or a duration from now or until now."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from tm.errors import Invalid

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d{1,6}[smhdw])+", re.ASCII)
_PART = re.compile(r"(\d+)([smhdw])")
_LONGEST = timedelta(days=3660)


def parse_when(text: str, now: datetime) -> datetime:
    """Given "2h", "3d12h", "2026-11-03" (the end of that day, UTC), or ISO 8601 with a zone, return it.

    Raise Invalid for anything else, for the past, and for more than ten years ahead.
    """
    instant = _instant(text.strip(), now)
    if instant is None:
        raise Invalid(
            f"--expires: {text[:60]!r} is not a time",
            hint="2h, 3d, 2026-11-03 (the end of that day, UTC) or 2026-11-03T18:00:00Z",
        )
    if instant <= now:
        raise Invalid(f"--expires: {text[:60]!r} is in the past", hint=f"it is {now:%Y-%m-%dT%H:%M:%SZ} now")
    if instant - now > _LONGEST:
        raise Invalid(f"--expires: {text[:60]!r} is more than ten years ahead")
    return instant


def parse_since(text: str, now: datetime) -> datetime:
    """Given "2h" (ago), "2026-11-03" (its beginning, UTC), or ISO 8601 with a zone, return the instant.

    Raise Invalid for anything else.
    """
    instant = _instant(text.strip(), now)
    if instant is None:
        raise Invalid(
            f"--since: {text[:60]!r} is not a time", hint="2h, 3d, 2026-11-03 or 2026-11-03T18:00:00Z"
        )
    if counts_from_now(text):
        return now - (instant - now)
    return instant.replace(hour=0, minute=0, second=0) if "T" not in text else instant


def counts_from_now(text: str) -> bool:
    """Say whether it is a duration, which means another instant each time it is said."""
    return _DURATION.fullmatch(text.strip()) is not None


def _instant(text: str, now: datetime) -> datetime | None:
    if _DURATION.fullmatch(text):
        seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))
        return now + timedelta(seconds=min(seconds, 10 * _LONGEST.total_seconds()))
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
