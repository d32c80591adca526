"""`tm paper`: an exchange of one's own, from first start to a sale."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TM = Callable[..., Any]
TRUMP, MARINERS = "paper-trump-yes", "paper-mariners-yes"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(environ: dict[str, str], *options: str) -> Iterator[dict[str, Any]]:
    """Run `tm paper serve`, and give what it announced; Ctrl-C ends it with 0."""
    command = [sys.executable, "-m", "tm", "paper", "serve", *options]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0


@pytest.fixture
def configured(tm: TM, state: Path) -> str:
    """A paper configuration at a free port; its URL."""
    tm("init", "--paper")
    url = f"http://127.0.0.1:{free_port()}"
    config = state / "trade-manager.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "vincentApiUrl": url}))
    return url


@pytest.fixture
def paper(configured: str, environ: dict[str, str]) -> Iterator[dict[str, Any]]:
    with serving(environ) as announced:
        yield announced


def position(tm: TM, token: str) -> dict[str, Any]:
    return next(one for one in tm("paper", "show").json["positions"] if one["tokenId"] == token)


def test_it_serves_where_the_configuration_says_and_says_what_is_next(
    configured: str, environ: dict[str, str], state: Path
) -> None:
    with serving(environ) as told:
        assert told["paper"] is True
        assert told["url"] == configured
        assert [(one["tokenId"], one["shares"]) for one in told["positions"]] == [
            (TRUMP, 120),
            (MARINERS, 80),
        ]
        assert f"export OPENCLAW_STATE_DIR={state}" in told["next"]
        assert (state / "paper.db").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("paper")
def test_a_stop_sells_on_paper_as_the_tour_says(tm: TM) -> None:
    assert {one["label"]: one["bestBid"] for one in tm("position", "list").json}.keys() == {
        "Will Trump visit China? · Yes",
        "Spread: Seattle Mariners (+2.5) · Yes",
    }
    rule = tm("rule", "add", "trump yes", "--stop-loss", "0.40").json
    assert tm("tick").json["triggered"] == []
    assert tm("paper", "price", "trump yes", "0.38").json["bestAsk"] == 0.39
    assert tm("tick").json["triggered"] == [rule["id"]]
    shown = tm("paper", "show").json
    assert [(one["status"], one["filled"], one["avgPrice"]) for one in shown["orders"]] == [
        ("matched", 120, 0.38)
    ]
    assert (shown["usd"], shown["betRequests"]) == (145.6, 1)
    assert position(tm, TRUMP)["shares"] == 0
    assert tm("rule", "show", rule["id"]).json["status"] == "TRIGGERED"


@pytest.mark.usefixtures("paper")
def test_a_recording_can_be_played_under_a_position(tm: TM) -> None:
    assert position(tm, MARINERS)["playing"] is False
    played = tm("paper", "play", "mariners", "--row", "548", "--speed", "0.001").json
    assert (played["bestBid"], played["row"], played["playing"]) == (0.155, 548, True)
    tm("paper", "play", TRUMP, "gap_to_no_bid", "--speed", "100000")
    assert position(tm, TRUMP)["lastRow"] is not None
    refused = tm("paper", "play", TRUMP, "no_such")
    assert refused.code == 2
    assert "gap_to_no_bid" in refused.error["error"]


@pytest.mark.usefixtures("paper")
def test_a_side_can_be_emptied(tm: TM) -> None:
    assert tm("paper", "price", TRUMP, "none").json["bestBid"] is None
    assert tm("paper", "price", TRUMP, "0.995").json["bestAsk"] is None


@pytest.mark.usefixtures("paper")
def test_a_fault_strikes_the_next_request_and_is_forgotten(tm: TM) -> None:
    tm("rule", "add", TRUMP, "--stop-loss", "0.60", "--allow-immediate")
    assert tm("paper", "fault", "bet", "drop", "--after").json[0]["kind"] == "drop"
    tm("tick")
    assert tm("execution", "list").json[0]["outcome"] in ("unknown", "filled")
    assert tm("paper", "fault").json == []
    assert len(tm("paper", "show").json["orders"]) == 1
    tm("paper", "fault", "book", "page", "--count", "0")
    assert tm("paper", "fault", "--clear").json == []


@pytest.mark.usefixtures("paper")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("price", "trump", "1.2"), 2),
        (("price", "trump", "0.5", "x"), 2),
        (("price", "trump", "0.5", "--depth", "-1"), 2),
        (("price", "yes", "0.5"), 5),
        (("price", "nobody", "0.5"), 4),
        (("play", "trump"), 2),
        (("fault", "bet", "nonsense"), 2),
        (("fault", "nowhere", "drop"), 2),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], code: int, tm: TM) -> None:
    assert tm("paper", *words).code == code


def test_it_remembers_over_a_restart_and_forgets_when_told(
    configured: str, environ: dict[str, str], tm: TM
) -> None:
    with serving(environ):
        tm("paper", "price", "trump", "0.31")
    with serving(environ):
        assert position(tm, TRUMP)["bestBid"] == 0.31
        running = tm("paper", "serve", "--fresh", "--port", str(free_port()))
        assert (running.code, running.error["code"]) == (5, "paper_running")
        assert position(tm, TRUMP)["bestBid"] == 0.31
        assert tm("paper", "serve").error["code"] == "paper_running"
    with serving(environ, "--fresh"):
        assert position(tm, TRUMP)["bestBid"] == 0.52


def test_a_taken_port_and_a_broken_file_are_named(tm: TM, configured: str, state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = tm("paper", "serve", "--port", str(other.getsockname()[1]))
    assert (taken.code, taken.error["code"]) == (5, "port_taken")
    (state / "paper.db").write_bytes(b"this is no database" * 100)
    broken = tm("paper", "serve")
    assert (broken.code, broken.error["code"]) == (1, "database")
    assert "--fresh" in broken.error["hint"]


def test_a_real_configuration_has_no_paper_exchange(tm: TM, state: Path) -> None:
    tm("init")
    for words in (("serve",), ("show",), ("price", "trump", "0.5"), ("fault", "--clear")):
        done = tm("paper", *words)
        assert (done.code, done.error["code"]) == (5, "not_paper")
    assert not (state / "paper.db").exists()


def test_without_the_exchange_running_it_says_how_to_start_it(tm: TM) -> None:
    tm("init", "--paper")
    done = tm("paper", "show", TM_VINCENT_API_URL="http://127.0.0.1:1")
    assert (done.code, done.error["code"]) == (69, "unreachable")
    assert "tm paper serve" in done.error["hint"]


def test_paper_never_asks_the_public_clob(tm: TM, configured: str) -> None:
    values = {one["key"]: one["value"] for one in tm("config", "show").json}
    assert values["clobUrl"] == configured
    refused = tm("config", "show", TM_CLOB_URL="https://clob.example.com")
    assert refused.code == 78
    assert "clobUrl" in refused.error["error"]
