"""How long to wait before the next try, and whether a wait is over."""

from __future__ import annotations

from datetime import datetime

REARM_SECONDS = (15, 30, 60, 120)  # then 120: a stop never stops trying
DUST_SECONDS = 3600  # dust is never a reason to loop
MAX_REARM_SECONDS = DUST_SECONDS
JOB_SECONDS = 900
JOB_JITTER = 0.1
MAX_JOB_SECONDS = JOB_SECONDS * (1 + JOB_JITTER)


def rearm_delay(count: int, *, dust: bool = False) -> int:
    """Given how many orders in a row sold nothing (from 1), return the seconds until the next one.

    `dust`: what is to be sold is less than 5 shares or 1 USD.
    """
    if dust:
        return DUST_SECONDS
    return REARM_SECONDS[min(max(count, 1), len(REARM_SECONDS)) - 1]


def job_delay(job_id: str, n: int) -> float:
    """Given a job and the number of its failed tries (from 1), return the seconds until the next one.

    15, 30, 60 ... 900, give or take 10 %: jobs that failed together come back apart, and, because the
    spread is a hash of job and number, a run can be repeated.
    """
    import hashlib  # an idle tick has no use for it

    seconds = min(JOB_SECONDS, 15 << min(max(n, 1) - 1, 10))
    digest = hashlib.sha256(f"{job_id}:{n}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64  # 0 to 1
    return seconds * (1 + JOB_JITTER * (2 * share - 1))


def is_due(not_before: datetime | None, now: datetime, maximum_seconds: float) -> bool:
    """Given a stored instant and the longest wait it can have meant, say whether the wait is over.

    An instant farther off than that was stored under another clock; a protection must not sleep for it.
    """
    if not_before is None:
        return True
    left = (not_before - now).total_seconds()
    return left <= 0 or left > maximum_seconds
