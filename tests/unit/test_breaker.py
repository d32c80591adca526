"""When Vincent is left alone, and when it is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tm.rules.breaker import Breaker, after_tick, state

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def after(breaker: Breaker, *, failed: bool, now: datetime = NOW) -> Breaker:
    return after_tick(breaker, failed, now, threshold=5, cooldown_seconds=60)


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(5):
        breaker = after(breaker, failed=True)
    return breaker


def test_four_failures_in_a_row_do_not_open_it_and_the_fifth_does() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker = after(breaker, failed=True)
        assert state(breaker, NOW, 60) == "closed"
    breaker = after(breaker, failed=True)
    assert breaker == Breaker(5, NOW + timedelta(seconds=60))
    assert state(breaker, NOW, 60) == "open"


def test_one_success_forgets_the_failures_before_it() -> None:
    assert after(Breaker(4), failed=False) == Breaker()


def test_it_is_half_open_when_the_cooldown_is_over() -> None:
    assert state(opened(), NOW + timedelta(seconds=59), 60) == "open"
    assert state(opened(), NOW + timedelta(seconds=60), 60) == "half_open"


def test_the_probe_decides() -> None:
    later = NOW + timedelta(seconds=60)
    assert after(opened(), failed=False, now=later) == Breaker()
    again = after(opened(), failed=True, now=later)
    assert again == Breaker(6, later + timedelta(seconds=60))
    assert state(again, later, 60) == "open"


def test_a_failed_probe_opens_it_anew_when_the_threshold_was_raised_meanwhile() -> None:
    breaker = Breaker(2, NOW)
    assert after(breaker, failed=True).open_until == NOW + timedelta(seconds=60)


def test_a_clock_set_back_an_hour_does_not_keep_it_open() -> None:
    assert state(opened(), NOW - timedelta(hours=1), 60) == "half_open"
