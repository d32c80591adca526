"""`tm rule` and its neighbours, as a person and as an agent use them, against the paper exchange."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer

TM = Callable[..., Any]
BY_ID = ("--market-id", "0xabc", "--token-id", "71")
PRICES = ("0", "1", "abc", "NaN", "-0.4", "1.5", "9" * 30, "0.12345", "", "inf", "1e-400")


@pytest.fixture
def paper(environ: dict[str, str]) -> Iterator[PaperServer]:
    """A paper exchange with three positions; the program is configured for it by its environment."""
    with PaperServer() as server:
        for token, title, outcome in (
            ("111", "Will Trump win?", "Yes"),
            ("112", "Will Trump win?", "No"),
            ("113", "Will it rain?", "Yes"),
        ):
            server.control.create(token, title=title, outcome=outcome, shares=100)
            server.control.set_book(token, "0.50", "0.51")
        environ |= {"TM_VINCENT_API_URL": server.url, "TM_VINCENT_API_KEY": "ssk_paper", "TM_PAPER": "true"}
        yield server


def rules_in(state: Path) -> int:
    path = state / "trade-manager.db"
    if not path.exists():
        return 0
    conn = sqlite3.connect(path)
    try:
        return int(conn.execute("SELECT count(*) FROM trade_rules").fetchone()[0])
    finally:
        conn.close()


# ---- adding --------------------------------------------------------------------------------------


def test_with_ids_nothing_outside_is_read(tm: TM) -> None:
    done = tm("rule", "add", *BY_ID, "--stop-loss", "0.40", TM_VINCENT_API_URL="http://127.0.0.1:9")
    assert (done.code, done.err) == (0, "")
    rule = done.json
    assert (rule["ruleType"], rule["triggerPrice"], rule["status"]) == ("STOP_LOSS", 0.4, "ACTIVE")
    assert (rule["marketId"], rule["tokenId"], rule["side"]) == ("0xabc", "71", "BUY")
    assert rule["action"] == {"type": "SELL_ALL"}
    assert tm("rule", "show", rule["id"]).json == rule
    assert "paper" not in rule


def test_words_pick_the_held_position_and_its_label(tm: TM, paper: PaperServer) -> None:
    done = tm("rule", "add", "trump yes", "--stop-loss", "0.40")
    assert done.code == 0
    assert (done.json["tokenId"], done.json["marketId"]) == ("111", "0xmarket-111")
    assert done.json["label"] == "Will Trump win? · Yes"
    assert next(iter(done.json.items())) == ("paper", True)
    by_token = tm("rule", "add", "112", "--stop-loss", "0.30").json
    assert by_token["label"] == "Will Trump win? · No"
    assert paper.control.count("holdings") == 1, "the second one was known already"


def test_a_stop_and_a_target_together_are_two_rules(tm: TM, paper: PaperServer) -> None:
    done = tm(
        "rule",
        "add",
        "rain",
        "--stop-loss",
        "0.40",
        "--take-profit",
        "0.80",
        "--sell",
        "12.5",
        "--expires",
        "2h",
    )
    stop, target = done.json
    assert (stop["ruleType"], target["ruleType"]) == ("STOP_LOSS", "TAKE_PROFIT")
    assert stop["paper"] is target["paper"] is True
    assert stop["action"] == target["action"] == {"type": "SELL_PARTIAL", "amount": 12.5}
    assert stop["expiresAt"] == target["expiresAt"] > stop["createdAt"]
    assert [rule["id"] for rule in tm("rule", "list").json] == [target["id"], stop["id"]]


def test_a_trailing_stop_may_say_where_it_begins(tm_here: TM) -> None:
    rule = tm_here("rule", "add", *BY_ID, "--trailing-stop", "10", "--trigger-price", "0.35").json
    assert (rule["ruleType"], rule["trailingPercent"], rule["triggerPrice"]) == ("TRAILING_STOP", 10, 0.35)
    assert tm_here("rule", "add", *BY_ID, "--trailing-stop", "7.5").json["triggerPrice"] is None


def test_the_http_body_is_taken_from_a_file_or_from_stdin(tm: TM, tmp_path: Path) -> None:
    body = {"ruleType": "TAKE_PROFIT", "marketId": "m", "tokenId": "t", "triggerPrice": "0.80", "side": "BUY"}
    body["action"] = {"type": "SELL_PARTIAL", "amount": 100}
    path = tmp_path / "rule.json"
    path.write_text(json.dumps(body))
    assert tm("rule", "add", "--from-json", str(path)).json["action"]["amount"] == 100
    assert tm("rule", "add", "--from-json", "-", stdin=json.dumps(body)).json["triggerPrice"] == 0.8


def test_people_are_told_what_was_added_and_what_is_next(tm_tty: TM, paper: PaperServer) -> None:
    done = tm_tty("rule", "add", "trump yes", "--stop-loss", "0.40", "--take-profit", "0.8")
    lines = done.out.splitlines()
    assert lines[0].startswith("PAPER")
    assert done.out.count("PAPER") == 1
    assert "sells all when the best bid is 0.40 or less" in done.out
    assert "sells all when the best bid is 0.80 or more" in done.out
    assert "next: tm rule show " in done.out
    table = tm_tty("rule", "list").out
    assert "Will Trump win? · Yes" in table
    assert "≤ 0.40" in table


def test_a_dry_run_checks_everything_and_adds_nothing(
    tm: TM, tm_tty: TM, paper: PaperServer, state: Path
) -> None:
    done = tm("rule", "add", "trump yes", "--stop-loss", "0.40", "-n")
    assert (done.code, done.json["dryRun"], done.json["id"]) == (0, True, None)
    assert "would add stop loss" in tm_tty("rule", "add", "trump yes", "--stop-loss", "0.40", "-n").out
    assert tm("rule", "add", "trump maybe", "--stop-loss", "0.40", "-n").code == 4
    assert rules_in(state) == 0


def test_a_rule_that_would_fire_at_once_must_be_meant(tm: TM, paper: PaperServer) -> None:
    tm("rule", "add", "trump yes", "--stop-loss", "0.40")
    assert tm("tick").code == 0  # reads the book
    done = tm("rule", "add", "trump yes", "--stop-loss", "0.60")
    assert (done.code, done.error["code"], done.error["exitCode"]) == (5, "would_trigger_now", 5)
    assert "--allow-immediate" in done.error["hint"]
    assert tm("rule", "add", "trump yes", "--stop-loss", "0.60", "--allow-immediate").code == 0


# ---- what is refused -----------------------------------------------------------------------------


def refused(done: Any, code: int) -> dict[str, Any]:
    """Given a run, return its error object: nothing on stdout, one line on stderr, the codes agree."""
    assert done.code == code, done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert (done.error["exitCode"], done.error["error"] != "") == (code, True)
    assert not done.error["error"].startswith("internal")
    return dict(done.error)


@pytest.mark.parametrize("text", PRICES)
def test_a_price_that_is_none_is_refused_by_option_and_value(text: str, tm_here: TM, state: Path) -> None:
    error = refused(tm_here("rule", "add", *BY_ID, "--stop-loss", text), 2)
    assert error["error"].startswith("--stop-loss: ")
    assert "must" in error["error"]
    assert rules_in(state) == 0


@pytest.mark.parametrize("text", ["0", "-5", "9" * 30, "NaN", "some", "0.001", ""])
def test_an_amount_that_is_none_is_refused(text: str, tm_here: TM, state: Path) -> None:
    error = refused(tm_here("rule", "add", *BY_ID, "--stop-loss", "0.4", "--sell", text), 2)
    assert error["error"].startswith("--sell: ")
    assert rules_in(state) == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--stop-loss"),
        (("x",), "--stop-loss"),
        (BY_ID, "--stop-loss"),
        (("--stop-loss", "0.4"), "which position"),
        (("--token-id", "71", "--stop-loss", "0.4"), "--market-id"),
        (("x", *BY_ID, "--stop-loss", "0.4"), "not both"),
        ((*BY_ID, "--stop-loss", "0.4", "--trailing-stop", "5"), "stands alone"),
        ((*BY_ID, "--stop-loss", "0.4", "--trigger-price", "0.5"), "belongs to --trailing-stop"),
        ((*BY_ID, "--stop-loss", "0.8", "--take-profit", "0.4"), "is not below"),
        ((*BY_ID, "--trailing-stop", "100"), "--trailing-stop"),
        ((*BY_ID, "--trailing-stop", "0"), "--trailing-stop"),
        ((*BY_ID, "--stop-loss", "0.4", "--expires", "yesterday"), "--expires"),
        ((*BY_ID, "--stop-loss", "0.4", "--expires", "2020-01-01"), "in the past"),
        (("--market-id", "a b", "--token-id", "71", "--stop-loss", "0.4"), "--market-id"),
        (("--market-id", "0xabc", "--token-id", "x" * 129, "--stop-loss", "0.4"), "--token-id"),
        (("--from-json", "-", "--stop-loss", "0.4"), "--from-json"),
        (("--from-json", "/nonexistent"), "cannot read"),
        (("--from-json", "/"), "cannot read"),
    ],
)
def test_a_contradiction_is_refused_with_the_way_out(
    args: tuple[str, ...], said: str, tm_here: TM, state: Path
) -> None:
    assert said in refused(tm_here("rule", "add", *args), 2)["error"]
    assert rules_in(state) == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "not JSON"),
        ("[]", "one JSON object"),
        ('{"ruleType": "STOP_LOSS", "triggerPrice": 0.4}', "marketId is missing"),
        ('{"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "t", "triggerPrice": NaN}', "NaN"),
        ('{"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "t", "triggerPrice": 2}', "triggerPrice: 2"),
        ('{"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "t", "price": 0.4}', "price"),
        (
            '{"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": "t", "triggerPrice": 0.4, "side": "SELL"}',
            "no short positions",
        ),
    ],
)
def test_a_wrong_body_is_refused_by_field(body: str, said: str, tm_here: TM, state: Path) -> None:
    done = tm_here("rule", "add", "--from-json", "-", stdin=body)
    assert said in json.dumps(refused(done, 2))
    assert rules_in(state) == 0


def test_ambiguous_words_list_the_candidates(tm: TM, tm_tty: TM, paper: PaperServer, state: Path) -> None:
    error = refused(tm("rule", "add", "trump", "--stop-loss", "0.4"), 5)
    assert error["code"] == "ambiguous"
    assert {entry["tokenId"] for entry in error["details"]} == {"111", "112"}
    on_terminal = tm_tty("rule", "add", "trump", "--stop-loss", "0.4").err
    assert "error: 'trump' names 2 positions" in on_terminal
    assert "  - Will Trump win? · No  112" in on_terminal
    assert refused(tm("rule", "add", "biden", "--stop-loss", "0.4"), 4)["code"] == "not_found"
    assert rules_in(state) == 0


def test_words_need_vincent_and_say_which_way_needs_him_not(tm_here: TM, paper: PaperServer) -> None:
    paper.control.fault(Fault("holdings", "status", count=None, status=503))
    error = refused(tm_here("rule", "add", "trump yes", "--stop-loss", "0.4"), 69)
    assert error["retryable"] is True
    paper.control.clear_faults()
    paper.control.fault(Fault("holdings", "unauthorized", count=None))
    assert refused(tm_here("rule", "add", "trump yes", "--stop-loss", "0.4"), 77)["retryable"] is False


def test_without_a_key_words_end_with_77(tm: TM) -> None:
    assert refused(tm("rule", "add", "trump yes", "--stop-loss", "0.4"), 77)["code"] == "credentials_missing"


@pytest.mark.parametrize("verb", [("show",), ("cancel",), ("edit", "--trigger-price", "0.5")])
def test_an_unknown_id_ends_with_4_and_an_ambiguous_prefix_with_5(
    verb: tuple[str, ...], tm_here: TM, state: Path
) -> None:
    tm_here("rule", "add", *BY_ID, "--stop-loss", "0.4")
    name, *options = verb
    for unknown in ("cnothinglikeit", "c", "zz"):
        error = refused(tm_here("rule", name, unknown, *options), 4)
        assert "tm rule list" in error["hint"]
    conn = sqlite3.connect(state / "trade-manager.db")
    conn.execute("UPDATE trade_rules SET id = 'caaaaaa1' || substr(id, 9)")
    conn.commit()
    tm_here("rule", "add", *BY_ID, "--stop-loss", "0.4")
    conn.execute("UPDATE trade_rules SET id = 'caaaaaa2' || substr(id, 9) WHERE id NOT LIKE 'caaaaaa1%'")
    conn.commit()
    conn.close()
    error = refused(tm_here("rule", name, "caaaaaa", *options), 5)
    assert error["code"] == "ambiguous"
    assert len(error["details"]) == 2


# ---- looking, changing, cancelling ---------------------------------------------------------------


def test_a_rule_is_edited_cancelled_and_told_by_events(tm: TM, tm_tty: TM) -> None:
    rule = tm("rule", "add", *BY_ID, "--stop-loss", "0.4").json["id"]
    assert tm("rule", "edit", rule[:8], "--trigger-price", "0.45").json["triggerPrice"] == 0.45
    assert refused(tm("rule", "edit", rule, "--trigger-price", "1"), 2)["error"].startswith("--trigger-price")
    assert "the trigger is 0.46 now" in tm_tty("rule", "edit", rule, "--trigger-price", "0.46").out
    assert tm("rule", "cancel", rule[:6]).json["status"] == "CANCELED"
    again = tm("rule", "cancel", rule)
    assert (again.code, again.json["status"]) == (0, "CANCELED")
    assert refused(tm("rule", "edit", rule, "--trigger-price", "0.5"), 5)["code"] == "not_active"
    events = tm("event", "list", "--rule", rule[:8]).json
    kinds = [event["eventType"] for event in events]
    assert kinds == ["RULE_CANCELED", "RULE_UPDATED", "RULE_UPDATED", "RULE_CREATED"]
    assert len(tm("event", "list", "--type", "rule_created").json) == 1
    assert tm("rule", "list", "--status", "active").json == []
    assert [found["id"] for found in tm("rule", "list", "--status", "CANCELED").json] == [rule]
    assert "CANCELED" in tm_tty("rule", "show", rule).out


def test_lists_have_limits(tm_here: TM) -> None:
    for price in ("0.1", "0.2", "0.3"):
        tm_here("rule", "add", *BY_ID, "--stop-loss", price)
    shown = tm_here("rule", "list", "--limit", "1", "--offset", "1").json
    assert [rule["triggerPrice"] for rule in shown] == [0.2]
    for limit in ("0", "1001", "-1"):
        refused(tm_here("rule", "list", "--limit", limit), 2)
    refused(tm_here("rule", "list", "--limit", "ten"), 2)
    refused(tm_here("rule", "list", "--status", "OPEN"), 2)


def test_positions_are_listed_with_what_a_sell_would_get(tm: TM, tm_tty: TM, paper: PaperServer) -> None:
    held = {position["tokenId"]: position for position in tm("position", "list").json}
    assert set(held) == {"111", "112", "113"}
    assert held["111"]["quantity"] == 100
    assert "Will it rain? · Yes" in tm_tty("position", "list").out


def test_positions_say_when_they_are_not_fresh(tm_here: TM, paper: PaperServer, state: Path) -> None:
    tm_here("position", "list")
    conn = sqlite3.connect(state / "trade-manager.db")
    conn.execute("UPDATE config SET value = '\"2026-01-01T00:00:00.000Z\"' WHERE key = 'lastSyncTime'")
    conn.commit()
    conn.close()
    paper.control.fault(Fault("holdings", "status", count=None, status=503))
    done = tm_here("position", "list")
    assert (done.code, len(done.json)) == (0, 3)
    assert "not fresh" in done.err


def test_a_sale_is_seen_in_rule_job_execution_and_status(tm: TM, tm_tty: TM, paper: PaperServer) -> None:
    rule = tm("rule", "add", "trump yes", "--stop-loss", "0.40").json["id"]
    paper.control.set_book("111", "0.39", "0.40")
    assert tm("tick").code == 0
    assert tm("tick").code == 0
    shown = tm("rule", "show", rule).json
    assert (shown["status"], shown["execution"]["outcome"], shown["soldShares"]) == (
        "TRIGGERED",
        "filled",
        100,
    )
    (execution,) = tm("execution", "list", "--rule", rule[:8]).json
    assert execution["filledShares"] == 100
    assert tm("execution", "show", execution["id"][:8]).json == execution
    jobs = tm("job", "list").json
    job = next(job for job in jobs if job["ruleId"] == rule)
    assert [each["id"] for each in tm("job", "show", job["id"]).json["executions"]] == [execution["id"]]
    assert "filled" in tm_tty("execution", "list").out
    assert job["id"][:10] in tm_tty("job", "list").out
    status = tm("status").json
    assert next(iter(status.items())) == ("paper", True)
    assert (status["activeRulesCount"], status["running"]) == (0, True)
    assert refused(tm("rule", "cancel", rule), 5)["code"] == "not_active"


def test_status_ends_with_0_whatever_it_reports(tm: TM, tm_tty: TM) -> None:
    done = tm("status")
    assert (done.code, done.json["running"], done.json["lastSyncTime"]) == (0, False, None)
    tm("pause", "moving the wallet")
    done = tm("status")
    assert (done.code, done.json["paused"], done.json["pause"]["reason"]) == (0, True, "moving the wallet")
    on_terminal = tm_tty("status")
    assert on_terminal.code == 0
    assert "PAUSED since" in on_terminal.out
    assert "not running" in on_terminal.out


def test_pause_and_resume_can_be_said_twice(tm_here: TM) -> None:
    assert tm_here("pause", "a").json["paused"] is True
    assert tm_here("pause", "b").json["pause"]["reason"] == "a"
    assert tm_here("resume").json == {"paused": False, "wasPaused": True}
    again = tm_here("resume")
    assert (again.code, again.json["wasPaused"]) == (0, False)


# ---- a database that cannot be used --------------------------------------------------------------


def test_a_database_of_a_newer_schema_is_refused_untouched(tm: TM, state: Path) -> None:
    tm("rule", "list")
    conn = sqlite3.connect(state / "trade-manager.db")
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    assert refused(tm("rule", "list"), 1)["code"] == "database_newer"


def test_a_damaged_database_is_refused_untouched(tm: TM, state: Path) -> None:
    state.mkdir(mode=0o700)
    path = state / "trade-manager.db"
    path.write_bytes(b"this is not a database" * 500)
    assert refused(tm("rule", "add", *BY_ID, "--stop-loss", "0.4"), 1)["code"] == "database_corrupt"
    assert path.read_bytes().startswith(b"this is not")


def test_a_directory_in_place_of_the_database_is_named(tm: TM, state: Path) -> None:
    (state / "trade-manager.db").mkdir(parents=True)
    error = refused(tm("status"), 1)
    assert str(state / "trade-manager.db") in error["error"]


def test_the_database_lies_where_the_configuration_says(tm: TM, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "where.db"
    assert tm("rule", "list", TM_DATABASE_URL=f"file:{elsewhere}").code == 0
    assert elsewhere.stat().st_mode & 0o777 == 0o600


def test_a_rule_is_added_without_pydantic_or_requests(tm: TM, environ: dict[str, str]) -> None:
    tm("rule", "list")  # makes the database
    args = ["rule", "add", *BY_ID, "--stop-loss", "0.4"]
    code = f"import sys; from tm.cli.app import run; run({args!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "tm.service.rules" in loaded
    assert not {"pydantic", "requests", "rich", "tm.engine", "tm.venue.vincent"} & loaded
