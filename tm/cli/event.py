"""`tm event`: what happened to the rules."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Limit, Offset
from tm.cli.output import Column, emit_all, short
from tm.cli.session import session
from tm.model import EventType

app = new_app("List what happened to the rules.")

COLUMNS: list[Column] = [
    ("AT", "createdAt"),
    ("RULE", short("ruleId")),
    ("EVENT", "eventType"),
    ("DATA", "eventData"),
]


@app.command("list")
def list_(
    rule: Annotated[str | None, typer.Option(metavar="ID", help="Only of this rule.")] = None,
    event_type: Annotated[
        EventType | None, typer.Option("--type", metavar="T", case_sensitive=False, help="Only of this type.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List events, newest first.

    \b
    Examples:
      tm event list --rule c1a2b3c4
      tm event list --type RULE_TRIGGERED --json
    """
    from tm.service.records import list_events

    with session.context() as ctx:
        found = list_events(ctx, rule=rule, event_type=event_type, limit=limit, offset=offset)
    emit_all([wire.event(each) for each in found], COLUMNS, empty="no events")
