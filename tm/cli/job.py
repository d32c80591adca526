"""`tm job`: what is to be done about what happened."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Annotated, Any

import typer

from tm import wire
from tm.cli.detail import detail
from tm.cli.group import new_app
from tm.cli.options import Id, Limit, Offset
from tm.cli.output import Column, emit, emit_all, short
from tm.cli.session import session
from tm.errors import Invalid
from tm.model import JobStatus
from tm.numbers import MAX_AMOUNT, parse_decimal

app = new_app("List and show jobs (orders and wakes that are due, or were done), and settle them by hand.")

COLUMNS: list[Column] = [
    ("JOB", short("id")),
    ("TYPE", "jobType"),
    ("STATUS", "status"),
    ("TRIED", lambda record: f"{record['attempts']}/{record['maxAttempts']}"),
    ("DUE UTC", "runAt"),
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
    emit_all([wire.job(each) for each in found], COLUMNS, empty="no jobs", spare=("TRIED", "DUE UTC"))


@app.command()
def show(job_id: Id) -> None:
    """Show one job and its executions; of an order whose outcome is open, what a person can check.

    \b
    Example:
      tm job show c1a2b3c4
    """
    from tm.service.jobs import what_to_check
    from tm.service.records import get_job

    with session.context() as ctx:
        job, made = get_job(ctx, job_id)
    checks = [found for found in map(what_to_check, made) if found is not None]
    record = {**wire.job(job), "executions": [wire.execution(each) for each in made]}
    if checks:
        record["check"] = checks[0]
        emit(record, detail({key: record[key] for key in record if key != "check"}, **_advice(checks[0])))
    else:
        emit(record, detail(record))


@app.command()
def retry(job_id: Id) -> None:
    """Try a FAILED job anew, or one that waits at the next tick.

    Not for an order that sold something (it could sell twice), nor for a rule's: the rule makes a new job.

    \b
    Example:
      tm job retry c1a2b3c4
    """
    from tm.service.jobs import retry_job

    with session.context() as ctx:
        record = wire.job(retry_job(ctx, job_id))
    emit(record, f"job {record['id']} is {record['status']}, and due now")


@app.command()
def cancel(job_id: Id) -> None:
    """End a job that waits; its alert is FAILED as "canceled by the user".

    While its order is out it cannot be ended (exit 5); what that order does not sell is not sent again.

    \b
    Example:
      tm job cancel c1a2b3c4
    """
    from tm.service.jobs import cancel_job

    with session.context() as ctx:
        record = wire.job(cancel_job(ctx, job_id))
    emit(record, f"job {record['id']} is {record['status']}: {record['lastError']}")


@app.command()
def resolve(
    job_id: Id,
    sold: Annotated[
        str | None, typer.Option(metavar="SHARES", help="So many shares of the open order were sold.")
    ] = None,
    not_sold: Annotated[bool, typer.Option("--not-sold", help="None were, and none will be.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Settle it although it may still show by itself.")
    ] = False,
) -> None:
    """Settle by hand an order whose outcome nothing proves, as `tm job show` says to check.

    Look into the wallet's trades first: an order that is called unsold and was sold is sold twice.

    \b
    Examples:
      tm job resolve c1a2b3c4 --sold 100
      tm job resolve c1a2b3c4 --not-sold
    """
    from tm.service.jobs import resolve_job

    shares = _settled(sold, not_sold)
    with session.context() as ctx:
        job, settled = resolve_job(ctx, job_id, shares, by=_user(), sure=yes)
    record = {**wire.job(job), "executions": [wire.execution(settled)]}
    text = f"execution {settled.id}: {settled.outcome} ({settled.reason})\njob {job.id} is {job.status}"
    goes_on = job.status is JobStatus.PENDING or (job.rule_id is not None and settled.outcome != "filled")
    if goes_on:
        keeper = f"job cancel {job.id}" if job.rule_id is None else f"rule cancel {job.rule_id}"
        text += f"\n  what is not sold yet goes on; to stop that: tm {keeper}"
    emit(record, text)


def _settled(sold: str | None, not_sold: bool) -> Decimal:
    if (sold is None) == (not not_sold):
        raise Invalid(
            "say either --sold SHARES or --not-sold", code="usage", hint="`tm job resolve --help` shows how"
        )
    shares = Decimal(0) if sold is None else parse_decimal(sold)
    if shares is None or not 0 <= shares <= MAX_AMOUNT:
        raise Invalid(f"--sold: {sold!r} is not a number of shares")
    return shares


def _user() -> str:
    """Who runs this, for the record."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return f"uid {os.getuid()}"


def _advice(check: dict[str, Any]) -> dict[str, str]:
    """Given what is to be checked, return it under its heading, for people."""
    held = "not shown" if check["heldBefore"] is None else check["heldBefore"]
    order = f"the trades of order {check['orderId']}" if check["orderId"] else (
        f"SELL trades of this token since {check['tradesSince']} that sum to {check['shares']} shares, "
        f"and were not there before ({len(check['tradesBefore'])} were)"
    )  # fmt: skip
    lines = [
        f"an order of {check['shares']} shares of token {check['tokenId']} was sent {check['sentAt']}: "
        f"{check['outcome']}" + (f" ({check['reason']})" if check["reason"] else ""),
        f"held before: {held} shares; your own orders resting before: {len(check['ordersRestingBefore'])}",
        f"look in the wallet's history for {order}",
        f"if it was sold:  {check['ifSold']}",
        f"if it was not:   {check['ifNotSold']}",
    ]
    if check["needsOperator"]:
        return {"needs_you": "\n".join(lines)}
    lines.append("no need yet: it is looked for in every tick (before that, both need --yes)")
    return {"still_open": "\n".join(lines)}
