"""Handing in an alert: recorded and queued in one transaction, once for ever per source and key."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING

from tm.engine import files
from tm.engine.routing import route
from tm.errors import Unprocessable
from tm.ids import new_id
from tm.logs import log
from tm.model import ActionType, Alert, AlertMode, AlertStatus
from tm.service.context import Context
from tm.store import alerts
from tm.times import iso

if TYPE_CHECKING:
    from tm.service.new_alert import NewAlert


def ingest_alert(ctx: Context, new: NewAlert, *, counted_from_now: bool = False) -> tuple[Alert, bool]:
    """Given what is handed in, see that it is recorded with its job; return the alert, and whether it was
    there already.

    `counted_from_now`: its expiry was given as a duration, so that said again it is no other alert.
    An alert that is too late is accepted all the same: its job FAILS as "expired", so that its key is
    known. Raise Unprocessable `idempotency_key_reused` where the source's key stands for another body,
    Refused `action_not_allowed` where `allowedActions` does not name what it orders.
    """
    now = ctx.clock()
    with ctx.store.write("alert.ingest") as conn:
        found = alerts.by_key(conn, new.source, new.idempotency_key)
        said_again = found is not None and found.expires_at is not None and counted_from_now
        fingerprint = fingerprint_of(new, found.expires_at if found and said_again else new.ends_at)
        if found is None:
            _refuse_action(ctx, new)
            alert = Alert(
                id=new_id(),
                source=new.source,
                alert_type=new.alert_type,
                mode=new.mode,
                idempotency_key=new.idempotency_key,
                payload=new.terms,
                status=AlertStatus.RECEIVED,
                created_at=now,
                updated_at=now,
                fingerprint=fingerprint,
                expires_at=new.ends_at,
            )
            alerts.insert(conn, alert)
            route(conn, ctx.settings, alert, now)
        elif found.fingerprint != fingerprint:
            raise _reused(found)
        current = _current(conn, found.id if found else alert.id)
    if found is None:
        log(
            "alert_received",
            alertId=current.id,
            source=current.source,
            alertType=current.alert_type,
            mode=current.mode,
        )
    if current.status is AlertStatus.QUEUED:
        leave_kick(ctx)
    return current, found is not None


def fingerprint_of(new: NewAlert, ends_at: datetime | None) -> str:
    """Given a validated alert, return what tells it from another one under the same key."""
    body = {
        "source": new.source,
        "alertType": new.alert_type,
        "mode": str(new.mode),
        "idempotencyKey": new.idempotency_key,
        "payload": new.terms,
        "expiresAt": None if ends_at is None else iso(ends_at),
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def leave_kick(ctx: Context) -> None:
    """Ask for a tick now. One that cannot be asked for is not needed: the timer's next one will do."""
    try:
        files.leave_kick(ctx.settings.state_dir)
    except OSError as error:
        log("kick_not_left", level="warning", reason=error)


def _refuse_action(ctx: Context, new: NewAlert) -> None:
    if new.mode is not AlertMode.EXECUTE_TXN:
        return
    action = ActionType(new.terms["action"]["type"])
    allowed = ctx.settings.allowed_actions
    if action not in allowed:
        from tm.service.new_alert import not_allowed

        raise not_allowed(action, allowed)


def _reused(found: Alert) -> Unprocessable:
    return Unprocessable(
        f"idempotencyKey: {found.idempotency_key!r} of {found.source} stands for another alert already",
        code="idempotency_key_reused",
        hint=f"a new alert needs a new key; `tm alert show {found.id}` shows the one that has it",
        details=[{"alertId": found.id}],
    )


def _current(conn: sqlite3.Connection, alert_id: str) -> Alert:
    alert = alerts.get(conn, alert_id)
    assert alert is not None
    return alert
