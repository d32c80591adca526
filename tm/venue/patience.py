"""Reads are asked again, a little; orders never."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from tm import errors

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

WAIT_BUDGET = 5.0  # seconds of waiting in all, over all tries of one read
_FIRST_WAIT = 0.4  # seconds; doubles


def patiently(ask: Callable[[], T], *, tries: int, deadline: float | None = None) -> T:
    """Given a read, ask up to `tries` times while the venue is unreachable or asks to wait a little.

    Between tries it waits what the venue asks, else 0.4 s and then twice as long, at most 5 s in all and
    never past `deadline` (of time.monotonic()). Raise what the last try raised: a longer Retry-After at once.
    """
    if tries <= 1:
        return ask()
    from tenacity import Retrying, retry_if_exception_type

    def enough(state: RetryCallState) -> bool:
        over_budget = state.idle_for + state.upcoming_sleep > WAIT_BUDGET
        over_time = deadline is not None and monotonic() + state.upcoming_sleep >= deadline
        return state.attempt_number >= tries or over_budget or over_time

    again = Retrying(retry=retry_if_exception_type(errors.Unreachable), wait=_wait, stop=enough, reraise=True)
    return again(ask)


def _wait(state: RetryCallState) -> float:
    trouble = state.outcome.exception() if state.outcome is not None else None
    if isinstance(trouble, errors.RateLimited) and trouble.retry_after is not None:
        return trouble.retry_after
    return _FIRST_WAIT * float(2 ** (state.attempt_number - 1))
