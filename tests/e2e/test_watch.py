"""`tm watch` in a real terminal: what is on the screen, what the keys do, and what is left behind."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from tests.e2e.place import TM, Place
from tests.e2e.tmux import Terminal

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux here"),
]
RAIN = "Will it rain in Lima?"


@pytest.fixture
def place(tmp_path):
    one = Place(tmp_path)
    one.hold("rain", RAIN, shares="100", entry="0.50", bid="0.55")
    yield one
    one.close()


@pytest.fixture
def watching(place, tmp_path):
    """A terminal of 80x24 with `tm watch` on it."""
    place.tm("rule", "add", "rain yes", "--stop-loss", "0.40")
    place.tm("tick")
    terminal = Terminal(tmp_path, place.environ)
    terminal.run(*TM, "watch")
    terminal.see("Trade Manager")
    yield terminal
    terminal.close()


def fits(screen: str, width: int, height: int) -> bool:
    lines = screen.rstrip("\n").split("\n")
    return len(lines) <= height and max(map(len, lines)) <= width


def test_a_rule_fires_and_the_screen_shows_it(watching, place) -> None:
    shown = watching.see("stop 0.40", "watching", "+5.00 +10.0%", "100 × 0.55 from 0.50", "PAPER")
    assert fits(shown, 80, 24)
    place.price("rain", "0.38")
    place.tm("tick")
    shown = watching.see("stop reached at a bid of 0.38", "sold 100 shares at 0.38", "sold 100 at 0.38")
    assert fits(shown, 80, 24)
    assert place.exchange.sold("rain") == 100


@pytest.mark.parametrize(("width", "height"), [(60, 12), (120, 40), (200, 60), (40, 6), (80, 24)])
def test_it_lives_with_a_resize(watching, width, height) -> None:
    watching.see("watching")
    watching.resize(width, height)

    def is_drawn(shown: str) -> bool:
        """The heading in the first line, the keys in the last one, the position between them."""
        lines = shown.rstrip("\n").split("\n")
        whole = lines[0].startswith(" Trade Manager") and len(lines) == height and "q quit" in lines[-1]
        return whole and fits(shown, width, height) and "Will i" in shown

    watching.wait(is_drawn, f"drawn for {width}x{height}")


def test_pause_is_asked_for_and_resumed(watching, place) -> None:
    watching.press("p")
    watching.see("Pause? No order leaves")
    watching.press("n")
    watching.see("q quit")
    assert place.tm("status")["paused"] is False
    watching.press("p")
    watching.see("Pause? No order leaves")
    watching.press("y")
    watching.see("PAUSED since", "nothing is guarded (from tm watch)   tm resume", "p resume")
    assert place.tm("status")["pause"]["reason"] == "from tm watch"
    watching.press("p")
    watching.see("Resume? Orders leave again")
    watching.press("y")
    watching.see("watching", "p pause")
    assert place.tm("status")["paused"] is False


def test_a_pause_by_somebody_else_shows_within_a_moment(watching, place) -> None:
    place.tm("pause", "moving the wallet")
    watching.see("PAUSED", "moving the wallet")


def test_reading_now_shows_what_no_tick_has_read(place, tmp_path) -> None:
    terminal = Terminal(tmp_path, place.environ)
    terminal.run(*TM, "watch")
    terminal.see(RAIN, "100 ×")
    place.exchange.hold("rain", "70")
    terminal.press("r")
    terminal.see("70 ×")
    terminal.close()


@pytest.mark.parametrize(("keys", "code"), [("q", 0), ("C-c", 130)])
def test_it_ends_cleanly_and_gives_the_terminal_back(watching, keys, code) -> None:
    watching.see("q quit")
    assert watching.on_alternate_screen()
    watching.press(keys)
    shown = watching.see(f"ended {code}")
    assert "Traceback" not in shown
    assert not watching.on_alternate_screen()
    watching.press("echo typ''ed", "Enter")  # what is typed is seen again, and lines are lines
    assert watching.see("typed").count("echo typ") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_it_leaves_the_terminal_as_it_was(watching, number) -> None:
    watching.see("q quit")
    os.kill(watching.child(), number)
    watching.see(f"ended {128 + number}")
    assert not watching.on_alternate_screen()


def test_it_can_be_stopped_and_taken_up_again(watching) -> None:
    watching.see("q quit")
    watching.press("C-z")
    watching.see("Stopped")
    assert not watching.on_alternate_screen()
    watching.press("fg", "Enter")
    watching.see("Trade Manager", "watching", "q quit")
    assert watching.on_alternate_screen()
    watching.press("q")
    watching.see("ended")


def test_a_database_that_goes_away_is_said_on_the_screen(watching, place) -> None:
    watching.see("q quit")
    database = place.state / "trade-manager.db"
    database.rename(database.with_suffix(".away"))
    database.mkdir()  # nothing can be read any more: said on the screen, and not the end
    watching.see(" ! cannot read the database")
    assert watching.on_alternate_screen()
    watching.press("q")
    watching.see("ended 0")


def test_more_than_fits_is_scrolled(place, tmp_path) -> None:
    for number in range(20):
        place.hold(f"t{number}", f"Market number {number:02d}?")
    terminal = Terminal(tmp_path, place.environ)
    terminal.run(*TM, "watch")
    assert "number 19" not in terminal.see("Market number 00", "more lines")
    for _ in range(20):
        terminal.press("Down")
    terminal.see("number 19", "↑")
    terminal.press("Up", "Up")
    terminal.see("more lines")
    terminal.close()


def test_a_hostile_title_cannot_drive_the_terminal(place, tmp_path) -> None:
    place.hold("evil", "\x1b[2J\x1b]0;owned\x07 nice\nline", shares="5")
    terminal = Terminal(tmp_path, place.environ)
    terminal.run(*TM, "watch")
    shown = terminal.see("nice line", RAIN)
    assert fits(shown, 80, 24)
    terminal.close()


def test_in_a_pipe_it_prints_one_record_and_ends(place) -> None:
    seen = place.tm("watch")
    assert (seen["paper"], seen["positions"][0]["tokenId"]) == (True, "rain")


def test_a_terminal_without_a_cursor_gets_one_frame(place, tmp_path) -> None:
    terminal = Terminal(tmp_path, place.environ)
    terminal.run("env", "TERM=dumb", *TM, "watch")
    shown = terminal.see("ended 0", RAIN, "PAPER")
    assert "q quit" not in shown
    terminal.close()


def test_what_is_wrong_from_the_start_is_said_on_the_ordinary_screen(place, tmp_path) -> None:
    (place.state / "trade-manager.json").write_text(json.dumps({"prot": 1}))
    terminal = Terminal(tmp_path, place.environ)
    terminal.run(*TM, "watch")
    terminal.see("error:", "prot", "ended 78")
    terminal.close()


def test_no_colour_where_none_is_wanted(watching, place, tmp_path) -> None:
    assert "\x1b[32m" in watching.screen(colours=True)
    terminal = Terminal(tmp_path, {**place.environ, "NO_COLOR": "1"})
    terminal.run(*TM, "watch")
    terminal.see("watching")
    assert "\x1b[32m" not in terminal.screen(colours=True)
    terminal.close()


def test_no_process_is_left_behind(watching) -> None:
    watching.see("q quit")
    pid = watching.child()
    watching.press("q")
    watching.see("ended 0")
    assert subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode == 1
