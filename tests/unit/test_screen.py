"""The lines of `tm watch`: always exactly a screen, whatever there is to show."""

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from tm.cli import screen

NOW = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)
AT = "2026-07-01T12:00:00.000Z"


def a_rule(**changes):
    given = {
        "kind": "stop",
        "triggerPrice": 0.4,
        "status": "ACTIVE",
        "fraction": 0.5,
        "nearness": "far",
        "distanceUsd": 0.05,
        "distancePercent": 11.1,
        "standing": {"text": "watching", "level": "info"},
    }
    return {**given, **changes}


def a_position(**changes):
    given = {
        "label": "Will it rain? · Yes",
        "tokenId": "111",
        "held": True,
        "quantity": 100,
        "bestBid": 0.45,
        "price": 0.45,
        "priceSource": "bid",
        "priceAt": AT,
        "stale": False,
        "avgEntryPrice": 0.5,
        "profitUsd": -5.0,
        "profitPercent": -10.0,
        "history": [{"at": "2026-07-01T11:00:00.000Z", "bid": 0.5}, {"at": AT, "bid": 0.45}],
        "rules": [a_rule()],
    }
    return {**given, **changes}


def seen(**changes):
    given = {
        "at": AT,
        "paper": False,
        "paused": False,
        "running": True,
        "lastTickAt": AT,
        "nextTickAt": "2026-07-01T12:00:15.000Z",
        "activeRulesCount": 1,
        "profitUsd": -5.0,
        "banners": [],
        "positions": [a_position()],
        "events": [
            {"createdAt": AT, "text": "stop 0.40 added", "level": "info", "label": "Will it rain? · Yes"}
        ],
    }
    return {**given, **changes}


def drawn(record, width=80, height=24, **options):
    return [line.plain for line in screen.frame(record, width=width, height=height, now=NOW, **options)]


def a_banner(text="something", level="alarm", hint="tm doctor"):
    return {"kind": "x", "level": level, "text": text, "hint": hint}


@pytest.mark.parametrize("height", [1, 2, 5, 6, 11, 12, 24, 60])
@pytest.mark.parametrize("width", [1, 20, 40, 80, 200])
@pytest.mark.parametrize(
    "record",
    [
        seen(),
        seen(positions=[], events=[], profitUsd=None, nextTickAt=None, lastTickAt=None),
        seen(positions=[a_position(label="Wird es regnen? 雨が降りますか" * 9)] * 30),
        seen(banners=[a_banner("long words " * 40)] * 9, events=seen()["events"] * 20),
        seen(
            positions=[
                a_position(quantity=None, bestBid=None, avgEntryPrice=None, profitUsd=None, history=[])
            ]
        ),
    ],
    ids=["one", "none", "many and wide", "full of banners", "unknown"],
)
def test_it_fills_the_screen_exactly_and_never_more(record, width, height) -> None:
    lines = drawn(record, width, height)
    assert len(lines) == height
    assert max(cell_len(line) for line in lines) <= width


def test_it_says_what_is_held_what_guards_it_and_what_comes_next() -> None:
    text = "\n".join(drawn(seen()))
    for part in ("1 rule   next look in 10 s   profit −5.00 USD", "12:00:05 UTC",
                 "100 × 0.45 from 0.50", "−5.00 −10.0%", "stop 0.40", "├━━━━━━━───────",
                 "0.05  11.1%", "watching", "stop 0.40 added", "p pause"):  # fmt: skip
        assert part in text, part


def test_a_pause_turns_the_key_around() -> None:
    assert "p resume" in drawn(seen(paused=True))[-1]


def test_grave_banners_are_marked_and_say_what_to_do() -> None:
    lines = drawn(seen(banners=[a_banner(), a_banner("PAPER", "info", None)]))
    assert lines[1:3] == [" ! something   tm doctor", "   PAPER"]


def test_more_banners_than_fit_are_counted() -> None:
    assert "   and 3 more: tm status" in drawn(seen(banners=[a_banner()] * 6))


def test_what_is_scrolled_past_is_said() -> None:
    many = seen(positions=[a_position(label=f"market {number:02d}") for number in range(30)])
    first, later = "\n".join(drawn(many)), "\n".join(drawn(many, top=10))
    assert "market 00" in first
    assert "↓ " in first
    assert "market 00" not in later
    assert "↑ 10" in later


def test_text_from_outside_cannot_drive_the_terminal() -> None:
    evil = a_position(label="\x1b[2Jnice\nline\r")
    text = "".join(drawn(seen(positions=[evil], banners=[a_banner("\x1b]0;x\x07")])))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\r" not in text


def test_a_sparkline_shows_lows_holes_and_the_last_bid() -> None:
    def at(minute):
        return f"2026-07-01T11:{minute:02d}:00.000Z"

    points = [(0, 0.5), (15, 0.1), (16, 0.5), (30, None), (45, 0.9)]
    history = [{"at": at(minute), "bid": bid} for minute, bid in points]
    line = screen.sparkline(history, seen(), 4).plain
    assert (line[1], line[2], line[3]) == ("▁", " ", "█")
    assert screen.sparkline([], seen(), 6).plain == " " * 6


def test_a_price_keeps_two_to_four_decimals() -> None:
    spelled = {0.4: "0.40", 0.405: "0.405", 0.4051: "0.4051", 1: "1.00", None: "-"}
    assert {value: screen.price(value) for value in spelled} == spelled
