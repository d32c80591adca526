"""What `tm demo` says: its opening, a line for each thing that happens, the live picture, and the end."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.cli.chart import draw
from tm.cli.output import PAPER
from tm.model import EventType, Rule, RuleEvent, RuleType
from tm.service import demo as facts

if TYPE_CHECKING:
    from tm.service.demo import Sale, Stage, Step, Verdict

NEWS = 4  # lines of what happened in the live picture
_LABEL = 14  # characters at the right of the chart


def opening(stage: Stage) -> str:
    rows = stage.tape.rows
    return "\n".join(
        [
            PAPER,
            f"market  {facts.TITLE}, recorded {rows[0].at:%Y-%m-%d %H:%M} to {rows[-1].at:%H:%M} UTC",
            f"looks   {len(rows)}, one a row: two minutes apart in the recording, 15 seconds in real use",
            f"held    {facts.SHARES} shares of {facts.OUTCOME}, bought at {_price(facts.BOUGHT_AT)}",
        ]
    )


def rule(one: Rule) -> str:
    """Given a rule just added, return what it waits for."""
    side = "or more" if one.rule_type is RuleType.TAKE_PROFIT else "or less"
    kind = str(one.rule_type).replace("_", " ").lower()
    return f"rule    {kind}: sells all when the best bid is {_price(one.trigger_price)} {side}"


def price(step: Step) -> str:
    """Given a look, return its line."""
    bid, ask = step.row.bid, step.row.ask
    return f"{_clock(step.row.at)}  bid {_price(bid):<6} ask {_price(ask)}"


def news(step: Step) -> list[str]:
    """Given a look, return a line for each thing that it led to."""
    return [f"{_clock(step.row.at)}  {_sentence(event, step.rules)}" for event in step.events]


def frame(stage: Stage, shown: list[Step], told: list[str], width: int) -> str:
    """Given the looks so far, return the picture to show now."""
    step = shown[-1]
    lines = _chart(shown, len(stage.tape.rows), width)
    rules = [f"  {_name(one):<18} {one.status}" for one in step.rules]
    recent = told[-NEWS:]
    return "\n".join([*lines, price(step), *rules, *recent, *[""] * (NEWS - len(recent))])


def ending(stage: Stage, shown: list[Step], verdict: Verdict, width: int) -> str:
    """Given all looks and what the exchange says, return the table, the sale, and what a stop cannot do."""
    worth = facts.SHARES * facts.PAID
    rows = [(_clock(shown[0].row.at), "held, bought at", _price(facts.BOUGHT_AT), _usd(_cost()))]
    rows += [
        (_clock(sale.at), _why(sale, shown), _price(sale.price), _usd(sale.usd)) for sale in verdict.sales
    ]
    rows.append((_clock(shown[-1].row.at), "held to the end: resolved NO", _price(facts.PAID), _usd(worth)))
    lines = ["", *_chart(shown, len(shown), width, verdict), ""]
    lines += [
        f"{at:<10}{what:<40}{each:>8}{usd:>10}"
        for at, what, each, usd in [("UTC", "", "PRICE", "USD"), *rows]
    ]
    lines += ["", *_result(verdict, worth), "", *_limits(stage, shown, verdict)]
    lines += ["", f"try it by hand:  export OPENCLAW_STATE_DIR=~/tm-paper; {_program()} init --paper"]
    return "\n".join(lines)


def _result(verdict: Verdict, worth: Decimal) -> list[str]:
    sold = [
        f"sold {sale.shares} shares at {_price(sale.price)} for {_usd(sale.usd)} USD at {_clock(sale.at)} UTC"
        for sale in verdict.sales
    ]
    if not verdict.sold_once:
        count = f"{verdict.orders} orders, {len(verdict.sales)} sales, {verdict.held} shares still held"
        return [*sold, f"NOT sold once, as the exchange's own books have it: {count}"]
    loss, whole = _cost() - verdict.sales[0].usd, _cost() - worth
    return [
        *sold,
        "once: the exchange's own books show one order, whole, and no shares left",
        f"holding on would have ended at {_usd(worth)} USD: a loss of {_usd(whole)} instead of {_usd(loss)}",
    ]


def _limits(stage: Stage, shown: list[Step], verdict: Verdict) -> list[str]:
    bid, after = facts.widest_gap(stage.tape.rows)
    lines = ["what a stop cannot do: sell at a price that nobody bids when it looks, or know what comes"]
    for sale in verdict.sales:
        before = [step.row.bid for step in shown if step.row.at < sale.at and step.row.bid is not None]
        later = [step.row.bid for step in shown if step.row.at > sale.at and step.row.bid is not None]
        if before and later and sale.price < facts.STOP:
            lines += [
                f"  the stop stood at {_price(facts.STOP)}; from one look to the next the bid fell "
                f"from {_price(before[-1])} to {_price(sale.price)}",
                f"  after the sale the bid rose to {_price(max(later))} before the end",
            ]
    return [
        *lines,
        f"  at {_clock(after.at)} it fell from {_price(bid)} to {_price(after.bid)}: "
        f"a stop at 0.50 would have sold at {_price(after.bid)}",
    ]


def _chart(shown: list[Step], length: int, width: int, verdict: Verdict | None = None) -> list[str]:
    """The price's path, its levels, and the time below it; the sale is marked where there was one."""
    levels = {facts.TARGET: "0.90 target", facts.STOP: "0.70 stop", Decimal(0): "0"}
    wide = width - _LABEL
    sold = [n for n, step in enumerate(shown) if verdict and any(s.at == step.row.at for s in verdict.sales)]
    lines = draw(
        [step.row.bid for step in shown],
        levels,
        width=wide,
        height=12,
        length=length,
        mark=sold[0] if sold else None,
    )
    first, last = f"{shown[0].row.at:%H:%M}", f"{shown[-1].row.at:%H:%M} UTC, best bid"
    return [*lines, first + last.rjust(wide - len(first))]


def _sentence(event: RuleEvent, rules: list[Rule]) -> str:
    name = next((_name(one) for one in rules if one.id == event.rule_id), "rule")
    data = event.event_data
    match event.event_type:
        case EventType.RULE_TRIGGERED:
            return f"{name}: fires, the best bid is {_price(Decimal(str(data['bestBid'])))}"
        case EventType.ACTION_ATTEMPT:
            return f"{name}: order for {data['shares']} shares, whole or not at all"
        case EventType.RULE_CANCELED:
            return f"{name}: ends, {str(data.get('reason')).replace('_', ' ')}"
        case _:
            return f"{name}: {data.get('reason') or event.event_type}"


def _why(sale: Sale, shown: list[Step]) -> str:
    """Given a sale, return which rule's it was."""
    names = [_name(one) for one in shown[-1].rules if one.triggered_at == sale.at]
    return f"sold by {' and '.join(names) or 'nobody known'}"


def _name(one: Rule) -> str:
    return f"{str(one.rule_type).replace('_', ' ').lower()} {_price(one.trigger_price)}"


def _program() -> str:
    """How the reader can run `tm`: by its name where the shell finds it, else by the path that ran this."""
    ran = sys.argv[0]
    return ran if os.path.basename(ran) == "tm" and shutil.which("tm") is None else "tm"


def _cost() -> Decimal:
    return facts.SHARES * facts.BOUGHT_AT


def _price(value: Decimal | None) -> str:
    """Given USD per share, return it with 2 decimals, or 3 where it has them; "-" for none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value == round(value, 2) else f"{value:.3f}"


def _usd(value: Decimal) -> str:
    return f"{value:.2f}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}"
