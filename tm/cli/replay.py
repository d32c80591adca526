"""`tm replay`: what rules would have done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm.cli.group import new_app
from tm.cli.levels import asked_price
from tm.cli.output import Column, emit, emit_all
from tm.cli.progress import Progress
from tm.cli.session import session
from tm.cli.story import percent, story, sum_story
from tm.errors import Invalid

if TYPE_CHECKING:
    from tm.service.context import Context
    from tm.service.replay import Result, Trial
    from tm.service.sources import Source

app = new_app()

Levels = list[str] | None


@app.command()
def replay(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="CSV files, directories, recordings, tokens or words."),
    ],
    stop_loss: Annotated[Levels, typer.Option(metavar="LEVEL[:PART]", help="As of `tm rule add`.")] = None,
    take_profit: Annotated[Levels, typer.Option(metavar="LEVEL[:PART]", help="As of `tm rule add`.")] = None,
    trailing_stop: Annotated[
        str | None, typer.Option(metavar="PERCENT|USD", help="As of `tm rule add`.")
    ] = None,
    trigger_price: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Where a trailing stop begins.")
    ] = None,
    activate_at: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Where a trailing stop wakes.")
    ] = None,
    sell: Annotated[
        str, typer.Option(metavar="all|SHARES|PERCENT", help="How much each sells, as of `tm rule add`.")
    ] = "all",
    rule: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This rule that stands now, instead of levels.")
    ] = None,
    entry: Annotated[
        str | None, typer.Option(metavar="PRICE", help="What was paid; else the first ask that counts.")
    ] = None,
    shares: Annotated[
        str | None, typer.Option(metavar="N", help="How many are held; else as known, or 100.")
    ] = None,
    max_spread: Annotated[str | None, typer.Option(metavar="USD", help="In place of the setting.")] = None,
    confirm_ticks: Annotated[int | None, typer.Option(metavar="N", help="In place of the setting.")] = None,
    max_slippage_percent: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="In place of the setting.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUES", help="Try all values; of several, all combinations."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Of the own history: from then on (6h, 3d, a date).")
    ] = None,
) -> None:
    """Run rules over recorded prices: when they would have fired, and what holding would have been worth.

    The same code decides as in a tick, and each row is a tick. A CSV file has a header and the columns
    ts,best_bid,best_ask[,bid_depth,ask_depth]; a row whose side is empty says so with an empty field. A
    token or words that name a position stand for the quotes that the ticks wrote down (older than a day: one
    a minute; than 30 days: one an hour); without levels, the ACTIVE rules of that token are run. An order is
    taken to fill at once, at the recorded bid, as far as the recorded depth goes (where none was recorded:
    wholly).

    --grid takes stop-loss, take-profit, trailing-stop, max-spread and confirm-ticks, each with values such
    as 0.30,0.40 or -40%..-10%..5% (from, to, step). A stop is called false when the bid was back above its
    trigger within ten minutes.

    \b
    Examples:
      tm replay crash_0.815_to_0.155 --stop-loss -20%
      tm replay "trump yes" --since 7d
      tm replay day.csv --trailing-stop 8% --confirm-ticks 2 --json
      tm replay recordings/ --grid stop-loss=-40%..-10%..5% --grid max-spread=0.05,0.10,1
    """
    from tm.cli.trials import Typed, asked_amount, has_levels, manner_of
    from tm.service.sources import sources

    typed = Typed(stop_loss or [], take_profit or [], trailing_stop, trigger_price, activate_at, sell)
    with ExitStack() as stack:
        opened: list[Context] = []

        def context() -> Context:
            if not opened:
                opened.append(stack.enter_context(session.context()))
            return opened[0]

        settings = session.settings()
        manner = manner_of(settings, max_spread, confirm_ticks, max_slippage_percent)
        trials = typed.trials(manner, grid or [], standing=bool(rule))
        first = None
        if since is not None:
            from tm.cli.when import parse_since
            from tm.times import utc_now

            first = parse_since(since, utc_now())
        found = sources(source, context, since=first)
        if rule:
            trials = [replace(each, rules=_standing(context(), rule)) for each in trials]
        elif not typed.any and not has_levels(trials):
            trials = [replace(each, rules=_of_token(context(), found)) for each in trials]
        results = _run(
            found,
            trials,
            max_spread=settings.max_spread,
            entry=None if entry is None else asked_price("--entry", entry),
            shares=None if shares is None else asked_amount(shares),
        )
        _show(results, trials, many=len(found) > 1, gridded=bool(grid))


def _standing(ctx: Context, ids: Sequence[str]) -> tuple[Any, ...]:
    from tm.service.rules import get_rule

    return tuple(get_rule(ctx, each)[0] for each in ids)


def _of_token(ctx: Context, found: Sequence[Source]) -> tuple[Any, ...]:
    """The ACTIVE rules of the one token whose history is replayed."""
    from tm.model import RuleStatus
    from tm.store import rules

    tokens = {each.token_id for each in found}
    if len(found) == 1 and None not in tokens:
        standing = [r for r in rules.with_status(ctx.conn, RuleStatus.ACTIVE) if r.token_id in tokens]
        if standing:
            return tuple(standing)
    raise Invalid(
        "which rules? give --stop-loss, --take-profit or --trailing-stop, or --rule ID",
        code="usage",
        hint="`tm replay --help` shows how",
    )


def _run(
    found: Sequence[Source],
    trials: Sequence[Trial],
    *,
    max_spread: Decimal,
    entry: Decimal | None,
    shares: Decimal | None,
) -> Iterator[list[Result]]:
    from tm.service.replay import run

    with Progress(len(found)) as progress:
        yield from run(found, trials, max_spread=max_spread, entry=entry, shares=shares, progress=progress)


# ---- what is shown -------------------------------------------------------------------------------

GRID: list[Column] = [
    ("MADE/SHARE", "meanPerShare"),
    ("HELD/SHARE", "meanHoldPerShare"),
    ("WORST", "worstPerShare"),
    ("SOLD IN", lambda record: f"{record['fired']} of {record['sources']}"),
    ("STOPS", "stops"),
    ("FALSE", lambda record: percent(record["falseStopShare"])),
]


def _show(results: Iterator[list[Result]], trials: Sequence[Trial], *, many: bool, gridded: bool) -> None:
    from tm.service.ledger import Summary, record

    if not many and not gridded:
        ((only,),) = list(results)
        told = record(only)
        emit(told, story(told))
        return
    sums = [Summary() for _ in trials]
    each_one: list[dict[str, Any]] = []
    for row in results:
        for total, result in zip(sums, row, strict=True):
            total.add(result)
        if many and not gridded:
            each_one.append(record(row[0]))
    records = [{**dict(trial.name), **total.record()} for trial, total in zip(trials, sums, strict=True)]
    if gridded:
        names = [name for name, _ in trials[0].name]
        columns: list[Column] = [(name.upper(), name) for name in names]
        emit_all(records, [*columns, *GRID], empty="")
    else:
        emit({"summary": records[0], "sources": each_one}, sum_story(records[0], each_one))
