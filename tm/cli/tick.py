"""`tm tick`: what the timer runs."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.output import SHORT_ID, emit, emit_all, price, short
from tm.cli.session import session
from tm.engine.context import Report
from tm.engine.monitor import Judged
from tm.errors import EXIT_LOOK, EXIT_OK, CredentialsError
from tm.wire import number

app = new_app()


@app.command()
def tick(
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Read and judge; send, write and tell nothing.")
    ] = False,
) -> int:
    """Look once: evaluate every rule, send what is due, find out what became of it.

    The timer runs this every 15 seconds; by hand it does no harm. Exit: 0, or 3 when something in it
    failed (Vincent unreachable included), 75 when another tick is running.

    \b
    Examples:
      tm tick
      tm tick -n
    """
    from tm.service.ticking import preview_tick, run_tick

    if dry_run:
        settings = session.settings()
        plan = preview_tick(settings)
        emit_all(
            [_judged(entry) for entry in plan.judged],
            [("RULE", short("ruleId")), ("POSITION", "label"), ("BID", price("bestBid")),
             ("TRIGGER", price("triggerPrice")), ("WOULD", "decision"),
             ("BECAUSE", lambda record: record["reason"].replace("_", " "))],
            empty="no active rule",
            paper=settings.paper,
        )  # fmt: skip
        return EXIT_OK
    report = run_tick(session.settings_of_a_tick)
    if "JOURNAL_STREAM" not in os.environ or session.json_asked:
        emit(_record(report), _text(report), paper=report.paper)
    return exit_code(report)


def exit_code(report: Report) -> int:
    """0, or 3 when something failed, or 77 when what failed is the key."""
    if any(isinstance(error, CredentialsError) for error in report.problems):
        return CredentialsError.exit_code
    return EXIT_LOOK if report.problems else EXIT_OK


def _record(report: Report) -> dict[str, Any]:
    return {
        "evaluated": report.evaluated,
        "triggered": report.triggered,
        "orders": report.orders,
        "settled": report.settled,
        "wakes": report.wakes,
        "notes": report.notes,
        "problems": [error.to_wire() for error in report.problems],
    }


def _text(report: Report) -> str:
    rules = "1 rule" if report.evaluated == 1 else f"{report.evaluated} rules"
    lines = [f"evaluated {rules}, {len(report.triggered)} triggered"]
    lines += [
        f"order {entry['attemptId'][:SHORT_ID]}: {entry['outcome'].replace('_', ' ')}, {entry['reason']}"
        for entry in report.settled
    ]
    for error in report.problems:
        lines.append(f"problem: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""))
    if report.problems and not report.evaluated:
        lines.append(
            "no rule could be judged in this look; all stay as they are, and the next tick looks again"
        )
    if report.wakes:
        lines.append("woke the agent" + (f" {report.wakes} times" if report.wakes > 1 else ""))
    return "\n".join([*lines, *report.notes])


def _judged(entry: Judged) -> dict[str, Any]:
    evaluation = entry.evaluation
    return {
        "ruleId": entry.rule.id,
        "label": entry.rule.label or entry.rule.token_id,
        "bestBid": number(evaluation.best_bid if evaluation else None),
        "triggerPrice": number(evaluation.trigger_price if evaluation else entry.rule.trigger_price),
        "decision": entry.decision,
        "reason": evaluation.reason if evaluation else "not_reached_this_tick",
    }
