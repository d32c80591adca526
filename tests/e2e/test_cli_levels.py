"""`tm rule add` in percent: from what was paid to prices and shares, or a refusal that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]
BY_ID = ("--market-id", "0xmarket-111", "--token-id", "111")


@pytest.fixture
def paper(environ: dict[str, str]) -> Iterator[PaperServer]:
    """100 shares bought at 0.53; the book is 0.55 bid, 0.56 ask, in steps of 0.01."""
    with PaperServer() as server:
        server.control.create("111", title="Will it rain?", outcome="Yes", shares=100, avg_price="0.53")
        server.control.set_book("111", "0.55", "0.56")
        environ |= {"TM_VINCENT_API_URL": server.url, "TM_VINCENT_API_KEY": "ssk_paper"}
        yield server


def fields(rule: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(rule[name] for name in names)


@pytest.mark.parametrize(
    ("options", "names", "values"),
    [
        (["--stop-loss", "-20%"], "triggerPrice triggerPercent entryPrice", (0.42, -20, 0.53)),
        (["--take-profit", "+50%"], "triggerPrice triggerPercent entryPrice", (0.8, 50, 0.53)),
        (["--stop-loss", "0.42"], "triggerPrice triggerPercent entryPrice", (0.42, None, None)),
        (["--trailing-stop", "8%"], "trailingPercent trailingAmount triggerPrice", (8, None, None)),
        (["--trailing-stop", "8"], "trailingPercent trailingAmount triggerPrice", (8, None, None)),
        (["--trailing-stop", "0.05"], "trailingPercent trailingAmount triggerPrice", (None, 0.05, None)),
        (
            ["--trailing-stop", "0.05", "--activate-at", "+10%"],
            "activationPrice activationPercent entryPrice activatedAt",
            (0.59, 10, 0.53, None),
        ),
        (["--trailing-stop", "8", "--activate-at", "0.6"], "activationPrice entryPrice", (0.6, None)),
        (["--trailing-stop", "8", "--trigger-price", "-20%"], "triggerPrice triggerPercent", (0.42, -20)),
        (
            ["--stop-loss", "0.42", "--sell", "50%"],
            "action",
            ({"type": "SELL_PARTIAL", "amount": 50, "percent": 50},),
        ),
    ],
)
def test_a_form_and_its_record(
    tm_here: TM, paper: PaperServer, options: list[str], names: str, values: tuple[Any, ...]
) -> None:
    done = tm_here("rule", "add", "rain", *options)
    assert done.code == 0, done.err
    assert fields(done.json, *names.split()) == values
    assert tm_here("rule", "show", done.json["id"]).json == done.json


@pytest.mark.parametrize(
    ("options", "exit_code", "code", "said"),
    [
        (["--take-profit", "+90%"], 5, "level_out_of_range", "prices go from 0.01 to 0.99"),
        (["--stop-loss", "-99%"], 5, "level_out_of_range", "prices go from 0.01 to 0.99"),
        (["--take-profit", "-10%"], 5, "would_trigger_now", "the best bid is 0.55"),
        (["--stop-loss", "+10%"], 5, "would_trigger_now", "the best bid is 0.55"),
        (["--stop-loss", "20%"], 2, "invalid", "below what was paid, or above?"),
        (["--stop-loss", "-100%"], 2, "invalid", "above -100"),
        (["--take-profit", "0.70", "--take-profit", "0.85"], 2, "invalid", "only the last to be reached"),
        (["--take-profit", "0.70:60%", "--take-profit", "0.85:50%"], 2, "invalid", "110 %"),
        (["--take-profit", "+50%:60", "--take-profit", "+60%:41"], 2, "invalid", "101 of the 100 shares"),
        (["--take-profit", "0.7:100%", "--take-profit", "0.85:all"], 2, "invalid", "and then the rest"),
        (["--stop-loss", "+2%", "--take-profit", "+1%"], 2, "invalid", "is not below the target"),
        (["--activate-at", "0.6", "--stop-loss", "0.4"], 2, "usage", "belongs to --trailing-stop"),
    ],
)
def test_a_form_and_its_refusal(
    tm_here: TM, paper: PaperServer, options: list[str], exit_code: int, code: str, said: str
) -> None:
    done = tm_here("rule", "add", "rain", *options)
    assert (done.code, done.error["code"]) == (exit_code, code)
    assert said in done.error["error"]
    assert tm_here("rule", "list").json == []


def test_a_level_below_the_bid_can_be_meant(tm_here: TM, paper: PaperServer) -> None:
    done = tm_here("rule", "add", "rain", "--take-profit", "-10%", "--allow-immediate")
    assert (done.code, done.json["triggerPrice"]) == (0, 0.48)


def test_several_targets_and_a_stop_are_rules_that_share_the_position(
    tm_here: TM, paper: PaperServer
) -> None:
    done = tm_here(
        "rule", "add", "rain", "--stop-loss", "-20%", "--take-profit", "0.70:50%", "--take-profit", "0.85:all"
    )  # fmt: skip
    assert [fields(rule, "ruleType", "triggerPrice") for rule in done.json] == [
        ("STOP_LOSS", 0.42),
        ("TAKE_PROFIT", 0.7),
        ("TAKE_PROFIT", 0.85),
    ]
    assert [rule["action"].get("amount") for rule in done.json] == [None, 50, None]


def test_with_ids_what_was_paid_must_be_known_and_nothing_is_read(tm_here: TM, paper: PaperServer) -> None:
    done = tm_here("rule", "add", *BY_ID, "--stop-loss", "-20%")
    assert (done.code, done.error["code"]) == (5, "entry_unknown")
    assert "tm position list" in done.error["hint"]
    assert tm_here("position", "list").code == 0
    asked = paper.control.requests()["counts"]
    done = tm_here("rule", "add", *BY_ID, "--stop-loss", "-20%")
    assert (done.code, done.json["triggerPrice"]) == (0, 0.424), "no book was read: the finest grid"
    assert paper.control.requests()["counts"] == asked


def test_a_book_that_cannot_be_read_refuses_no_rule(tm_here: TM, paper: PaperServer) -> None:
    paper.control.fault(Fault("book", "status", count=None, status=503))
    done = tm_here("rule", "add", "rain", "--stop-loss", "-20%")
    assert (done.code, done.json["triggerPrice"]) == (0, 0.424)


def test_the_http_body_takes_percentages_too(tm_here: TM, paper: PaperServer) -> None:
    tm_here("position", "list")
    body = {"ruleType": "STOP_LOSS", "marketId": "0xmarket-111", "tokenId": "111", "triggerPercent": -20}
    body["action"] = {"type": "SELL_PARTIAL", "percent": "25"}  # type: ignore[assignment]
    rule = tm_here("rule", "add", "--from-json", "-", stdin=json.dumps(body)).json
    assert fields(rule, "triggerPrice", "triggerPercent", "entryPrice") == (0.424, -20, 0.53)
    assert rule["action"] == {"type": "SELL_PARTIAL", "amount": 25, "percent": 25}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"triggerPrice": 0.4, "triggerPercent": -20}, "triggerPrice or triggerPercent, not both"),
        ({"triggerPercent": -100}, "above -100"),
        ({"triggerPercent": -20, "activationPrice": 0.6}, "belongs to a TRAILING_STOP"),
        ({"triggerPercent": -20, "trailingAmount": 0.05}, "belongs to a TRAILING_STOP"),
        (
            {"ruleType": "TRAILING_STOP", "trailingPercent": 8, "trailingAmount": 0.05},
            "trailingPercent or trailingAmount, not both",
        ),
        (
            {"triggerPrice": 0.4, "action": {"type": "SELL_PARTIAL", "amount": 5, "percent": 5}},
            "needs an amount",
        ),
        ({"triggerPrice": 0.4, "action": {"type": "SELL_ALL", "percent": 5}}, "SELL_ALL has none"),
        ({"triggerPrice": 0.4, "action": {"type": "SELL_PARTIAL", "percent": 101}}, "at most 100"),
    ],
)
def test_a_body_that_contradicts_itself_is_refused(tm_here: TM, change: dict[str, Any], said: str) -> None:
    body = {"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "t", **change}
    done = tm_here("rule", "add", "--from-json", "-", stdin=json.dumps(body))
    assert done.code == 2
    assert said in done.err


def test_an_edited_trigger_is_a_percentage_no_more(tm_here: TM, paper: PaperServer) -> None:
    rule = tm_here("rule", "add", "rain", "--stop-loss", "-20%").json
    changed = tm_here("rule", "edit", rule["id"], "--trigger-price", "0.4").json
    assert fields(changed, "triggerPrice", "triggerPercent") == (0.4, None)
    assert tm_here("rule", "show", rule["id"]).json == changed


def in_one_line(done: Any) -> str:
    return " ".join(done.out.split())


def test_people_are_told_both_the_price_and_the_percentage(tm_tty: TM, paper: PaperServer) -> None:
    said = in_one_line(tm_tty("rule", "add", "rain", "--stop-loss", "-20%", "--sell", "50%"))
    assert "sells 50 shares (50 %) when the best bid is 0.42 or less (-20 % of 0.53 paid)" in said
    said = in_one_line(tm_tty("rule", "add", "rain", "--trailing-stop", "0.05", "--activate-at", "+10%"))
    assert "0.05 USD below the highest best bid" in said
    assert "asleep until the best bid is 0.59 or more (+10 % of 0.53 paid)" in said
