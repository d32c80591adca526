"""The demonstration: a recorded crash on a paper exchange in this process, and the real engine guarding it.

Nothing outside loopback is asked, and nothing is left behind: state lives in a temporary directory. The
program and the exchange share one clock, which the recording moves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from tm.config import Settings, load_settings
from tm.engine.context import Report
from tm.market import Top
from tm.model import EventType, Rule, RuleEvent, RuleType
from tm.service.context import Context, open_context
from tm.service.positions import find_position, refresh
from tm.service.rules import add_rules
from tm.service.terms import Terms
from tm.service.ticking import run_tick
from tm.store import events, rules
from tm.times import parse_iso
from tm.venue.paper.control import PaperControl
from tm.venue.paper.series import recorded
from tm.venue.paper.server import PaperServer

RECORDING, FIRST_ROW = "crash_0.815_to_0.155", 470
TITLE, OUTCOME, WORDS = "Spread: Seattle Mariners (+2.5)", "Yes", "mariners yes"
PAID = Decimal(0)  # USD per share, at the end: the recording's first line says that it resolved to 0
SHARES, BOUGHT_AT = Decimal(100), Decimal("0.77")
STOP, TARGET = Decimal("0.70"), Decimal("0.90")
TOKEN = "demo-mariners-yes"


@dataclass(frozen=True, slots=True)
class Step:
    """One look: a row of the recording, and how the rules stand after the tick that saw it."""

    row: Top
    rules: list[Rule]  # in the order in which they were added
    events: list[RuleEvent]  # of this step, oldest first, without evaluations
    report: Report


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale as the exchange's own books have it."""

    at: datetime
    shares: Decimal
    price: Decimal  # USD per share
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the exchange says happened, whatever the program believes."""

    sales: list[Sale]
    orders: int  # requests to sell or buy that it received
    held: Decimal  # shares

    @property
    def sold_once(self) -> bool:
        """Say whether one order came, and sold all of the position."""
        return (
            self.orders == len(self.sales) == 1 and self.sales[0].shares == SHARES and self.held == Decimal(0)
        )


class Tape:
    """The recording's rows, and the clock that shows the time of the one that stands."""

    def __init__(self, rows: tuple[Top, ...]) -> None:
        self.rows = rows
        self.number = 0

    def __call__(self) -> datetime:
        return self.rows[self.number].at


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the demonstration needs, up and running."""

    exchange: PaperControl
    settings: Settings
    tape: Tape

    def protect(self) -> list[Rule]:
        """Add a stop and a target for the held position, as `tm rule add` does when it is given words."""
        with open_context(self.settings, self.tape) as ctx:
            held = find_position(WORDS, refresh(ctx))
            wanted = [
                Terms(RuleType.STOP_LOSS, held.market_id, held.token_id, STOP),
                Terms(RuleType.TAKE_PROFIT, held.market_id, held.token_id, TARGET),
            ]
            return add_rules(ctx, wanted, label=held.label)

    def steps(self) -> Iterator[Step]:
        """Show each row of the recording in turn, and run one tick on it."""
        for number, row in enumerate(self.tape.rows):
            self.tape.number = number
            self.exchange.advance(TOKEN, FIRST_ROW + number)
            report = run_tick(lambda: self.settings, self.tape, self.settings.state_dir)
            with open_context(self.settings, self.tape) as ctx:
                step = Step(row, _rules(ctx), _events(ctx, row.at), report)
            yield step

    def verdict(self) -> Verdict:
        """Ask the exchange what happened."""
        sales = [
            Sale(
                at=parse_iso(order["at"]),
                shares=Decimal(order["filled"]),
                price=Decimal(order["avg_price"]),
                usd=Decimal(order["usd"]),
            )
            for order in self.exchange.orders()
            if order["side"] == "SELL" and order["avg_price"] is not None
        ]
        return Verdict(sales, self.exchange.count("bet"), self.exchange.held(TOKEN))


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start the exchange with the held position, and take everything away at the end."""
    tape = Tape(recorded(RECORDING)[FIRST_ROW:])
    with tempfile.TemporaryDirectory(prefix="tm-demo-") as state, PaperServer(clock=tape) as paper:
        settings = load_settings(
            flags={"vincentApiUrl": paper.url, "vincentApiKey": "ssk_paper", "paper": True},
            environ={"OPENCLAW_STATE_DIR": state},
        )
        paper.control.create(TOKEN, title=TITLE, outcome=OUTCOME, shares=SHARES, avg_price=BOUGHT_AT)
        paper.control.load(TOKEN, RECORDING, row=FIRST_ROW)
        yield Stage(paper.control, settings, tape)


def widest_gap(rows: tuple[Top, ...]) -> tuple[Decimal, Top]:
    """Given rows, return the bid before the deepest fall from one look to the next, and the row after it."""
    falls = [
        (before.bid - after.bid, before.bid, after)
        for before, after in pairwise(rows)
        if before.bid is not None and after.bid is not None
    ]
    _, bid, row = max(falls, key=lambda fall: fall[0])
    return bid, row


def _rules(ctx: Context) -> list[Rule]:
    return list(reversed(rules.listing(ctx.conn)))


def _events(ctx: Context, since: datetime) -> list[RuleEvent]:
    routine = (EventType.RULE_CREATED, EventType.RULE_EVALUATED)
    found = events.listing(ctx.conn, limit=20)
    return [one for one in reversed(found) if one.created_at >= since and one.event_type not in routine]
