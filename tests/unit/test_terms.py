"""What may be asked for as a rule: numbers read exactly, contradictions refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm.cli.when import parse_when
from tm.errors import Conflict, Invalid, NotFound
from tm.market import Holding, Holdings
from tm.model import ActionType
from tm.service.body import parse_json
from tm.service.new_rule import new_rule
from tm.service.positions import find_position
from tm.service.terms import percent, price, shares

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
STOP: dict[str, Any] = {"ruleType": "STOP_LOSS", "marketId": "0xabc", "tokenId": "71", "triggerPrice": 0.4}

NO_NUMBERS = [
    "abc",
    "",
    "NaN",
    "Infinity",
    "-Infinity",
    "1_0",
    "٠.٤",
    "0x1",
    "1e9999",
    "0.4 0.5",
    True,
    None,
    [],
    {},
]
NO_NUMBERS += ["9" * 100, "1e-9999", float("nan"), float("inf")]


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, 0, 1, "0", "1", -0.4, "-0.4", 1.5, "40", 10**30, "0.12345", "1e-5"]
)
def test_what_is_no_price_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        price(value)


@pytest.mark.parametrize("value", [0.4, "0.4", "0.40", ".4", "4e-1", " 0.4 ", Decimal("0.4000")])
def test_a_price_is_read_exactly_however_it_is_spelled(value: object) -> None:
    assert str(price(value)) == "0.4"


@given(st.integers(1, 9999))
def test_every_tick_of_any_market_is_a_price(steps: int) -> None:
    exact = Decimal(steps) / 10000
    assert price(float(exact)) == price(str(exact)) == exact


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, 100, -1, "100.0", 10**30])
def test_what_is_no_percentage_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        percent(value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, -5, 0.001, "1" * 30, 10**9 + 1, "1.1234567"])
def test_what_is_no_amount_of_shares_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        shares(value)


@pytest.mark.parametrize("value", ["0.01", 12.345678, 10**9, "100"])
def test_an_amount_is_read_exactly(value: object) -> None:
    assert shares(value) == Decimal(str(value))


def test_a_body_gives_its_terms() -> None:
    body = {
        **STOP,
        "action": {"type": "SELL_PARTIAL", "amount": "100"},
        "expiresAt": "2026-11-03T12:00:00+02:00",
    }
    terms = new_rule(body)
    assert (terms.trigger_price, terms.action.amount) == (Decimal("0.4"), Decimal(100))
    assert terms.expires_at == datetime(2026, 11, 3, 10, tzinfo=UTC)
    assert new_rule(STOP).action.type is ActionType.SELL_ALL


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"side": "SELL"}, "no short positions"),
        ({"side": "LONG"}, "side"),
        ({"ruleType": "STOP"}, "ruleType"),
        ({"ruleType": None}, "ruleType"),
        ({"triggerPrice": None}, "a STOP_LOSS needs triggerPrice"),
        ({"triggerPrice": 1}, "triggerPrice: 1: must be a price"),
        ({"triggerPrice": "0.4x"}, 'triggerPrice: "0.4x": must be a number'),
        ({"triggerPrice": True}, "must be a number"),
        ({"trailingPercent": 5}, "trailingPercent belongs to a TRAILING_STOP"),
        ({"ruleType": "TRAILING_STOP"}, "a TRAILING_STOP needs trailingPercent"),
        ({"ruleType": "TRAILING_STOP", "trailingPercent": 100}, "below 100"),
        ({"marketId": ""}, "marketId"),
        ({"marketId": "a/b"}, "letters, digits, dots, dashes or underscores"),
        ({"tokenId": "x" * 129}, "tokenId"),
        ({"tokenId": "71\n"}, "tokenId"),
        ({"tokenId": 71}, "tokenId"),
        ({"action": "SELL_ALL"}, "action"),
        ({"action": {"type": "BUY"}}, "action.type"),
        ({"action": {"type": "SELL_PARTIAL"}}, "SELL_PARTIAL needs an amount"),
        ({"action": {"type": "SELL_ALL", "amount": 5}}, "SELL_ALL has none"),
        ({"action": {"type": "SELL_PARTIAL", "amount": "1" * 30}}, "action.amount"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"expiresAt": "2026-11-03T12:00:00"}, "with a zone"),
        ({"expiresAt": 1762171200}, "expiresAt"),
        ({"allowImmediate": "yes"}, "allowImmediate"),
        ({"triggerprice": 0.4}, "unknown field triggerprice"),
        ({"status": "ACTIVE"}, "unknown field status"),
    ],
)
def test_a_wrong_body_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        new_rule({**STOP, **change})
    assert said in json.dumps(caught.value.to_wire(), ensure_ascii=False).replace('\\"', '"')


def test_an_unknown_field_names_the_nearest_one() -> None:
    with pytest.raises(Invalid) as caught:
        new_rule({**STOP, "trigerPrice": 0.3})
    assert caught.value.hint == "did you mean triggerPrice?"


@pytest.mark.parametrize("missing", ["ruleType", "marketId", "tokenId"])
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(Invalid, match=f"{missing} is missing"):
        new_rule({name: value for name, value in STOP.items() if name != missing})


@pytest.mark.parametrize("body", [None, [], "x", 5, [STOP]])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(Invalid, match="one JSON object"):
        new_rule(body)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_json_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_json(text)


def test_json_numbers_are_read_exactly() -> None:
    assert parse_json('{"a": 0.10000000000000000000001}') == {"a": Decimal("0.10000000000000000000001")}


# ---- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW + timedelta(hours=2)),
        ("90s", NOW + timedelta(seconds=90)),
        ("1d12h", NOW + timedelta(hours=36)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2026-07-01", datetime(2026, 7, 1, 23, 59, 59, tzinfo=UTC)),
        ("2026-07-02T10:00:00Z", datetime(2026, 7, 2, 10, tzinfo=UTC)),
        ("2026-07-02T10:00+02:00", datetime(2026, 7, 2, 8, tzinfo=UTC)),
    ],
)
def test_a_time_can_be_a_duration_a_day_or_an_instant(text: str, expected: datetime) -> None:
    assert parse_when(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "is not a time"),
        ("2", "is not a time"),
        ("-2h", "is not a time"),
        ("2026-13-01", "is not a time"),
        ("2026-07-02T10:00:00", "is not a time"),
        ("", "is not a time"),
        ("2026-06-30", "is in the past"),
        ("0s", "is in the past"),
        ("999999w", "ten years"),
        ("999999w" * 50, "ten years"),
        ("2099-01-01", "ten years"),
    ],
)
def test_what_is_no_time_to_come_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parse_when(text, NOW)


# ---- words ---------------------------------------------------------------------------------------


def holding(token: str, title: str, outcome: str, **changes: Any) -> Holding:
    fields: dict[str, Any] = {
        "token_id": token,
        "market_id": f"m{token}",
        "shares": Decimal(10),
        "avg_entry_price": None,
        "current_price": None,
        "title": title,
        "outcome": outcome,
        "redeemable": False,
    }
    return Holding(**{**fields, **changes})


def held(*holdings: Holding, full: bool = False) -> Holdings:
    return Holdings({each.token_id: each for each in holdings}, full)


BOTH_SIDES = held(
    holding("1", "Will Trump win in November?", "Yes"),
    holding("2", "Will Trump win in November?", "No"),
    holding("3", "Élections: Macron réélu?", "Yes"),
    holding("44", "Bitcoin above $100k?", "Up"),
)


@pytest.mark.parametrize(
    ("words", "token"),
    [
        ("trump yes", "1"),
        ("TRUMP  Yes", "1"),
        ("yes, trump", "1"),
        ("trump no", "2"),  # not "November"
        ("macron", "3"),
        ("réélu", "3"),
        ("bitc", "44"),
        ("100k", "44"),
        ("coin", "44"),
        ("44", "44"),
        ("2", "2"),
    ],
)
def test_words_name_the_one_position_that_has_them_all(words: str, token: str) -> None:
    assert find_position(words, BOTH_SIDES).token_id == token


@pytest.mark.parametrize("words", ["trump", "yes", "will win"])
def test_words_that_fit_several_positions_name_none_and_list_them(words: str) -> None:
    with pytest.raises(Conflict) as caught:
        find_position(words, BOTH_SIDES)
    assert caught.value.code == "ambiguous"
    assert caught.value.exit_code == 5
    assert len(caught.value.details) == 2
    assert {"label", "tokenId", "marketId"} == set(caught.value.details[0])


@pytest.mark.parametrize("words", ["biden", "trump maybe", "", "?", "  "])
def test_words_that_fit_nothing_say_what_is_held(words: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_position(words, BOTH_SIDES)
    assert caught.value.exit_code == 4
    assert len(caught.value.details) == 4


def test_absent_from_a_full_page_is_not_called_absent() -> None:
    with pytest.raises(NotFound) as caught:
        find_position("biden", held(holding("1", "x", "Yes"), full=True))
    assert "--market-id" in (caught.value.hint or "")


def test_a_resolved_market_steps_back_for_one_that_trades() -> None:
    over = holding("1", "Will Trump win?", "Yes", redeemable=True)
    assert find_position("trump yes", held(over, holding("2", "Will Trump tweet?", "Yes"))).token_id == "2"
    with pytest.raises(Conflict, match="resolved"):
        find_position("trump yes", held(over))
