"""How it stands, and the switch: status, pause, resume."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tm import __version__
from tm.engine import files
from tm.errors import Conflict
from tm.logs import log
from tm.model import RuleStatus
from tm.rules import breaker
from tm.service.context import Context
from tm.store import attempts, jobs, positions, rules, state
from tm.wire import instant

RUNNING_WITHIN = 3  # poll intervals since a tick finished
MOST_STALE_NAMED = 100


def status(ctx: Context) -> dict[str, Any]:
    """Return the record of `GET /status` and `tm status`; it asks nobody outside."""
    now = ctx.clock()
    conn, settings = ctx.conn, ctx.settings
    stamp = files.stamped_at(settings.state_dir)
    ticked = None if stamp is None else datetime.fromtimestamp(stamp, UTC)
    horizon = RUNNING_WITHIN * settings.poll_interval_seconds
    pause = state.paused(conn)
    circuit = state.breaker(conn)
    stands = breaker.state(circuit, now, settings.breaker_cooldown_seconds)
    still_open = attempts.open_ones(conn)
    return {
        "running": ticked is not None and (now - ticked).total_seconds() <= horizon,
        "lastTickAt": instant(ticked),
        "lastSyncTime": instant(state.instant(conn, state.LAST_SYNC)),
        "activeRulesCount": rules.count(conn, RuleStatus.ACTIVE),
        "staleTokens": positions.stale(conn, now, settings.poll_interval_seconds, MOST_STALE_NAMED),
        "openExecutions": len(still_open),
        "needsOperator": sum(attempt.needs_operator for attempt in still_open),
        "consecutiveFailures": circuit.failures,
        "circuitBreakerUntil": instant(circuit.open_until) if stands == "open" else None,
        "paused": pause is not None,
        "pause": pause,
        "jobs": jobs.counts(conn),
        "version": __version__,
    }


def pause(ctx: Context, reason: str | None = None) -> dict[str, Any]:
    """Let no order leave from now on; return {"since", "reason", "restored"}.

    Reading, evaluating and reconciling go on. Already paused: it stays as it is.
    """
    with ctx.store.write("control.pause") as conn:
        already = state.paused(conn)
        if already is not None:
            return already
        state.put(conn, state.PAUSED, {"since": ctx.clock(), "reason": reason, "restored": False})
        now_paused = state.paused(conn)
    log("paused", "notice", reason=reason)
    return now_paused or {}


def resume(ctx: Context, *, restored: bool = False) -> bool:
    """Let orders leave again; say whether it was paused.

    Raise Conflict where the database is an old or a copied one: it does not know all that was sent, so a
    person must compare it with the wallet's trades first, and vouch for it by `restored`.
    """
    from tm.engine import restore

    paused = state.paused(ctx.conn)
    why = restore.why_foreign(ctx.store, ctx.settings.state_dir)
    if paused is not None and paused.get("restored"):
        why = why or paused.get("reason")
    if why is not None and not restored:
        raise Conflict(
            f"not resumed: {why}",
            code="restored_copy",
            hint="compare `tm execution list` with the wallet's trades, then `tm resume --restored`",
        )
    if why is not None:
        restore.accept(ctx.store, ctx.settings.state_dir)
    elif paused is not None:
        with ctx.store.write("control.resume") as conn:
            state.drop(conn, state.PAUSED)
    if paused is not None or why is not None:
        log("resumed", "notice", restored=restored or None)
    return paused is not None
