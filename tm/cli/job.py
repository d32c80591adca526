"""`tm job`: what is to be done about what happened."""

from __future__ import annotations

from typing import Annotated

import typer

from tm import wire
from tm.cli.group import new_app
from tm.cli.options import Id, Limit, Offset
from tm.cli.output import Column, emit, emit_all, short
from tm.cli.session import session
from tm.model import JobStatus

app = new_app("List and show jobs: orders and wakes that are due, or were done.")

COLUMNS: list[Column] = [
    ("JOB", short("id")),
    ("TYPE", "jobType"),
    ("STATUS", "status"),
    ("TRIED", lambda record: f"{record['attempts']}/{record['maxAttempts']}"),
    ("DUE", "runAt"),
    ("RULE", short("ruleId")),
    ("ALERT", short("alertId")),
    ("LAST ERROR", "lastError"),
]


@app.command("list")
def list_(
    status: Annotated[
        JobStatus | None, typer.Option(metavar="S", case_sensitive=False, help="Only these.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List jobs, newest first.

    \b
    Examples:
      tm job list
      tm job list --status FAILED
    """
    from tm.service.records import list_jobs

    with session.context() as ctx:
        found = list_jobs(ctx, status, limit=limit, offset=offset)
    emit_all([wire.job(each) for each in found], COLUMNS, empty="no jobs")


@app.command()
def show(job_id: Id) -> None:
    """Show one job and its executions.

    \b
    Example:
      tm job show c1a2b3c4
    """
    from tm.service.records import get_job

    with session.context() as ctx:
        job, made = get_job(ctx, job_id)
    emit({**wire.job(job), "executions": [wire.execution(each) for each in made]})
