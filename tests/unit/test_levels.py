"""Every form of level and part: how it is spelled, what it becomes, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm.cli.levels import Level, asked_level_and_part, asked_part, asked_trail
from tm.errors import Invalid, Unprocessable
from tm.model import Action, ActionType, Position, Rule, RuleStatus, RuleType
from tm.rules.level import from_entry, moved_average, on_grid
from tm.rules.trigger import would_trigger
from tm.service.levels import check_together, resolve
from tm.service.terms import Terms

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
D = Decimal


def part(percent: str | None = None, amount: str | None = None) -> Action:
    amounts = (None if each is None else D(each) for each in (amount, percent))
    return Action(ActionType.SELL_PARTIAL, *amounts)


ALL = Action(ActionType.SELL_ALL)

SPELLINGS = {
    "0.42": Level(price=D("0.42")),
    " .42 ": Level(price=D("0.42")),
    "-20%": Level(percent=D(-20)),
    "−20%": Level(percent=D(-20)),
    "+50%": Level(percent=D(50)),
    "+12.5 %": Level(percent=D("12.5")),
    "+0%": Level(percent=D(0)),
    "+250%": Level(percent=D(250)),
    "0.70:50%": Level(price=D("0.7"), action=part("50")),
    "0.85:all": Level(price=D("0.85"), action=ALL),
    "0.85:ALL": Level(price=D("0.85"), action=ALL),
    "+50%:30": Level(percent=D(50), action=part(amount="30")),
    "-20%:12.5%": Level(percent=D(-20), action=part("12.5")),
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_level_is_read_as_it_is_spelled(text: str) -> None:
    assert asked_level_and_part("--x", text) == SPELLINGS[text]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("20%", "below what was paid, or above?", "has a sign"),
        ("-20", "must be a price", "has a sign"),
        ("+0.05", "must be a price, which has no sign", "has a sign"),
        ("-100%", "above -100", None),
        ("-250%", "above -100", None),
        ("+100001%", "at most 100000", None),
        ("-1.23456%", "at most 4 decimals", None),
        ("%", "below what was paid, or above?", None),
        ("-%", "must be a number", None),
        ("--20%", "must be a number", None),
        ("-20%%", "must be a number", None),
        ("1", "must be a price", None),
        ("42", "must be a price", None),
        ("0.7:", "must be a number", None),
        ("0.7:0%", "above 0, at most 100", None),
        ("0.7:101%", "above 0, at most 100", None),
        ("0.7:-5", "must be shares", None),
        ("0.7:some", "must be a number", None),
        ("0.7:50%:all", "must be a number", None),
    ],
)
def test_what_is_no_level_is_refused_by_option_and_value(text: str, said: str, hint: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        asked_level_and_part("--stop-loss", text)
    assert caught.value.message.startswith("--stop-loss: ")
    assert said in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "percent", "amount"),
    [
        ("8%", "8", None),
        ("8", "8", None),
        ("1", "1", None),
        ("99.5", "99.5", None),
        ("0.5%", "0.5", None),
        ("0.05", None, "0.05"),
        (".05", None, "0.05"),
        ("0.5", None, "0.5"),
        ("0.9999", None, "0.9999"),
    ],
)
def test_a_trail_is_a_percentage_from_one_on_and_an_amount_below(
    text: str, percent: str | None, amount: str | None
) -> None:
    wanted = tuple(None if each is None else D(each) for each in (percent, amount))
    assert asked_trail("--trailing-stop", text) == wanted


@pytest.mark.parametrize("text", ["0", "-8", "-8%", "100", "100%", "0%", "0.00001", "abc", "", "8%%", "5c"])
def test_what_is_no_trail_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--trailing-stop: "):
        asked_trail("--trailing-stop", text)


@pytest.mark.parametrize("text", ["0", "-50%", "150%", "", "half", "0.001"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--sell: "):
        asked_part("--sell", text)


# ---- to prices and shares ------------------------------------------------------------------------


def held(entry: str | None = "0.525", tick: str | None = "0.01", **changes: Any) -> Position:
    fields: dict[str, Any] = {
        "id": "p",
        "market_id": "m",
        "token_id": "t",
        "quantity": D(100),
        "avg_entry_price": None if entry is None else D(entry),
        "current_price": None,
        "tick_size": None if tick is None else D(tick),
        "last_updated_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Position(**{**fields, **changes})


def terms(kind: str, **fields: Any) -> Terms:
    action = fields.pop("action", ALL)
    numbers = {name: D(value) for name, value in fields.items()}
    return Terms(RuleType(kind), "m", "t", action=action, **numbers)  # type: ignore[arg-type]


STOP, TARGET, TRAIL = "STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP"


@pytest.mark.parametrize(
    ("kind", "percent", "entry", "tick", "price"),
    [
        (STOP, "-20", "0.525", "0.01", "0.42"),  # exactly
        (STOP, "-20", "0.53", "0.01", "0.42"),  # 0.424: a stop is rounded down
        (STOP, "-20", "0.53", "0.001", "0.424"),
        (STOP, "-20", "0.53", None, "0.424"),  # tick unknown: the finest of any market
        (STOP, "+10", "0.53", "0.01", "0.58"),  # 0.583: a stop above the entry keeps a profit
        (STOP, "0", "0.53", "0.01", "0.53"),  # break even
        (STOP, "-20", "0.5", "0.1", "0.4"),
        (STOP, "-33.3333", "0.6", "0.005", "0.4"),  # 0.4000002
        (TARGET, "+50", "0.525", "0.01", "0.79"),  # 0.7875: a target is rounded up
        (TARGET, "+50", "0.525", "0.0025", "0.7875"),
        (TARGET, "+50", "0.5", "0.01", "0.75"),
        (TARGET, "-10", "0.525", "0.01", "0.48"),  # 0.4725: out with a small loss
        (TARGET, "+88.5", "0.525", "0.01", "0.99"),  # 0.989625: the market's highest price
    ],
)
def test_a_percentage_becomes_a_price_of_the_grid(
    kind: str, percent: str, entry: str, tick: str | None, price: str
) -> None:
    found = resolve(terms(kind, trigger_percent=percent), held(entry, tick), NOW)
    assert (found.trigger_price, found.entry_price) == (D(price), D(entry))


@pytest.mark.parametrize(
    ("kind", "percent", "entry", "tick"),
    [
        (TARGET, "+90", "0.525", "0.01"),  # 0.9975, between 0.99 and 1
        (TARGET, "+100", "0.5", "0.0001"),  # 1
        (TARGET, "+300", "0.5", "0.01"),  # 2
        (STOP, "-99", "0.5", "0.01"),  # 0.005, between 0 and 0.01
        (STOP, "-99.9999", "0.0002", "0.0001"),
        (STOP, "-20", "0", "0.01"),
    ],
)
def test_a_percentage_that_leaves_the_markets_prices_is_refused(
    kind: str, percent: str, entry: str, tick: str
) -> None:
    with pytest.raises(Unprocessable, match="prices go from") as caught:
        resolve(terms(kind, trigger_percent=percent), held(entry, tick), NOW)
    assert caught.value.code == "level_out_of_range"


@pytest.mark.parametrize(
    "position",
    [
        None,
        held(None),
        held(absent_since=NOW),
        held(last_updated_at=NOW - timedelta(minutes=6)),
        held(last_updated_at=NOW + timedelta(minutes=1)),
    ],
)
def test_without_a_known_entry_a_percentage_is_refused_and_a_price_is_not(position: Position | None) -> None:
    with pytest.raises(Unprocessable) as caught:
        resolve(terms(STOP, trigger_percent="-20"), position, NOW)
    assert (caught.value.code, caught.value.http_status, caught.value.exit_code) == ("entry_unknown", 422, 5)
    assert "GET /api/positions" in (caught.value.hint or "")
    assert resolve(terms(STOP, trigger_price="0.4"), position, NOW).trigger_price == D("0.4")


def test_an_activation_is_rounded_up_and_a_trailing_start_down() -> None:
    found = resolve(
        terms(TRAIL, trailing_amount="0.05", activation_percent="10", trigger_percent="-20"),
        held("0.53"),
        NOW,
    )
    assert (found.activation_price, found.trigger_price, found.entry_price) == (
        D("0.59"),
        D("0.42"),
        D("0.53"),
    )
    plain = resolve(terms(TRAIL, trailing_percent="8", activation_price="0.6"), None, NOW)
    assert (plain.activation_price, plain.trigger_price, plain.entry_price) == (D("0.6"), None, None)


@pytest.mark.parametrize(
    ("percent", "quantity", "amount"),
    [("50", "100", "50"), ("50", "33.33", "16.66"), ("100", "33.337", "33.33"), ("0.1", "10", "0.01")],
)
def test_a_part_becomes_shares_rounded_down(percent: str, quantity: str, amount: str) -> None:
    new = terms(STOP, trigger_price="0.4", action=part(percent))
    found = resolve(new, held(quantity=D(quantity)), NOW)
    assert found.action == part(percent, amount)


def test_a_part_of_nothing_or_of_the_unknown_is_refused() -> None:
    new = terms(STOP, trigger_price="0.4", action=part("50"))
    for position in (None, held(absent_since=NOW), held(last_updated_at=NOW - timedelta(hours=1))):
        with pytest.raises(Unprocessable, match="how much of it is held"):
            resolve(new, position, NOW)
    with pytest.raises(Unprocessable, match=r"less than 0\.01 share"):
        resolve(new, held(quantity=D("0.01")), NOW)


@given(
    st.integers(1, 9999),
    st.integers(-9900, 20000),
    st.sampled_from(["0.1", "0.01", "0.005", "0.0025", "0.001"]),
)
def test_rounding_onto_the_grid_never_changes_when_it_fires(entry: int, hundredths: int, tick: str) -> None:
    step, exact = D(tick), from_entry(D(entry) / 10000, D(hundredths) / 100)
    for kind, up in ((RuleType.STOP_LOSS, False), (RuleType.TAKE_PROFIT, True)):
        try:
            price = on_grid(exact, step, up=up)
        except ValueError:
            assert exact < step or exact > 1 - step
            continue
        for bid in (price - step, price, price + step):
            unrounded = bid >= exact if up else bid <= exact
            assert would_trigger(a_rule(kind, str(price)), bid) is unrounded


# ---- together ------------------------------------------------------------------------------------


def a_rule(kind: str, price: str | None, action: Action = ALL) -> Rule:
    return Rule(
        id="r",
        rule_type=RuleType(kind),
        market_id="m",
        token_id="t",
        trigger_price=None if price is None else D(price),
        trailing_percent=None,
        action=action,
        status=RuleStatus.ACTIVE,
        created_at=NOW,
        updated_at=NOW,
    )


FITTING = [
    [a_rule(TARGET, "0.7", part("50", "50")), a_rule(TARGET, "0.85")],
    [a_rule(TARGET, "0.85"), a_rule(TARGET, "0.7", part("50", "50"))],  # in any order
    [a_rule(TARGET, "0.7", part("50", "50")), a_rule(TARGET, "0.85", part("50", "50"))],
    [a_rule(TARGET, "0.7", part(amount="60")), a_rule(TARGET, "0.85", part(amount="40"))],
    [a_rule(STOP, "0.4", part("50", "50")), a_rule(STOP, "0.3")],
    [a_rule(STOP, "0.4"), a_rule(TARGET, "0.7", part("50", "50")), a_rule(TARGET, "0.85")],
    [a_rule(TARGET, "0.7", part(amount="500"))],  # one alone: as much of it as there is
]


@pytest.mark.parametrize("rules", FITTING)
def test_rules_that_share_a_position_are_taken(rules: list[Rule]) -> None:
    check_together(rules, D(100))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([a_rule(TARGET, "0.7", part("60", "60")), a_rule(TARGET, "0.85", part("50", "50"))], "110 %"),
        (
            [a_rule(TARGET, "0.7", part("100", "100")), a_rule(TARGET, "0.85")],
            "100 % of the position, and then",
        ),
        (
            [a_rule(TARGET, "0.7", part(amount="60")), a_rule(TARGET, "0.85", part(amount="41"))],
            "101 of the 100",
        ),
        (
            [a_rule(TARGET, "0.7", part("50", "50")), a_rule(TARGET, "0.85", part(amount="51"))],
            "101 of the 100",
        ),
        ([a_rule(TARGET, "0.7", part(amount="100")), a_rule(TARGET, "0.85")], "and then the rest"),
        ([a_rule(TARGET, "0.7"), a_rule(TARGET, "0.85")], "only the last to be reached can sell all"),
        ([a_rule(TARGET, "0.85", part("50", "50")), a_rule(TARGET, "0.7")], "only the last to be reached"),
        ([a_rule(STOP, "0.3", part("50", "50")), a_rule(STOP, "0.4")], "only the last to be reached"),
        (
            [a_rule(STOP, "0.4", part("60", "60")), a_rule(STOP, "0.3", part("60", "60"))],
            "the stops would sell",
        ),
        ([a_rule(STOP, "0.7"), a_rule(TARGET, "0.7")], "the stop at 0.7 is not below the target at 0.7"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(rules: list[Rule], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_together(rules, D(100))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("known", "average", "flag"),
    [
        (None, "0.5", None),
        (None, "0.50004", None),  # rounding
        (None, "0.52", "0.52"),
        ("0.52", "0.52003", "0.52"),
        ("0.52", "0.55", "0.55"),
        ("0.52", "0.5", None),  # back where it was
    ],
)
def test_an_average_that_moved_is_flagged_and_rounding_is_not(
    known: str | None, average: str, flag: str | None
) -> None:
    found = moved_average(D("0.5"), None if known is None else D(known), D(average))
    assert found == (None if flag is None else D(flag))
