"""`tm alert`: hand in what happened elsewhere, and see what was done about it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tm import wire
from tm.cli.detail import detail
from tm.cli.group import new_app
from tm.cli.options import Id, Limit, Offset
from tm.cli.output import SHORT_ID, Column, emit, emit_all, message, short
from tm.cli.session import session
from tm.errors import Invalid
from tm.model import AlertMode, AlertStatus

app = new_app("Hand in, list and show alerts.")

COLUMNS: list[Column] = [
    ("ALERT", short("id")),
    ("UTC", "createdAt"),
    ("SOURCE", "source"),
    ("TYPE", "alertType"),
    ("MODE", "mode"),
    ("STATUS", "status"),
    ("KEY", "idempotencyKey"),
]
_LARGEST_PAYLOAD = 65536  # characters; the limit itself is in bytes, and is told with them


@app.command()
def add(
    source: Annotated[str, typer.Option(metavar="S", help="Who hands it in.")],
    alert_type: Annotated[str, typer.Option("--type", metavar="T", help="What kind of alert it is.")],
    mode: Annotated[
        AlertMode, typer.Option(metavar="M", case_sensitive=False, help="EXECUTE_TXN, WAKE_AGENT or IGNORE.")
    ],
    key: Annotated[str, typer.Option(metavar="K", help="Names this alert: the same key is done once.")],
    payload: Annotated[
        str | None, typer.Option(metavar="JSON|-", help="A JSON object, or - to read one from stdin.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Too late then: 2h, 3d, a date, or ISO 8601.")
    ] = None,
) -> None:
    """Hand in an alert. Done once: the same source and key again is the same alert, whenever that is.

    EXECUTE_TXN sells what the payload names, at the next tick; WAKE_AGENT tells the agent; IGNORE records.
    The same source and key with anything else changed is refused (exit 5). An action that allowedActions
    does not name is refused too.

    \b
    Examples:
      tm alert add --source cron --type news --mode WAKE_AGENT --key 2026-11-03 --payload '{"seen": "..."}'
      tm alert add --source bot --type exit --mode EXECUTE_TXN --key 42 --expires 10m \\
        --payload '{"marketId": "M", "tokenId": "T", "action": "SELL_ALL"}'
      echo '{"marketId": "M", "tokenId": "T", "action": {"type": "SELL_PARTIAL", "amount": 100}}' |
        tm alert add --source bot --type exit --mode EXECUTE_TXN --key 43 --payload -
    """
    from tm.service.alerts import ingest_alert
    from tm.service.new_alert import new_alert

    body: dict[str, Any] = {
        "source": source,
        "alertType": alert_type,
        "mode": str(mode),
        "idempotencyKey": key,
    }
    if payload is not None:
        body["payload"] = _payload(payload)
    with session.context() as ctx:
        lasts = False
        if expires is not None:
            from tm.cli.when import counts_from_now, parse_when

            body["expiresAt"] = parse_when(expires, ctx.clock())
            lasts = counts_from_now(expires)
        found, replayed = ingest_alert(ctx, new_alert(body), counted_from_now=lasts)
        unheard = mode is AlertMode.WAKE_AGENT and ctx.settings.agent_wake_url is None
        paper = ctx.settings.paper
    record = {**wire.alert(found), "replayed": replayed}
    emit(record, _told(record), paper=paper)
    if unheard:
        message("warning: agentWakeUrl is not configured: nobody will be woken")


@app.command("list")
def list_(
    status: Annotated[
        AlertStatus | None, typer.Option(metavar="S", case_sensitive=False, help="Only these.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List alerts, newest first.

    \b
    Examples:
      tm alert list
      tm alert list --status FAILED --json
    """
    from tm.service.records import list_alerts

    with session.context() as ctx:
        found = list_alerts(ctx, status, limit=limit, offset=offset)
    emit_all([wire.alert(each) for each in found], COLUMNS, empty="no alerts")


@app.command()
def show(alert_id: Id) -> None:
    """Show one alert, its job, and the orders that it led to.

    \b
    Example:
      tm alert show c1a2b3c4
    """
    from tm.service.records import get_alert

    with session.context() as ctx:
        found = get_alert(ctx, alert_id)
    record = wire.alert(*found)
    emit(record, detail(record))


def _payload(given: str) -> Any:
    from tm.service.body import parse_json

    text = given
    if given == "-":
        try:
            text = sys.stdin.read(_LARGEST_PAYLOAD + 1)
        except UnicodeDecodeError:
            raise Invalid("--payload -: stdin is not UTF-8 text", code="invalid_json") from None
    if len(text) > _LARGEST_PAYLOAD:
        raise Invalid("--payload: too long", hint="a payload has at most 16 KiB")
    try:
        return parse_json(text)
    except Invalid as problem:
        raise Invalid(
            f"--payload: {problem.message}",
            code=problem.code,
            hint="one JSON object in quotes, such as '{\"price\": 0.42}', or - to read it from stdin",
        ) from None


def _told(record: dict[str, Any]) -> str:
    """Given an alert just handed in, say what will be done about it, and what to do next."""
    next_step = f"  next: tm alert show {record['id'][:SHORT_ID]}"
    if record["replayed"]:
        return (
            f"known already: alert {record['id']} is {record['status']}; nothing is done twice\n{next_step}"
        )
    if record["mode"] == AlertMode.IGNORE:
        return f"recorded alert {record['id']}; nothing is done about it"
    does = "the agent is woken"
    if record["mode"] == AlertMode.EXECUTE_TXN:
        action = record["payload"]["action"]
        amount = f" of {action['amount']} shares" if "amount" in action else ""
        does = f"{action['type']}{amount} of token {record['payload']['tokenId']}"
    until = f", until {record['expiresAt']}" if record["expiresAt"] else ""
    return f"queued alert {record['id']}\n  at the next tick: {does}{until}\n{next_step}"
