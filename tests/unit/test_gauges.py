"""How far a price is from its start and from a trigger; what is not known stays unknown."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tm.model import Action, ActionType, Position, Rule, RuleStatus, RuleType
from tm.service import gauges

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def rule(kind="STOP_LOSS", trigger="0.40", **fields) -> Rule:
    given = {"trailing_percent": None, "action": Action(ActionType.SELL_ALL), "status": RuleStatus.ACTIVE}
    price = None if trigger is None else Decimal(trigger)
    return Rule(
        "r1", RuleType(kind), "m", "t", price, created_at=NOON, updated_at=NOON, **{**given, **fields}
    )


def position(entry: str | None = "0.50", quantity: str = "100") -> Position:
    average = None if entry is None else Decimal(entry)
    return Position("p1", "m", "t", Decimal(quantity), average, None, NOON, NOON, NOON)


@pytest.mark.parametrize(
    ("entry", "price", "expected"),
    [
        ("0.50", "0.55", ("5.00", "10.00")),
        ("0.50", "0.45", ("-5.00", "-10.00")),
        ("0.50", "0.50", ("0.00", "0.00")),
        ("0", "0.50", ("50.00", None)),
        (None, "0.50", (None, None)),
        ("0.50", None, (None, None)),
    ],
)
def test_profit_is_of_the_entry_or_unknown(entry, price, expected) -> None:
    found = gauges.profit(position(entry), None if price is None else Decimal(price))
    assert found == tuple(None if each is None else Decimal(each) for each in expected)


@pytest.mark.parametrize(
    ("given", "bid", "entry", "expected"),
    [
        (rule(), "0.50", "0.50", "1"),  # as far as the entry
        (rule(), "0.45", "0.50", "0.5"),
        (rule(), "0.40", "0.50", "0"),
        (rule(), "0.30", "0.50", "0"),  # past it
        (rule(), "0.70", "0.50", "1"),
        (rule(), "0.45", None, "0.5"),  # no entry: a quarter of the trigger's price is the whole way
        (rule(), "0.45", "0.30", "0.5"),  # a stop in profit: likewise
        (rule("TAKE_PROFIT", "0.80"), "0.65", "0.50", "0.5"),
        (rule("TAKE_PROFIT", "0.80"), "0.80", "0.50", "0"),
        (rule("TRAILING_STOP", "0.54", trailing_percent=Decimal(10)), "0.60", "0.10", "1"),
        (rule("TRAILING_STOP", "0.54", trailing_percent=Decimal(10)), "0.57", "0.10", "0.5"),
        (rule("TRAILING_STOP", "0.50", trailing_amount=Decimal("0.10")), "0.55", None, "0.5"),
        (rule("TRAILING_STOP", None, trailing_percent=Decimal(10)), "0.60", "0.50", None),
        (rule("TRAILING_STOP", None, trailing_percent=Decimal(10), activation_price=Decimal("0.70")),
         "0.60", "0.50", "0.5"),
        (rule(), None, "0.50", None),
    ],
)  # fmt: skip
def test_the_fraction_is_of_the_way_that_is_left(given, bid, entry, expected) -> None:
    found = gauges.fraction(given, *(None if each is None else Decimal(each) for each in (bid, entry)))
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("left", "part", "expected"),
    [
        ("0.10", "1", "far"),
        ("0.03", "0.26", "far"),
        ("0.03", "0.25", "near"),
        ("0", "0", "reached"),
        ("-0.1", "0", "reached"),
        (None, None, None),
    ],
)
def test_near_is_the_last_quarter(left, part, expected) -> None:
    assert gauges.nearness(*(None if each is None else Decimal(each) for each in (left, part))) == expected


def test_percent_away_is_of_the_bid() -> None:
    assert gauges.percent_away(rule(), Decimal("0.50")) == Decimal("20.0")
    assert gauges.percent_away(rule(), None) is None
