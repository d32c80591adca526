"""What the engine works with, handed from function to function; no globals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm.config import Settings, vincent_key
from tm.engine.budget import Budget
from tm.errors import TradeManagerError
from tm.logs import log
from tm.store.db import Store
from tm.times import Clock, utc_now

if TYPE_CHECKING:
    from tm.venue.vincent import Vincent

TICK_SECONDS = 45.0  # a whole tick
DRAIN_SECONDS = 10.0
LOOK_SECONDS = 10.0
BASELINE_READS = 2  # what an order needs to have read just before it leaves


@dataclass
class Report:
    """What a tick did, for people (`tm tick`) and for its exit code."""

    paper: bool = False
    evaluated: int = 0
    triggered: list[str] = field(default_factory=list)  # rule ids
    orders: list[str] = field(default_factory=list)  # attempt ids
    settled: list[dict[str, Any]] = field(default_factory=list)  # {"attemptId", "outcome", ...}
    wakes: int = 0
    notes: list[str] = field(default_factory=list)  # paused, breaker open: no fault
    problems: list[TradeManagerError] = field(default_factory=list)

    def problem(self, error: TradeManagerError, **fields: Any) -> None:
        """Log a problem and keep it: the tick goes on, and ends with 3."""
        log("tick_problem", level="warning", code=error.code, error=error.message, **fields)
        self.problems.append(error)


@dataclass
class Engine:
    """One process's hands: settings, the database, Vincent (opened when first needed), and the clocks."""

    settings: Settings
    store: Store
    clock: Clock = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    report: Report = field(default_factory=Report)
    budget: Budget = field(init=False)
    _venue: Vincent | None = None
    _started: float = 0.0

    def __post_init__(self) -> None:
        self._started = self.monotonic()
        self.report.paper = self.settings.paper
        self.budget = Budget(self.store, self.clock, self.settings.requests_per_tick)

    @property
    def state_dir(self) -> Path:
        return self.settings.state_dir

    @property
    def venue(self) -> Vincent:
        """Vincent's client. Raise CredentialsError where there is no key."""
        if self._venue is None:
            from tm.venue.vincent import Vincent

            self._venue = Vincent(
                self.settings.vincent_api_url,
                vincent_key(self.settings),
                clock=self.clock,
                permit=self.budget.permit,
            )
        return self._venue

    @property
    def deadline(self) -> float:
        """When this tick's time is over, on the monotonic clock: no read goes on beyond it."""
        return self._started + TICK_SECONDS

    def seconds_left(self) -> float:
        """How much of this tick's 45 s is left."""
        return TICK_SECONDS - (self.monotonic() - self._started)

    def close(self) -> None:
        self.budget.settle()
        if self._venue is not None:
            self._venue.close()
