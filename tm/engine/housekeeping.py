"""What keeps the database small and the breaker honest, in steps too small to slow a tick."""

from __future__ import annotations

from datetime import timedelta

from tm.engine.context import Engine
from tm.engine.tell import tell
from tm.logs import log
from tm.rules import breaker
from tm.store import alerts, events, history, state
from tm.store.db import free_pages, give_back

DELETE_AT_MOST = 500  # evaluations a tick, beside as many as the tick may have added
KEPT_FREE = 64  # pages (256 KiB) that stay for what is written next
GIVEN_BACK_AT_MOST = 256  # pages a tick
PRUNE_AT_MOST = 500  # alerts a tick
KEEP_BODIES = timedelta(days=90)  # an alert's payload; its key stays for ever
PRUNED_TO = "alertsPrunedTo"
THIN_AT_MOST = 20  # tokens a tick, each by some hours of its price history


def note_reads(engine: Engine, failed: bool) -> None:
    """Given whether this tick's reads failed, move the circuit breaker, and tell once when it opens."""
    settings = engine.settings
    old = state.breaker(engine.store.conn)
    now = engine.clock()
    new = breaker.after_tick(old, failed, now, settings.breaker_threshold, settings.breaker_cooldown_seconds)
    if new == old:
        return
    opened = new.open_until is not None and old.open_until is None
    with engine.store.write("breaker.move") as conn:
        state.put_breaker(conn, new)
        if opened:
            text = (
                f"Vincent could not be read in {new.failures} ticks in a row: nothing is guarded until it "
                f"answers again (next try in {settings.breaker_cooldown_seconds} s). See `tm status`"
            )
            tell(conn, settings, now, "breaker_open", text)
    if opened:
        log("breaker_open", level="warning", failures=new.failures)
    elif old.open_until is not None and new.open_until is None:
        log("breaker_closed", level="notice")


def retire(engine: Engine) -> None:
    """Take a few steps: delete old evaluations, thin old quotes, empty old alerts, shrink the file."""
    _prune_alerts(engine)
    _thin_history(engine)
    before = engine.clock() - timedelta(days=engine.settings.event_retention_days)
    conn = engine.store.conn
    if events.has_evaluations(conn, before) or free_pages(conn) > KEPT_FREE:
        with engine.store.write("housekeeping.retire") as conn:
            events.delete_evaluations(conn, before, DELETE_AT_MOST + engine.report.evaluated)
            give_back(conn, min(GIVEN_BACK_AT_MOST, free_pages(conn) - KEPT_FREE))


def _thin_history(engine: Engine) -> None:
    now = engine.clock()
    if history.thinning_is_due(engine.store.conn, now):
        with engine.store.write("housekeeping.thin") as conn:
            history.thin(conn, now, THIN_AT_MOST)


def _prune_alerts(engine: Engine) -> None:
    before = engine.clock() - KEEP_BODIES
    done = state.get(engine.store.conn, PRUNED_TO) or 0
    if not alerts.older_than(engine.store.conn, before, done):
        return
    with engine.store.write("housekeeping.prune") as conn:
        last = alerts.prune(conn, before, done, PRUNE_AT_MOST)
        if last is not None:
            state.put(conn, PRUNED_TO, last)
