"""`tm execution`: the orders that were sent, and what became of each."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Id, Limit, Offset
from tm.cli.output import Column, Record, dollars, emit, emit_all, short
from tm.cli.session import session

app = new_app("List and show executions: each is at most one order sent.")

COLUMNS: list[Column] = [
    ("EXECUTION", short("id")),
    ("UTC", "createdAt"),
    ("POSITION", "label"),
    ("SHARES", "shares"),
    ("OUTCOME", lambda record: _told(record)),
    ("RULE", short("ruleId")),
    ("ALERT", short("alertId")),
]


@app.command("list")
def list_(
    rule: Annotated[str | None, typer.Option(metavar="ID", help="Only of this rule.")] = None,
    alert: Annotated[str | None, typer.Option(metavar="ID", help="Only of this alert.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List executions, newest first.

    \b
    Examples:
      tm execution list
      tm execution list --rule c1a2b3c4 --json
    """
    from tm.service.records import labels_of, list_executions

    with session.context() as ctx:
        found = list_executions(ctx, rule=rule, alert=alert, limit=limit, offset=offset)
        labels = {} if session.as_json else labels_of(ctx, found)
    records = [wire.execution(each) for each in found]
    if not session.as_json:
        records = [{**each, "label": labels.get(each["tokenId"], each["tokenId"])} for each in records]
    emit_all(records, COLUMNS, empty="no executions: no order was sent", spare=("ALERT", "RULE"))


@app.command()
def show(execution_id: Id) -> None:
    """Show one execution: what was sent, what was answered, what became of it.

    \b
    Example:
      tm execution show c1a2b3c4
    """
    from tm.service.records import get_execution

    with session.context() as ctx:
        found = get_execution(ctx, execution_id)
    emit(wire.execution(found))


def _told(record: Record) -> str:
    """Given an execution, return its outcome with what was sold, or why it is not known or nothing was."""
    outcome = str(record["outcome"]).replace("_", " ")
    if record["needsOperator"]:
        outcome += ", needs a look"
    at = dollars(record["avgPrice"])
    if record["outcome"] == "matched" and at is not None:
        return f"{outcome}: {record['shares']} at {at}, not settled yet"
    if record["filledShares"]:
        return f"{outcome}: {record['filledShares']} sold" + ("" if at is None else f" at {at}")
    return f"{outcome}: {record['reason']}" if record["reason"] else outcome
