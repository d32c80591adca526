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
    ("UTC", "createdAt"),
    ("RULE", short("ruleId")),
    ("EVENT", "eventType"),
    ("WHAT", "what"),
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
    """List events, newest first: on a terminal in words, as JSON with all their data.

    \b
    Examples:
      tm event list --rule c1a2b3c4
      tm event list --type RULE_TRIGGERED --json
    """
    from tm.service.records import list_events, rules_of
    from tm.service.wording import event

    with session.context() as ctx:
        found = list_events(ctx, rule=rule, event_type=event_type, limit=limit, offset=offset)
        rules = {} if session.as_json else rules_of(ctx, found)
    records = [wire.event(each) for each in found]
    for each, record in zip(found, records, strict=True):
        if each.rule_id in rules:
            record["what"], _ = event(rules[each.rule_id].rule_type, each.event_type, each.event_data)
    emit_all(records, COLUMNS, empty="no events", spare=("EVENT",))
