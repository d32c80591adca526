"""How long a wait is, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm.rules.backoff import MAX_JOB_SECONDS, MAX_REARM_SECONDS, is_due, job_delay, rearm_delay

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_stop_that_sold_nothing_tries_again_after_15_30_60_and_then_120_seconds_for_ever() -> None:
    assert [rearm_delay(count) for count in (1, 2, 3, 4, 5, 1000)] == [15, 30, 60, 120, 120, 120]
    assert rearm_delay(0) == 15


def test_dust_is_tried_once_an_hour() -> None:
    assert [rearm_delay(count, dust=True) for count in (1, 9)] == [3600, 3600]


@pytest.mark.parametrize(("n", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 900), (10**9, 900)])
def test_a_job_waits_twice_as_long_each_time_up_to_a_quarter_of_an_hour(n: int, seconds: int) -> None:
    assert seconds * 0.9 <= job_delay("c123", n) <= seconds * 1.1


def test_a_jobs_delays_repeat_and_differ_between_jobs() -> None:
    assert job_delay("c123", 3) == job_delay("c123", 3) == pytest.approx(59.574, abs=0.01)
    assert len({job_delay(f"c{number}", 3) for number in range(50)}) == 50


@given(st.text(max_size=30), st.integers(-5, 10**6))
def test_no_job_waits_longer_than_the_longest_wait(job_id: str, n: int) -> None:
    assert 13 < job_delay(job_id, n) <= MAX_JOB_SECONDS


def test_a_wait_is_over_at_its_instant() -> None:
    later = NOW + timedelta(seconds=15)
    assert is_due(None, NOW, MAX_REARM_SECONDS)
    assert not is_due(later, NOW, MAX_REARM_SECONDS)
    assert is_due(later, later, MAX_REARM_SECONDS)


def test_an_instant_farther_off_than_any_wait_is_due_now() -> None:
    assert not is_due(NOW + timedelta(seconds=120), NOW, 120)
    assert is_due(NOW + timedelta(seconds=121), NOW, 120)
    assert is_due(NOW + timedelta(seconds=MAX_REARM_SECONDS, hours=1), NOW, MAX_REARM_SECONDS)
