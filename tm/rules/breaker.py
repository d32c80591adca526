"""The circuit breaker: after ticks in a row in which reading failed, leave Vincent alone for a while.

closed --threshold failures--> open --cooldown--> half open --one read decides--> closed, or open again
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tm.rules.backoff import is_due

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """How often reading failed in a row, and until when Vincent is left alone."""

    failures: int = 0  # ticks in a row
    open_until: datetime | None = None


def after_tick(
    breaker: Breaker, failed: bool, now: datetime, threshold: int, cooldown_seconds: float
) -> Breaker:
    """Given whether a tick's reading failed, return the breaker from now on.

    Not to be called for a tick that read nothing because the breaker was open. One success closes it; a
    failed probe opens it anew, whatever the count.
    """
    if not failed:
        return Breaker()
    failures = breaker.failures + 1
    if failures >= threshold or breaker.open_until is not None:
        return Breaker(failures, now + timedelta(seconds=cooldown_seconds))
    return Breaker(failures)


def state(breaker: Breaker, now: datetime, cooldown_seconds: float) -> State:
    """Given an instant, say how the breaker stands: half_open lets one read through."""
    if breaker.open_until is None:
        return "closed"
    return "half_open" if is_due(breaker.open_until, now, cooldown_seconds) else "open"
