"""How many requests may go to Vincent: 80 a minute for all processes together, and so many a tick.

Vincent allows 100 a minute. The bucket lives in the database; 20 of it are kept for orders and for
finding out what became of them. First tries are granted in advance; a second try is counted when it
happens (`permit`, which Vincent's client calls from its threads) and written down afterwards.
"""

from __future__ import annotations

import threading
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from tm.errors import RateLimited
from tm.store import state
from tm.store.db import Store
from tm.times import Clock

PER_MINUTE = Decimal(80)
KEPT_FOR_ORDERS = Decimal(20)


class Budget:
    """One tick's share of requests."""

    def __init__(self, store: Store, clock: Clock, per_tick: int) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._granted = 0  # reads granted and not yet made
        self._owed = 0  # second tries, not yet in the bucket
        self.left = per_tick  # reads of this tick

    def for_reading(self, wanted: int, *, keep: int = 0) -> int:
        """Given how many reads are wanted, return how many are granted now.

        `keep`: how many of this tick's reads to leave for what comes later.
        """
        return self._grant(self._take(min(wanted, self.left - keep), KEPT_FOR_ORDERS))

    def for_orders(self, reads: int, orders: int = 0) -> bool:
        """Say whether these reads around an order, and these orders or cancellations, may all go now."""
        if reads > self.left or not self._take(reads + orders, Decimal(0), whole=True):
            return False
        self._grant(reads)
        return True

    def permit(self, call: str) -> None:
        """Count one try of a read. Raise RateLimited where this tick has none left."""
        with self._lock:
            if self._granted > 0:
                self._granted -= 1
            elif self.left > 0:
                self.left -= 1
                self._owed += 1
            else:
                raise RateLimited(f"{call}: this tick has used its requestsPerTick; the next one asks")

    def settle(self) -> None:
        """Write down the tries that were not granted in advance."""
        if self._owed:
            self._take(0, Decimal(0), settle=True)

    def _grant(self, reads: int) -> int:
        with self._lock:
            self._granted += reads
            self.left -= reads
        return reads

    def _take(self, wanted: int, floor: Decimal, *, whole: bool = False, settle: bool = False) -> int:
        if wanted <= 0 and not settle:
            return 0
        now = self._clock()
        with self._store.write("budget.take") as conn:
            left = refilled(state.bucket(conn), now) - self._owed
            granted = max(0, min(wanted, int((left - floor).to_integral_value(ROUND_DOWN))))
            if whole and granted < wanted:
                granted = 0
            if granted or settle:
                state.put_bucket(conn, left - granted, now)
                self._owed = 0
        return granted


def refilled(bucket: tuple[Decimal, datetime] | None, now: datetime) -> Decimal:
    """Given what was left and when, return what is left now.

    A record from the future (the clock went back) says nothing: the bucket counts as full, and Vincent's
    own limit holds.
    """
    if bucket is None or bucket[1] > now:
        return PER_MINUTE
    left, at = bucket
    seconds = Decimal(str((now - at).total_seconds()))
    return min(PER_MINUTE, left + seconds * PER_MINUTE / 60)
