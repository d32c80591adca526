"""`tm replay`, `tm suggest` and `tm position history`, as they are typed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tm.cli.progress import Progress
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]

FALL = """ts,best_bid,best_ask
2026-07-10T00:00:00Z,0.49,0.50
2026-07-10T00:01:00Z,0.45,0.46
2026-07-10T00:02:00Z,0.39,0.40
2026-07-10T00:03:00Z,0.42,0.43
2026-07-10T00:04:00Z,0.10,0.11
"""


@pytest.fixture
def fall(tmp_path: Path) -> str:
    path = tmp_path / "fall.csv"
    path.write_text(FALL)
    return str(path)


def test_one_series_is_one_record_and_nothing_is_written(tm: TM, fall: str, state: Path) -> None:
    done = tm("replay", fall, "--stop-loss", "-20%")
    assert (done.code, done.err) == (0, "")
    told = done.json
    assert (told["rows"], told["entryPrice"], told["perShare"], told["holdPerShare"]) == (5, 0.5, -0.11, -0.4)
    (firing,) = told["firings"]
    assert (firing["row"], firing["bestBid"], firing["triggerPrice"], firing["falseStop"]) == (
        2,
        0.39,
        0.4,
        True,
    )
    assert not (state / "trade-manager.db").exists()


def test_people_read_a_story(tm_tty: TM, fall: str) -> None:
    out = " ".join(tm_tty("replay", fall, "--stop-loss", "-20%", "--take-profit", "0.9").out.split())
    assert "stop loss 0.4 (-20 %)" in out
    assert "bid 0.39, trigger 0.4: sold 100 shares; false: the bid was back above within ten minutes" in out
    assert "take profit 0.9: did not fire" in out
    assert "made: 39.00 USD (-0.1100 USD a share)" in out
    assert "holding: 10.00 USD (-0.4000 USD a share), at the last bid 0.1" in out


def test_a_recording_goes_by_its_name_and_settings_can_be_replaced(tm_here: TM) -> None:
    wick = ("replay", "wick_0.79_to_0.55", "--stop-loss", "0.60")
    assert [each["row"] for each in tm_here(*wick).json["firings"]] == [33]
    assert [each["row"] for each in tm_here(*wick, "--confirm-ticks", "2").json["firings"]] == [34]
    told = tm_here(*wick, "--max-spread", "0.005", "--entry", "0.7", "--shares", "40").json
    assert (told["fired"], told["entryPrice"], told["shares"], told["maxSpread"]) == (0, 0.7, 40, 0.005)
    assert told["skipped"]["wide_spread"] > 200


def test_all_forms_of_levels_are_those_of_rule_add(tm_here: TM, fall: str) -> None:
    told = tm_here(
        "replay", fall, "--stop-loss", "0.40:50%", "--stop-loss", "0.2", "--take-profit", "+60%"
    ).json  # fmt: skip
    assert [rule["triggerPrice"] for rule in told["rules"]] == [0.4, 0.2, 0.8]
    assert [(each["row"], each["soldShares"]) for each in told["firings"]] == [(2, 50), (4, 50)]
    told = tm_here("replay", fall, "--trailing-stop", "0.05", "--activate-at", "0.48").json
    assert [(each["row"], each["triggerPrice"]) for each in told["firings"]] == [(2, 0.44)]


def test_many_files_have_a_summary(tm_here: TM, tm_tty: TM, fall: str, tmp_path: Path) -> None:
    (tmp_path / "rise.csv").write_text(
        FALL.replace("0.10,0.11", "0.90,0.91").replace("0.39,0.40", "0.41,0.42")
    )
    told = tm_here("replay", str(tmp_path), "--stop-loss", "-20%").json
    assert [each["source"] for each in told["sources"]] == [fall, str(tmp_path / "rise.csv")]
    summary = told["summary"]
    assert (summary["sources"], summary["rows"], summary["fired"]) == (2, 10, 1)
    assert (summary["falseStopShare"], summary["worstSource"]) == (1, fall)
    assert summary["meanPerShare"] == pytest.approx((-0.11 + 0.4) / 2)
    out = tm_tty("replay", str(tmp_path), "--stop-loss", "-20%").out
    assert "2 series, 10 rows; something was sold in 1" in out


def test_a_grid_tries_every_combination(tm_here: TM, tm_tty: TM, fall: str) -> None:
    options = ["--grid", "stop-loss=-30%..-10%..10%", "--grid", "confirm-ticks=1,2"]
    told = tm_here("replay", fall, *options).json
    places = [(each["stop-loss"], each["confirm-ticks"]) for each in told]
    assert places == [(s, c) for s in ("-30%", "-20%", "-10%") for c in ("1", "2")]
    assert [each["meanPerShare"] for each in told] == [-0.4, -0.4, -0.11, -0.4, -0.05, -0.11]
    out = tm_tty("replay", fall, *options).out
    assert "STOP-LOSS" in out
    assert "MADE/SHARE" in out


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nothing.csv", "--stop-loss", "0.4"), 4, "no file"),
        (("nothing", "--stop-loss", "0.4"), 4, "is no file, no recording, and names no position"),
        (("wick_0.79_to_0.55",), 2, "which rules"),
        (("wick_0.79_to_0.55", "--stop-loss", "20%"), 2, "below what was paid, or above?"),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--grid", "spread=1"), 2, "NAME one of stop-loss"),
        (("wick_0.79_to_0.55", "--grid", "stop-loss=0.5..0.1..0.1"), 2, "goes up"),
        (("wick_0.79_to_0.55", "--grid", "stop-loss=0.1..0.9..0.00001"), 2, "at most 1000"),
        (("wick_0.79_to_0.55", "--grid", "stop-loss=0.1,,0.2"), 2, "empty"),
        (("wick_0.79_to_0.55", "--grid", "stop-loss=0.4", "--grid", "confirm-ticks=0"), 2, "from 1 on"),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--confirm-ticks", "0"), 2, "1 or more"),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--max-spread", "2"), 2, "0 to 1"),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--entry", "7"), 2, "--entry"),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--rule", "cabcdef1"), 2, "gives no levels beside it"),
        (
            ("wick_0.79_to_0.55", "--grid", "stop-loss=0.4", "--rule", "cabcdef1"),
            2,
            "gives no levels beside it",
        ),
        (("wick_0.79_to_0.55", "--stop-loss", "0.4", "--since", "soon"), 2, "--since"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_name(
    tm_here: TM, args: tuple[str, ...], code: int, said: str
) -> None:
    done = tm_here("replay", *args)
    assert done.code == code, done.err
    assert said.replace("gives", "give") in done.error["error"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column ts"),
        ("ts,best_bid,best_ask\n", "no rows"),
        (FALL + "2026-07-10T00:00:00Z,0.5,0.6\n", "row 5 of the series is earlier"),
        (FALL + "2026-07-10T00:05:00Z,0.5\n", "row 5 of the series has too few fields"),
        (FALL + "later,0.5,0.6\n", "row 5 of the series: Invalid isoformat"),
        (FALL + "2026-07-10T00:05:00Z,x,0.6\n", "row 5 of the series: 'x'"),
    ],
)
def test_a_file_that_makes_no_sense_is_named_with_its_row(
    tm_here: TM, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    done = tm_here("replay", str(path), "--stop-loss", "0.4")
    assert (done.code, done.error["code"]) == (2, "invalid_series")
    assert str(path) in done.error["error"]
    assert said in done.error["error"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm.cli.progress.EVERY", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(3) as progress:
        progress(0, 20_000)
        progress(1, 0)
        progress(1, 1_000)
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "replay: 0 of 3 series, 20,000 rows" in shown
    assert "replay: 1 of 3 series, 21,000 rows" in shown
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


# ---- the own history -----------------------------------------------------------------------------


@pytest.fixture
def paper(environ: dict[str, str]) -> Iterator[PaperServer]:
    with PaperServer() as server:
        server.control.create("111", title="Will it rain?", outcome="Yes", shares=80, avg_price="0.53")
        server.control.set_book("111", "0.50", "0.51")
        environ |= {"TM_VINCENT_API_URL": server.url, "TM_VINCENT_API_KEY": "ssk_paper", "TM_PAPER": "true"}
        yield server


def test_what_the_ticks_read_can_be_listed_replayed_and_is_too_little_to_suggest(
    tm_here: TM, tm_tty: TM, paper: PaperServer
) -> None:
    rule = tm_here("rule", "add", "rain", "--stop-loss", "0.40").json["id"]
    assert tm_here("tick").code == 0
    quotes = tm_here("position", "history", "111").json
    assert [(each["bestBid"], each["bestAsk"]) for each in quotes] == [(0.5, 0.51)]
    assert quotes == tm_here("position", "history", "rain", "--since", "1h").json
    assert "FROM" in tm_tty("position", "history", "rain").out
    standing = tm_here("replay", "rain").json
    assert [each["id"] for each in standing["rules"]] == [rule]
    assert (standing["entryPrice"], standing["shares"], standing["fired"]) == (0.53, 80, 0)
    assert tm_here("replay", "rain", "--rule", rule[:10]).json == standing
    tm_here("rule", "add", "rain", "--stop-loss", "0.30")  # two that sell all: added one by one, both stand
    assert len(tm_here("replay", "rain").json["rules"]) == 2
    high = tm_here("replay", "rain", "--stop-loss", "-2%").json
    assert (high["fired"], high["soldShares"]) == (1, 80)
    little = tm_here("suggest", "rain")
    assert (little.code, little.error["code"]) == (5, "too_little_history")
    assert len(tm_here("rule", "list").json) == 2, "nothing made a rule"


def test_a_history_that_nobody_has_is_not_found(tm_here: TM, paper: PaperServer) -> None:
    assert tm_here("position", "history", "999").code == 4
    tm_here("position", "list")
    assert tm_here("position", "history", "rain").json == []
    assert tm_here("replay", "rain", "--stop-loss", "0.4").code == 4
    assert tm_here("suggest", "rain").code == 4


def test_a_suggestion_says_measure_certainty_and_what_a_replay_says(tm_here: TM, tm_tty: TM) -> None:
    told = tm_here("suggest", "slow_drift").json
    assert (told["hours"], told["tokenId"]) == (24, None)
    assert "clock hour" in told["measure"]
    for each in told["suggestions"]:
        assert 0 < each["surePercent"] <= 100
        assert each["replay"]["starts"] == told["starts"]
    stops = [each["triggerPrice"] for each in told["suggestions"] if each["ruleType"] == "STOP_LOSS"]
    assert stops == sorted(stops, reverse=True)
    assert max(stops) < told["bestBid"]
    out = tm_tty("suggest", "slow_drift").out
    assert "80 of 100 hours move 0.02 or less (89 % sure)" in out
    assert "no rule was made" in out


def test_suggest_takes_one_series(tm_here: TM, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(FALL)
    done = tm_here("suggest", str(tmp_path))
    assert (done.code, json.loads(done.err)["error"].endswith("give one")) == (2, True)
