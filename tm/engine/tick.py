"""One tick: look at open orders, evaluate the rules, drain the jobs, tidy up.

1  lock; consume the kick; a restored database pauses; orphans of a killed tick are put where they go on
2  expire rules
3  breaker open?  then no call to Vincent but, when it is half open, one probe
4  one look for all open orders
5  holdings, then books of the ACTIVE rules' tokens; judge; remember
6  each trigger: rule TRIGGERED and its job, in one transaction
7  drain: orders, then wakes
8  breaker, retention; once more at the queue if something was handed in meanwhile; stamp
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tm.engine import blindness, closures, files, harness, housekeeping, monitor, reconcile, restore, triggers
from tm.engine.baseline import Facts
from tm.engine.context import Engine
from tm.engine.reading import Reading
from tm.errors import RateLimited, TradeManagerError
from tm.market import Holdings, Look
from tm.model import Rule, RuleStatus
from tm.rules import breaker
from tm.rules.backoff import is_due
from tm.store import positions, rules, state
from tm.venue.reads import Read

MOST_STALE_NAMED = 10
LONGEST_RETRY_AFTER = 900  # seconds; a stored instant farther off than this is due now


@dataclass
class Readings:
    """Holdings of this tick, read once, when first needed, by whoever needs them."""

    engine: Engine
    allowed: bool
    tries: int = 3
    tried: bool = False
    failed: bool = False
    holdings: Read[Holdings] | None = None
    reading: Reading | None = None
    _facts: Facts | None = None

    def take(self, look: Look) -> None:
        """The look's holdings are this tick's."""
        self.holdings = Read(look.holdings, look.venue_at, look.at)

    def get(self) -> Read[Holdings] | None:
        if self.holdings is None and self.allowed and not self.tried:
            self.tried = True
            self.holdings = self._read()
        return self.holdings

    def _read(self) -> Read[Holdings] | None:
        if not self.engine.budget.for_reading(1):
            self.engine.report.notes.append("no request left in this minute; next tick")
            return None
        try:
            return self.engine.venue.holdings(tries=self.tries, deadline=self.engine.deadline)
        except TradeManagerError as error:
            self.failed = True
            _note_not_before(self.engine, error)
            self.engine.report.problem(error, reading="holdings")
            return None

    def facts(self) -> Facts | None:
        """What an order needs to know, or None where Vincent may not or cannot be asked."""
        holdings = self.get() if self.allowed else None
        if holdings is None:
            return None
        if self._facts is None:
            self._facts = Facts(holdings, self.reading.books.quotes if self.reading else {})
        return self._facts


def run(engine: Engine) -> None:
    """Run one tick. The caller holds the tick's lock. What went wrong is in `engine.report`."""
    started = engine.clock()
    restore.guard(engine.store, engine.settings, engine.state_dir, started)
    harness.adopt_orphans(engine)
    active = triggers.expire(engine, rules.with_status(engine.store.conn, RuleStatus.ACTIVE))
    readings = Readings(engine, allowed=_may_read(engine, started))
    if readings.allowed and not _probe_failed(engine, readings, started):
        look = reconcile.reconcile(engine)
        if look is not None:
            readings.take(look)
            # It may have re-armed some, and of those some may be past their time.
            active = triggers.expire(engine, rules.with_status(engine.store.conn, RuleStatus.ACTIVE))
        if active:
            _evaluate(engine, active, readings, started)
    elif active:
        blindness.start_all(engine, "Vincent is not asked now")
    drain_until_quiet(engine, readings.facts)
    _note_reads(engine, readings)
    housekeeping.retire(engine)
    if files.kick_waits(engine.state_dir) and engine.seconds_left() > 0:
        files.take_kick(engine.state_dir)
        drain_until_quiet(engine, readings.facts)
    files.stamp(engine.state_dir)


def preview(engine: Engine) -> monitor.Plan:
    """Read and judge as a tick would, and write nothing (`tm tick -n`)."""
    started = engine.clock()
    active = rules.with_status(engine.store.conn, RuleStatus.ACTIVE)
    if not active:
        return monitor.Plan()
    holdings = engine.venue.holdings()
    reading = monitor.read(engine, active, holdings.value, holdings.venue_at, started)
    return monitor.judge(engine, active, reading)


def drain_until_quiet(engine: Engine, facts: Callable[[], Facts | None]) -> None:
    harness.route_received(engine)
    harness.drain(engine, facts)


def _may_read(engine: Engine, now: datetime) -> bool:
    """Say whether Vincent may be asked in this tick: breaker not open, no Retry-After pending."""
    conn = engine.store.conn
    cooldown = engine.settings.breaker_cooldown_seconds
    if breaker.state(state.breaker(conn), now, cooldown) == "open":
        engine.report.notes.append("circuit breaker open: Vincent is not asked")
        return False
    if not is_due(state.instant(conn, state.READS_NOT_BEFORE), now, LONGEST_RETRY_AFTER):
        engine.report.notes.append("Vincent asked to wait: no reads in this tick")
        return False
    return True


def _probe_failed(engine: Engine, readings: Readings, now: datetime) -> bool:
    """With the breaker half open, let one read of holdings decide whether anything else is asked."""
    cooldown = engine.settings.breaker_cooldown_seconds
    if breaker.state(state.breaker(engine.store.conn), now, cooldown) != "half_open":
        return False
    readings.tries = 1
    return readings.get() is None


def _evaluate(engine: Engine, active: list[Rule], readings: Readings, started: datetime) -> None:
    holdings = readings.get()
    if holdings is None:
        blindness.start_all(engine, "holdings could not be read")
        return
    reading = monitor.read(engine, active, holdings.value, holdings.venue_at, started)
    readings.reading = reading
    if reading.books.error is not None:
        _note_not_before(engine, reading.books.error)
    plan = monitor.judge(engine, active, reading)
    monitor.remember(engine, plan)
    _note_stale(engine)
    closures.close_sold(engine, active, holdings)
    triggers.pull(engine, plan.firing)


def _note_stale(engine: Engine) -> None:
    """Say which tokens' books have not been read for so long that their rules guard nothing."""
    interval = engine.settings.poll_interval_seconds
    stale = positions.stale(engine.store.conn, engine.clock(), interval, MOST_STALE_NAMED)
    if stale:
        engine.report.notes.append(f"books not read for three intervals and more: {', '.join(stale)}")


def _note_reads(engine: Engine, readings: Readings) -> None:
    """Tell the breaker how this tick's reads went; a tick that read nothing says nothing."""
    reading = readings.reading
    if readings.failed or (reading is not None and reading.books.all_failed):
        housekeeping.note_reads(engine, failed=True)
    elif readings.holdings is not None:
        housekeeping.note_reads(engine, failed=False)


def _note_not_before(engine: Engine, error: TradeManagerError) -> None:
    """Store a 429's Retry-After, so that the next ticks wait too."""
    if not isinstance(error, RateLimited) or not error.retry_after:
        return
    wait = min(error.retry_after, LONGEST_RETRY_AFTER)
    with engine.store.write("reads.not_before") as conn:
        state.put(conn, state.READS_NOT_BEFORE, engine.clock() + timedelta(seconds=wait))
