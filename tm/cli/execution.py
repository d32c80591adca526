"""`tm execution`: the orders that were sent, and what became of each."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Id, Limit, Offset
from tm.cli.output import Column, emit, emit_all, short
from tm.cli.session import session

app = new_app("List and show executions: each is at most one order sent.")

COLUMNS: list[Column] = [
    ("EXECUTION", short("id")),
    ("AT", "createdAt"),
    ("ACTION", "action"),
    ("SHARES", "shares"),
    ("OUTCOME", "outcome"),
    ("FILLED", "filledShares"),
    ("PRICE", "avgPrice"),
    ("RULE", short("ruleId")),
    ("ALERT", short("alertId")),
    ("REASON", "reason"),
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
    from tm.service.records import list_executions

    with session.context() as ctx:
        found = list_executions(ctx, rule=rule, alert=alert, limit=limit, offset=offset)
    emit_all([wire.execution(each) for each in found], COLUMNS, empty="no executions: no order was sent")


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
