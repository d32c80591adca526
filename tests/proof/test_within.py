"""Somebody pauses, cancels, edits, adds or sells in the middle of a tick."""

import pytest

from tests.gateway import Gateway
from tests.proof.pool import spread
from tests.proof.within import ACTIONS, STARTS, run_within


def points_of(start: str) -> list[str]:
    """The points of a tick at which the tick holds no transaction."""
    with Gateway() as gateway:
        passed = run_within(gateway, start, "nowhere", "edit").passed
    return [name for name in dict.fromkeys(passed) if not name.endswith(".before_commit")]


def within(start: str, at: str, action: str):
    with Gateway() as gateway:
        return run_within(gateway, start, at, action)


@pytest.mark.parametrize("action", ["pause", "cancel"])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("at", ["job.claim.after_commit", "vincent.open_orders.after"])
def test_what_is_stopped_before_the_intent_is_not_sent(start, at, action):
    result = within(start, at, action)
    assert result.hit
    assert not result.wrong, result


@pytest.mark.long
def test_whoever_acts_wherever_in_a_tick_sells_nothing_twice():
    cases = [(start, at, action) for start in STARTS for at in points_of(start) for action in ACTIONS]
    results = list(spread(within, cases))
    assert len(results) > 150
    assert all(result.hit for result in results)
    wrong = [str(result) for result in results if result.wrong]
    assert not wrong, "\n".join(wrong)
