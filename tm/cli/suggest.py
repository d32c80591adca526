"""`tm suggest`: levels from a history's own movement."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.output import emit
from tm.cli.session import session
from tm.errors import Invalid

if TYPE_CHECKING:
    from tm.service.context import Context

app = new_app()


@app.command()
def suggest(
    source: Annotated[
        str, typer.Argument(metavar="TOKEN", help="A token or words (own history), a file or a recording.")
    ],
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Of the own history: from then on; 30d if not given.")
    ] = None,
) -> None:
    """Suggest stop and target levels from how far the price itself moves. No rule is made.

    The measure is the largest fall (for stops) or rise (for targets) of the best bid within a clock hour.
    A level lies one tick beyond what 80, 95 or 99 of 100 hours stay within; how sure that is follows from
    the number of hours alone, without any model. Each level comes with a replay: what a rule at that
    distance would have done in the day after each of up to 48 starts. The past promises nothing.

    \b
    Examples:
      tm suggest "trump yes"
      tm suggest 7132104567 --since 7d --json
    """
    from tm.cli.trials import manner_of
    from tm.cli.when import parse_since
    from tm.service.sources import sources
    from tm.service.suggest import record
    from tm.service.suggest import suggest as suggested
    from tm.times import utc_now

    settings = session.settings()
    first = parse_since(since or "30d", utc_now())
    with ExitStack() as stack:
        opened: list[Context] = []

        def context() -> Context:
            if not opened:
                opened.append(stack.enter_context(session.context()))
            return opened[0]

        found = sources([source], context, since=first)
        if len(found) != 1:
            raise Invalid(f"{source} holds {len(found)} series; give one", code="usage")
        told = record(suggested(found[0], manner_of(settings, None, None, None)))
    emit(told, _story(told))


def _story(told: dict[str, Any]) -> str:
    lines = [
        f"{told['source']}: best bid {told['bestBid']} at {told['at'][:10]} {told['at'][11:19]}Z, "
        f"{told['hours']} hours with quotes enough",
        f"  measure: {told['measure']}",
    ]
    for each in told["suggestions"]:
        kind = each["ruleType"].replace("_", " ").lower()
        tried, within = each["replay"], each["hoursWithinPercent"]
        lines.append(
            f"  {kind} {each['triggerPrice']} ({each['name']}): {within} of 100 hours move "
            f"{each['distance']} or less ({each['surePercent']} % sure)"
        )
        false = f", {tried['falseStops']} of them false" if each["ruleType"] == "STOP_LOSS" else ""
        lines.append(
            f"    replay, {tried['starts']} starts: fired in {tried['fired']}{false}; "
            f"made {_usd(tried['meanPerShare'])}, holding {_usd(tried['meanHoldPerShare'])} a share"
        )
    lines.append("  no rule was made: `tm rule add` makes one")
    return "\n".join(lines)


def _usd(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.4f} USD"
