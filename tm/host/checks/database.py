"""The database, and what it says about the running: pause, breaker, rules that cannot act, open orders."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import pathname2url

from tm.config import Settings
from tm.engine import restore
from tm.errors import DatabaseError, TradeManagerError
from tm.host.findings import Finding, fault, look, of_error, ok
from tm.model import Rule, RuleStatus
from tm.rules import breaker
from tm.store import attempts, rules, state
from tm.store.db import Store, has_wal_bug
from tm.store.faults import as_error
from tm.store.schema import APPLICATION_ID, SCHEMA_VERSION
from tm.times import iso, utc_now

NAMES_SHOWN = 5


@contextmanager
def reading(settings: Settings) -> Iterator[Store | None]:
    """The database, opened so that nothing can be changed; None where there is none yet.

    Raise DatabaseError or Busy.
    """
    path = settings.database_path
    if not path.exists():
        yield None
        return
    try:
        conn = sqlite3.connect(f"file:{pathname2url(str(path))}?mode=ro", uri=True, timeout=5)
    except sqlite3.Error as error:
        raise as_error(error, path) from error
    conn.row_factory = sqlite3.Row
    try:
        yield Store(path, conn)
    except sqlite3.Error as error:
        raise as_error(error, path) from error
    finally:
        conn.close()


def examine(settings: Settings) -> list[Finding]:
    """The file first; its content only where the file can be believed."""
    found = [sqlite_version()]
    try:
        with reading(settings) as store:
            if store is None:
                return [
                    ok("database", f"none yet at {settings.database_path}; it is made when needed"),
                    *found,
                ]
            shape = integrity(store, settings)
            found.insert(0, shape)
            if shape.status == "ok" and _schema(store.conn) == SCHEMA_VERSION:
                found += [paused(store, settings), circuit(store, settings)]
                found += [sight(store), orders(store)]
    except TradeManagerError as error:
        return [of_error("database", error), *found]
    return found


def sqlite_version() -> Finding:
    """Does this SQLite corrupt a WAL file that two processes write at one instant?"""
    version = sqlite3.sqlite_version
    if has_wal_bug():
        return ok(
            "sqlite", f"{version} has the WAL bug mended in 3.51.3; tm lets one process write at a time"
        )
    return ok("sqlite", version)


def integrity(store: Store, settings: Settings) -> Finding:
    """Is the file whole, ours, and of a schema that this program knows?"""
    conn, path = store.conn, store.path
    said = [row[0] for row in conn.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        remedy = (
            "stop tm (`tm pause` is not enough), move the file away, restore a copy, `tm resume --restored`"
        )
        return fault("database", f"{path} is damaged: {'; '.join(said)}", remedy)
    if conn.execute("PRAGMA foreign_key_check").fetchone() is not None:
        return fault("database", f"{path}: rows refer to rows that are gone", "restore a copy of it")
    schema = _schema(conn)
    if schema > SCHEMA_VERSION:
        said_newer = f"{path} has schema {schema}, this program knows {SCHEMA_VERSION}"
        return fault("database", said_newer, "a newer tm wrote it: run `tm update`")
    if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        return fault(
            "database", f"{path} is a database of another program", "set databaseUrl to a path of its own"
        )
    if not os.access(path, os.W_OK):
        return fault("database", f"{path} cannot be written", "check its owner and mode (0600)")
    older = f", brought to {SCHEMA_VERSION} by the next command" if schema < SCHEMA_VERSION else ""
    return ok("database", f"{path}: whole, {path.stat().st_size / 2**20:.1f} MiB, schema {schema}{older}")


def paused(store: Store, settings: Settings) -> Finding:
    """Are orders being sent at all?"""
    why = restore.why_foreign(store, settings.state_dir)
    if why is not None:
        fix = "compare `tm execution list` with the trades, then `tm resume --restored`"
        return fault("paused", f"nothing is sold: {why}", fix)
    pause = state.paused(store.conn)
    if pause is None:
        return ok("paused", "no: orders are sent")
    reason = f": {pause['reason']}" if pause.get("reason") else ""
    fix = "tm resume --restored" if pause.get("restored") else "tm resume"
    return look("paused", f"nothing is sold since {pause.get('since')}{reason}", fix)


def circuit(store: Store, settings: Settings) -> Finding:
    """Is Vincent being left alone after too many failures?"""
    now = utc_now()
    held = state.breaker(store.conn)
    stands = breaker.state(held, now, settings.breaker_cooldown_seconds)
    if stands == "closed":
        failures = f"closed ({held.failures} failed ticks in a row)" if held.failures else "closed"
        return ok("breaker", failures)
    until = iso(held.open_until) if held.open_until else "the next tick"
    said = f"open until {until}, after {held.failures} ticks without an answer from Vincent"
    return look(
        "breaker", said, "it closes by itself when Vincent answers; the key check says whether it does"
    )


def sight(store: Store) -> Finding:
    """Can every ACTIVE rule see its price and its position, and did its sale get through?"""
    active = rules.with_status(store.conn, RuleStatus.ACTIVE)
    troubles: list[str] = []
    for words, since in (
        ("no usable price", "blind_since"),
        ("position not seen", "unseen_since"),
        ("triggered, nothing sold yet", "unsold_since"),
    ):
        touched = [rule for rule in active if getattr(rule, since) is not None]
        if touched:
            troubles.append(f"{words}: {_names(touched)}")
    if troubles:
        fix = "`tm rule show ID` tells why; they stay ACTIVE and act when they can"
        return look("rules", "; ".join(troubles), fix)
    return ok("rules", f"{len(active)} active" + (", all can act" if active else ""))


def orders(store: Store) -> Finding:
    """Is there an order whose outcome a person must settle?"""
    open_ones = attempts.open_ones(store.conn)
    stuck = [attempt for attempt in open_ones if attempt.needs_operator]
    if stuck:
        jobs = ", ".join(attempt.job_id[:10] for attempt in stuck[:NAMES_SHOWN])
        return look(
            "orders", f"{len(stuck)} without a known outcome", f"`tm job show ID` says what to check: {jobs}"
        )
    return ok("orders", f"{len(open_ones)} being reconciled" if open_ones else "none open")


def is_current(settings: Settings) -> bool:
    """Say whether there is a database of this program's schema. Raise DatabaseError or Busy."""
    with reading(settings) as store:
        return store is not None and _schema(store.conn) == SCHEMA_VERSION


def active_rules(settings: Settings) -> int:
    """How many rules are ACTIVE; 0 where the database cannot be read (its own check says so)."""
    try:
        with reading(settings) as store:
            if store is None or _schema(store.conn) != SCHEMA_VERSION:
                return 0
            return rules.count(store.conn, RuleStatus.ACTIVE)
    except (TradeManagerError, DatabaseError):
        return 0


def _schema(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def _names(touched: list[Rule]) -> str:
    shown = ", ".join(
        f"{rule.label or rule.token_id[:12]} ({rule.id[:10]})" for rule in touched[:NAMES_SHOWN]
    )
    more = len(touched) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
