"""Log lines: one line whatever the values hold, and never a secret."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tm.logs import about, log, set_level


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    yield
    set_level("info")


def test_a_line_says_what_and_then_key_and_value(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    log(
        "rule triggered", rule_id="c1", price=Decimal("1E+2"), label="Trump · Yes", at=at, dry=True, gone=None
    )
    line = (
        'info rule triggered ruleId=c1 price=100 label="Trump · Yes" at=2026-01-31T12:00:00.000Z dry=true\n'
    )
    assert capsys.readouterr().err == line


def test_control_characters_cannot_forge_a_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    log("odd\nwhat", text='a\nerror forged="1" \x1b[31m\u2028', empty="")
    err = capsys.readouterr().err
    assert err == r'info odd\nwhat text="a\nerror forged=\"1\" \x1b[31m\u2028" empty=""' + "\n"


def test_a_vincent_key_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    log("refused ssk_abc123", reason="Bearer ssk_abc-123_x is unknown")
    assert capsys.readouterr().err == 'info refused ssk_*** reason="Bearer ssk_*** is unknown"\n'


def test_under_systemd_a_line_begins_with_its_priority(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    log("breaker open", "warning")
    assert capsys.readouterr().err == "<4>breaker open\n"


def test_what_is_less_serious_than_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_level("warning")
    log("a", "notice")
    log("b", "warning")
    log("c", "error")
    assert capsys.readouterr().err == "warning b\nerror c\n"


def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    log("nobody hears")


def test_every_line_within_a_request_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    with about(request_id="r1"):
        log("rule_created", rule_id="c1")
    log("paused")
    assert capsys.readouterr().err == "info rule_created ruleId=c1 requestId=r1\ninfo paused\n"
