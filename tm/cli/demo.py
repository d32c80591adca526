"""`tm demo`: a stop sells a recorded crash, before your eyes."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tm.cli.group import new_app
from tm.cli.output import emit_text
from tm.cli.session import is_terminal, session
from tm.errors import EXIT_OK

if TYPE_CHECKING:
    from tm.service.demo import Stage, Step, Verdict

app = new_app()

SECONDS = 10.0  # that the display takes on a terminal, give or take
HELD = 8  # times as long where something happened
MOVE = Decimal("0.05")  # USD; in a pipe a smaller move is not worth a line


@app.command()
def demo() -> int:
    """Watch a stop sell a recorded crash: real engine, paper exchange, no account, no network.

    Takes some 10 seconds and leaves nothing behind. Exit: 0 only when the exchange's own books say that
    the position was sold once; else 1.

    \b
    Examples:
      tm demo
      tm demo --json
    """
    from tm import logs
    from tm.cli import drama
    from tm.service.demo import open_stage

    logs.set_level("error")
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the temporary directory goes in any case
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with open_stage() as stage:
        shown: list[Step] = []
        _say(drama.opening(stage))
        rules = stage.protect()
        _say("\n".join(drama.rule(rule) for rule in rules))
        for step in _shown_live(stage) if _is_live() else _told(stage):
            shown.append(step)
        verdict = stage.verdict()
        emit_text(_fitting(drama.ending(stage, shown, verdict, _width())), _record(stage, shown, verdict))
    return EXIT_OK if verdict.sold_once else 1


def _told(stage: Stage) -> Iterator[Step]:
    """Go through the steps, with a line for each move and each event."""
    from tm.cli import drama

    told: Decimal | None = None
    for number, step in enumerate(stage.steps()):
        if number == 0 or step.events or _moved(told, step.row.bid):
            _say("\n".join([drama.price(step), *drama.news(step)]))
            told = step.row.bid
        yield step


def _moved(before: Decimal | None, bid: Decimal | None) -> bool:
    if before is None or bid is None:
        return before is not bid
    return abs(bid - before) >= MOVE


def _shown_live(stage: Stage) -> Iterator[Step]:
    """Go through the steps at a pace that can be followed, with the chart growing."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from tm.cli import drama

    console = Console(markup=False, highlight=False, emoji=False)
    pause = SECONDS / len(stage.tape.rows)
    shown: list[Step] = []
    news: list[str] = []
    due = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as display:
        for step in stage.steps():
            shown.append(step)
            news += drama.news(step)
            frame = drama.frame(stage, shown, news, _width())
            display.update(Text(_fitting(frame), no_wrap=True, overflow="crop"), refresh=True)
            yield step
            due += pause * (HELD if step.events else 1)
            time.sleep(max(0.0, due - time.monotonic()))


def _record(stage: Stage, shown: list[Step], verdict: Verdict) -> dict[str, Any]:
    from tm import wire
    from tm.service import demo as facts

    bid, after = facts.widest_gap(stage.tape.rows)
    return {
        "paper": True,
        "recording": facts.RECORDING,
        "position": f"{facts.TITLE} · {facts.OUTCOME}",
        "looks": len(shown),
        "rules": [wire.rule(rule) for rule in shown[-1].rules],
        "sales": [
            {
                "at": wire.instant(sale.at),
                "shares": wire.number(sale.shares),
                "price": wire.number(sale.price),
                "usd": wire.number(sale.usd),
            }
            for sale in verdict.sales
        ],
        "orders": verdict.orders,
        "held": wire.number(verdict.held),
        "soldOnce": verdict.sold_once,
        "boughtForUsd": wire.number(facts.SHARES * facts.BOUGHT_AT),
        "heldToTheEndUsd": wire.number(facts.SHARES * facts.PAID),
        "widestGap": {
            "at": wire.instant(after.at),
            "from": wire.number(bid),
            "to": wire.number(after.bid),
        },
    }


def _say(text: str) -> None:
    if not session.json_asked:
        emit_text(_fitting(text), {})


def _is_live() -> bool:
    if session.json_asked or not is_terminal():
        return False
    from rich.console import Console

    return not Console().is_dumb_terminal


def _width() -> int:
    """How many characters a line may have."""
    import shutil

    return max(40, min(100, shutil.get_terminal_size((80, 24)).columns))


def _fitting(text: str) -> str:
    """Given text with a chart, return it as stdout's encoding can carry it."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeError:
        dots = {0x2800 + n: "*" for n in range(256)}
        return text.translate({**dots, ord("╌"): "-", ord("·"): "-", ord("●"): "@"})
    return text
