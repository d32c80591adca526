"""`tm paper`: an exchange of one's own, from first start to a sale."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TM = Callable[..., Any]


@pytest.fixture
def paper(tm: TM, state: Path, environ: dict[str, str]) -> Iterator[None]:
    """The paper exchange of this test's configuration, as a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tm("init", "--paper")
    config = state / "trade-manager.json"
    content = {**json.loads(config.read_text()), "vincentApiUrl": f"http://127.0.0.1:{port}"}
    config.write_text(json.dumps(content))
    command = [sys.executable, "-m", "tm", "paper", "serve"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "paper exchange at" in process.stderr.readline()
        yield
        process.terminate()


@pytest.mark.usefixtures("paper")
def test_a_stop_sells_on_paper_as_the_tour_says(tm: TM) -> None:
    shown = tm("paper", "show").json
    assert [(one["label"], one["bestBid"]) for one in shown] == [
        ("Will Trump win the election? · Yes", 0.52),
        ("Will it rain in London tomorrow? · No", 0.74),
    ]
    rule = tm("rule", "add", "trump yes", "--stop-loss", "0.40").json
    assert tm("tick").code == 0
    assert tm("paper", "move", "trump yes", "0.39").json["bestAsk"] == 0.4
    assert tm("tick").code == 0
    assert tm("rule", "show", rule["id"]).json["status"] == "TRIGGERED"
    assert [one["tokenId"] for one in tm("paper", "show").json] == ["paper-rain-no"]


@pytest.mark.usefixtures("paper")
@pytest.mark.parametrize(
    ("words", "code"),
    [(("trump", "1.2"), 2), (("trump", "0.5", "0.4"), 2), (("will", "0.5"), 5), (("nobody", "0.5"), 4)],
)
def test_a_move_that_makes_no_sense_is_refused(words: tuple[str, ...], code: int, tm: TM) -> None:
    assert tm("paper", "move", *words).code == code


@pytest.mark.usefixtures("paper")
def test_a_second_exchange_on_the_port_is_told_so(tm: TM) -> None:
    assert tm("paper", "serve").error["code"] == "port_taken"


def test_a_real_configuration_has_no_paper_exchange(tm: TM) -> None:
    tm("init")
    assert tm("paper", "serve").code == 5


def test_without_the_exchange_running_it_says_how_to_start_it(tm: TM) -> None:
    tm("init", "--paper")
    done = tm("paper", "show", TM_VINCENT_API_URL="http://127.0.0.1:1")
    assert (done.code, done.error["code"]) == (69, "unreachable")
