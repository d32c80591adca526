"""`tm status`: how it stands."""

from __future__ import annotations

from typing import Any

from tm.cli.group import new_app
from tm.cli.instants import ago
from tm.cli.output import emit
from tm.cli.session import session
from tm.times import utc_now

app = new_app()


@app.command()
def status() -> None:
    """Show whether positions are guarded, and what that rests on. Asks nobody outside; ends with 0.

    \b
    Examples:
      tm status
      tm status --json
    """
    from tm.model import RuleStatus
    from tm.service.control import status as look
    from tm.store import rules

    with session.context() as ctx:
        record = look(ctx)
        paper = ctx.settings.paper
        active = [] if session.as_json else rules.with_status(ctx.conn, RuleStatus.ACTIVE)
    blind = sum(rule.blind_since is not None or rule.unseen_since is not None for rule in active)
    emit(record, _told(record, blind), paper=paper)


def _told(record: dict[str, Any], blind: int) -> str:
    """Given the record, return it as people read it: whether they are protected, then what it rests on.

    `blind`: how many active rules see no price, or not their position.
    """
    lines = [*_answer(record, blind), *_worries(record), ""]
    jobs = ", ".join(f"{count} {name}" for name, count in record["jobs"].items() if count) or "none"
    lines += [
        f"active rules     {record['activeRulesCount']}",
        f"orders out       {record['openExecutions']}",
        f"jobs             {jobs}",
        f"last tick        {_when(record['lastTickAt'])}",
        f"Vincent read     {_when(record['lastSyncTime'])}",
        f"version          {record['version']}",
    ]
    return "\n".join(lines)


def _answer(record: dict[str, Any], blind: int) -> list[str]:
    """Am I protected? One line, and what to do where it is no."""
    count = record["activeRulesCount"]
    if count == 0:
        stopped = "" if record["running"] else ", and not running"
        return [f"nothing is guarded: no active rule{stopped}", "  next: tm rule add --help"]
    rules = "1 active rule" if count == 1 else f"{count} active rules"
    if not record["running"]:
        last = record["lastTickAt"]
        since = "no tick has run yet" if last is None else f"the last tick was {_when(last)}"
        return [
            f"NOT GUARDED: not running; {since}, and nothing looks at {rules}",
            "  next: `tm install` lets systemd run it, `tm run` runs it here, `tm doctor` says what is wrong",
        ]
    if record["pause"] is not None:
        restored = record["pause"].get("restored")
        return [
            f"NOT GUARDED: paused, so no order leaves; {rules} would wait",
            "  next: tm resume" + (" --restored, after comparing the trades" if restored else ""),
        ]
    if record["circuitBreakerUntil"] or record["consecutiveFailures"]:
        return [f"NOT GUARDED at this moment: Vincent cannot be read; {rules} wait for it"]
    if blind:
        sees = "sees" if blind == 1 else "see"
        return [
            f"NOT ALL GUARDED: {blind} of {rules} {sees} no usable price, or not the position; "
            f"the last look was {_when(record['lastTickAt'])}",
            "  next: tm doctor",
        ]
    return [f"guarded by {rules}: the last look was {_when(record['lastTickAt'])}"]


def _worries(record: dict[str, Any]) -> list[str]:
    """What a person should know beside."""
    lines = []
    if record["openExecutions"] and not record["running"]:
        lines.append(f"orders out: {record['openExecutions']}, and no tick finds out what becomes of them")
    if record["pause"] is not None:
        reason = record["pause"].get("reason")
        lines.append(f"PAUSED since {record['pause']['since']}" + (f": {reason}" if reason else ""))
    failed = record["consecutiveFailures"]
    ticks = "the last tick" if failed == 1 else f"{failed} ticks in a row"
    if record["circuitBreakerUntil"]:
        until = record["circuitBreakerUntil"]
        lines.append(
            f"circuit breaker open until {until}: reading Vincent failed in {ticks}; it tries by itself"
        )
    elif failed:
        lines.append(f"reading Vincent failed in {ticks}; it is tried again in each")
    if record["staleTokens"]:
        count = len(record["staleTokens"])
        shown = ", ".join(record["staleTokens"][:5]) + (", ..." if count > 5 else "")
        lines.append(f"no price read for three intervals: {count} token{'s' * (count > 1)} ({shown})")
    if record["needsOperator"]:
        lines.append(f"{record['needsOperator']} orders need a look: tm execution list")
    return lines


def _when(instant: str | None) -> str:
    return "never" if instant is None else f"{ago(instant, utc_now())} ({instant})"
