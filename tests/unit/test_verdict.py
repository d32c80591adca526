"""The demonstration's verdict: good only where the exchange's books show one whole sale."""

from decimal import Decimal

import pytest

from tm.cli import drama
from tm.config import load_settings
from tm.service import demo
from tm.service.demo import Sale, Stage, Step, Tape, Verdict
from tm.venue.paper.control import PaperControl
from tm.venue.paper.series import recorded

ROWS = recorded(demo.RECORDING)[demo.FIRST_ROW :]


def sale(shares="100"):
    return Sale(ROWS[0].at, Decimal(shares), Decimal("0.6"), Decimal(shares) * Decimal("0.6"))


def ending(verdict, tmp_path):
    settings = load_settings(environ={"OPENCLAW_STATE_DIR": str(tmp_path)})
    stage = Stage(PaperControl("http://127.0.0.1:1"), settings, Tape(ROWS))
    return drama.ending(stage, [Step(row, [], [], None) for row in ROWS], verdict, 80)


def test_one_order_that_sold_all_is_a_sale(tmp_path):
    verdict = Verdict([sale()], 1, Decimal(0))
    assert verdict.sold_once
    assert "\nsold 100 shares at 0.60 " in ending(verdict, tmp_path)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict([], 0, Decimal(100)),
        Verdict([], 1, Decimal(100)),
        Verdict([sale()], 2, Decimal(0)),
        Verdict([sale(), sale()], 2, Decimal(0)),
        Verdict([sale("60")], 1, Decimal(40)),
        Verdict([sale()], 1, Decimal(1)),
    ],
    ids=["nothing", "nothing filled", "a second order", "sold twice", "a part", "something left"],
)
def test_anything_else_is_not_and_says_so(verdict, tmp_path):
    assert not verdict.sold_once
    assert "NOT sold once" in ending(verdict, tmp_path)


def test_the_widest_gap_is_the_crash():
    bid, after = demo.widest_gap(ROWS)
    assert (bid, after.bid) == (Decimal("0.815"), Decimal("0.155"))
