"""Noticing that this database is not the one that sent the last orders: restored from an old copy, or
copied from another machine. Then nothing is sent until a person has compared the trades."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tm.config import Settings
from tm.engine import files
from tm.engine.tell import tell
from tm.logs import log
from tm.store import attempts, state
from tm.store.db import Store

ACCEPTED_MARK = "acceptedMark"


def why_foreign(store: Store, state_dir: Path) -> str | None:
    """Say in a line why this database cannot be trusted to know what was sent, or None."""
    try:
        mark = files.read_sent_mark(state_dir)
    except ValueError:
        return f"{files.SENT_MARK_FILE} is damaged"
    known = max(attempts.highest_seq(store.conn), state.get(store.conn, ACCEPTED_MARK) or 0)
    if mark > known:
        return f"order {mark} was sent from here, this database knows {known}: it is an old copy"
    written_on = state.get(store.conn, state.MACHINE_ID)
    here = files.machine_id()
    if written_on is not None and here is not None and written_on != here:
        return "this database was written on another machine"
    return None


def guard(store: Store, settings: Settings, state_dir: Path, now: datetime) -> None:
    """Pause, and tell the agent once, where the database is a foreign one; else remember this machine."""
    why = why_foreign(store, state_dir)
    if why is None:
        here = files.machine_id()
        if here is not None and state.get(store.conn, state.MACHINE_ID) is None:
            with store.write("restore.remember_machine") as conn:
                state.put(conn, state.MACHINE_ID, here)
        return
    paused = state.paused(store.conn)
    if paused is not None and paused.get("restored"):
        return
    with store.write("restore.pause") as conn:
        state.put(conn, state.PAUSED, {"since": now, "reason": why, "restored": True})
        text = f"Paused: {why}. Compare `tm execution list` with the trades, then `tm resume --restored`"
        tell(conn, settings, now, "restored_copy", text)
    log("paused", level="error", reason=why, fix="tm resume --restored")


def accept(store: Store, state_dir: Path) -> None:
    """A person vouches for this database: it may go on here, with numbers above all that were sent."""
    try:
        mark = files.read_sent_mark(state_dir)
    except ValueError:
        mark = attempts.highest_seq(store.conn)
    here = files.machine_id()
    with store.write("restore.accept") as conn:
        state.put(conn, ACCEPTED_MARK, mark)
        attempts.number_above(conn, mark)
        if here is not None:
            state.put(conn, state.MACHINE_ID, here)
        state.drop(conn, state.PAUSED)
    files.write_sent_mark(state_dir, max(mark, attempts.highest_seq(store.conn)))
