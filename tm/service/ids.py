"""Naming a record by its id, or by the beginning of it."""

from __future__ import annotations

import sqlite3

from tm.errors import Conflict, NotFound
from tm.store import codec

SHORTEST_PREFIX = 6

TABLES = {
    "rule": "trade_rules",
    "event": "rule_events",
    "alert": "alert_events",
    "job": "harness_jobs",
    "execution": "execution_attempts",
}


def full_id(conn: sqlite3.Connection, noun: str, given: str, *, exact: bool = False) -> str:
    """Given an id or (unless `exact`) a prefix of 6 or more characters, return the whole id.

    Raise NotFound if there is none such, Conflict with the candidates if there are several.
    """
    given = given.strip()
    too_short = len(given) < SHORTEST_PREFIX
    found = [] if too_short else codec.ids_with_prefix(conn, TABLES[noun], given)
    if given in found:
        return given
    if exact or not found:
        hint = f"`tm {noun} list` shows the ids"
        if too_short:
            hint = f"an id can be cut to its first {SHORTEST_PREFIX} characters, not shorter; {hint}"
        raise NotFound(f"no {noun} {given[:60]!r}", hint=hint)
    if len(found) > 1:
        raise Conflict(
            f"{given!r} is the beginning of {len(found)} {noun} ids",
            code="ambiguous",
            hint="give more characters",
            details=[{"id": each} for each in found],
        )
    return found[0]
