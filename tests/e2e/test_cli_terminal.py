"""What a person at a terminal reads: within its width, in words, and whether positions are guarded."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]
BY_ID = ("--market-id", "0xabc", "--token-id", "71")
LISTS = ("rule", "position", "event", "execution", "job", "alert")
TITLE = "Will the spread of the Seattle Mariners be more than 2.5 in the first game of the series?"


@pytest.fixture
def paper(environ: dict[str, str]) -> Iterator[PaperServer]:
    with PaperServer() as server:
        server.control.create("111", title=TITLE, outcome="Yes", shares=120)
        server.control.set_book("111", "0.50", "0.51")
        server.control.create("112", title=TITLE.replace("Mariners", "Giants"), outcome="No", shares=5000)
        environ |= {"TM_VINCENT_API_URL": server.url, "TM_VINCENT_API_KEY": "ssk_paper", "TM_PAPER": "true"}
        yield server


@pytest.fixture
def sold(paper: PaperServer, tm: TM) -> str:
    """The id of a rule that sold, with an alert that failed beside."""
    rule = str(tm("rule", "add", "mariners", "--stop-loss", "0.40").json["id"])
    assert tm("tick").code == 0
    paper.control.set_book("111", "0.38", "0.39")
    for _ in range(2):
        assert tm("tick").code == 0
    tm("alert", "add", "--source", "s", "--type", "t", "--mode", "WAKE_AGENT", "--key", "k")
    tm("tick")
    return rule


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_lists_fit_the_terminal_and_no_id_is_cut(sold: str, tm_tty: TM) -> None:
    for width in (80, 100, 160):
        for noun in LISTS:
            out = plain(tm_tty(noun, "list", COLUMNS=str(width)).out)
            assert max(len(line) for line in out.splitlines()) <= width
            assert "…" not in out
    assert f"{sold[:10]} " in tm_tty("event", "list", COLUMNS="80").out


def test_a_terminal_too_narrow_for_columns_shows_one_record_below_the_other(sold: str, tm_tty: TM) -> None:
    out = plain(tm_tty("rule", "list", COLUMNS="40").out)
    assert f"RULE      {sold[:10]}" in out
    assert "FIRES AT  ≤ 0.40" in out


def test_events_are_told_in_words_and_keep_their_data_in_json(sold: str, tm: TM, tm_tty: TM) -> None:
    out = tm_tty("event", "list").out
    for words in ("sold 120 shares at 0.38", "bid 0.38 ≤ 0.40", "bid 0.50 > 0.40", "stop 0.40 added"):
        assert words in out
    assert "{" not in out
    events = tm("event", "list").json
    assert {event["eventType"]: event for event in events}["ACTION_EXECUTED"]["eventData"]["sold"] == 120
    assert all(set(event) == {"id", "ruleId", "eventType", "eventData", "createdAt"} for event in events)


def test_an_order_is_told_with_what_it_sold(sold: str, tm: TM, tm_tty: TM) -> None:
    assert "filled: 120 sold at 0.38" in tm_tty("execution", "list", COLUMNS="200").out
    assert "label" not in tm("execution", "list").json[0]


def test_a_tick_by_hand_answers_without_log_lines(paper: PaperServer, tm: TM, tm_tty: TM) -> None:
    tm("rule", "add", "mariners", "--stop-loss", "0.40")
    paper.control.set_book("111", "0.38", "0.39")
    done = tm_tty("tick")
    assert (done.code, done.err) == (0, "")
    assert "matched, the exchange matched 120 shares at 0.38 USD each" in done.out
    assert "info order_settled" in tm("tick").err  # a timer's journal has them


def test_a_tick_that_could_not_look_says_what_that_means(paper: PaperServer, tm: TM, tm_tty: TM) -> None:
    tm("rule", "add", "mariners", "--stop-loss", "0.40")
    done = tm_tty("tick", TM_VINCENT_API_KEY="wrong")
    assert done.code == 77
    assert "no rule could be judged in this look; all stay as they are" in done.out


def test_a_level_on_the_wrong_side_of_the_bid_is_refused_by_words_alone(paper: PaperServer, tm: TM) -> None:
    done = tm("rule", "add", "mariners", "--stop-loss", "0.60")
    assert (done.code, done.error["code"]) == (5, "would_trigger_now")
    assert tm("rule", "list").json == []


def test_an_old_bid_is_not_shown_as_if_it_stood(paper: PaperServer, tm: TM, tm_tty: TM, state: Path) -> None:
    import sqlite3

    tm("rule", "add", "mariners", "--stop-loss", "0.40")
    assert " BID " in plain(tm_tty("position", "list").out)
    conn = sqlite3.connect(state / "trade-manager.db")
    with conn:
        conn.execute("UPDATE monitored_positions SET quote_at = '2026-01-01T00:00:00.000Z'")
    conn.close()
    assert " BID " not in plain(tm_tty("position", "list").out)


# ---- am I protected? -----------------------------------------------------------------------------


def test_status_says_first_whether_positions_are_guarded(
    paper: PaperServer, tm: TM, tm_tty: TM, state: Path
) -> None:
    def answer() -> str:
        return str(tm_tty("status").out.splitlines()[1])

    assert answer() == "nothing is guarded: no active rule, and not running"
    tm("rule", "add", "mariners", "--stop-loss", "0.40")
    assert answer().startswith("NOT GUARDED: not running; no tick has run yet")
    assert "tm install" in tm_tty("status").out
    tm("tick")
    assert answer().startswith("guarded by 1 active rule: the last look was ")
    tm("pause")
    assert answer().startswith("NOT GUARDED: paused")
    tm("resume")
    paper.control.set_book("111", None, None)
    tm("tick")
    assert answer().startswith("NOT ALL GUARDED: 1 of 1 active rule sees no usable price")
    tm("tick", TM_VINCENT_API_KEY="wrong")
    assert answer().startswith("NOT GUARDED at this moment: Vincent cannot be read")
    an_hour_ago = time.time() - 3600
    os.utime(state / "trade-manager.tick", (an_hour_ago, an_hour_ago))
    assert "the last tick was 60 min ago" in answer()


def test_an_instant_is_the_hour_today_and_has_its_day_else(tm: TM, tm_tty: TM, state: Path) -> None:
    import sqlite3

    made = tm(*("rule", "add", *BY_ID), "--stop-loss", "0.40").json
    shown = f"{made['createdAt'][11:19]} UTC"
    assert shown in tm_tty("rule", "show", made["id"]).out
    conn = sqlite3.connect(state / "trade-manager.db")
    with conn:
        conn.execute("UPDATE trade_rules SET created_at = '2026-01-02T03:04:05.678Z'")
    conn.close()
    assert "2026-01-02 03:04:05 UTC" in tm_tty("rule", "show", made["id"]).out
    assert tm("rule", "show", made["id"]).json["createdAt"] == "2026-01-02T03:04:05.678Z"
