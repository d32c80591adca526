"""`tm status`: how it stands."""

from __future__ import annotations

from typing import Any

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session

app = new_app()


@app.command()
def status() -> None:
    """Show how it stands: running, paused, rules, jobs, Vincent. Asks nobody outside; ends with 0.

    \b
    Examples:
      tm status
      tm status --json
    """
    from tm.service.control import status as look

    with session.context() as ctx:
        record = look(ctx)
        paper = ctx.settings.paper
    emit(record, _told(record), paper=paper)


def _told(record: dict[str, Any]) -> str:
    """Given the record, return it as people read it, what needs a look first."""
    lines = ["running" if record["running"] else "not running: no tick in the last three intervals"]
    if record["pause"] is not None:
        reason = record["pause"].get("reason")
        lines.append(f"PAUSED since {record['pause']['since']}" + (f": {reason}" if reason else ""))
    if record["circuitBreakerUntil"]:
        lines.append(
            f"circuit breaker open until {record['circuitBreakerUntil']}: reading Vincent failed "
            f"{record['consecutiveFailures']} ticks in a row"
        )
    elif record["consecutiveFailures"]:
        lines.append(f"reading Vincent failed, ticks in a row: {record['consecutiveFailures']}")
    if record["staleTokens"]:
        shown = ", ".join(record["staleTokens"][:5])
        lines.append(f"not looked at for three intervals: {len(record['staleTokens'])} tokens ({shown})")
    if record["needsOperator"]:
        lines.append(f"{record['needsOperator']} executions need a look: tm execution list")
    jobs = ", ".join(f"{count} {name}" for name, count in record["jobs"].items() if count) or "none"
    lines += [
        f"active rules     {record['activeRulesCount']}",
        f"open executions  {record['openExecutions']}",
        f"jobs             {jobs}",
        f"last tick        {record['lastTickAt'] or 'never'}",
        f"Vincent read     {record['lastSyncTime'] or 'never'}",
        f"version          {record['version']}",
    ]
    return "\n".join(lines)
