"""Death at every named point, under every outcome, in every scenario: no double order, nothing forgotten.

pytest -q -m long tests/proof/test_crash_points.py      the figures; a death in each stretch between
                                                          two lasting things, some twice
TM_POINTS=all pytest ... (as above)                       a death at every point of every case
TM_SEED=n                                                 other choices
"""

import os

import pytest

from tests.gateway import Gateway
from tests.proof.cases import Tally, run_case, run_pair
from tests.proof.points import named_points
from tests.proof.pool import spread
from tests.proof.rare import RARE, run_rare
from tests.proof.scenarios import OUTCOMES, SCENARIOS

SEED = int(os.environ.get("TM_SEED", "1"))
EVERY_POINT = os.environ.get("TM_POINTS") == "all"
BY_NAME = {one.name: one for one in [*SCENARIOS, *OUTCOMES]}
SHOWN = 20  # failures

SAMPLE = [
    ("stop", "dropped after acceptance"),
    ("partial", "split rows, lost answer"),
    ("alert sell", "BET_FAILED, but filled"),
    ("wake", "gateway drops"),
]


def pair(scenario: str, outcome: str, seed: int, share: float | None) -> Tally:
    return run_pair(BY_NAME[scenario], BY_NAME[outcome], seed, share)


def one(scenario: str, outcome: str, kills: list) -> Tally:
    tally = Tally()
    with Gateway() as gateway:
        tally.add(run_case(gateway, BY_NAME[scenario], BY_NAME[outcome], kills), scenario, outcome)
    return tally


def rare(number: int) -> Tally:
    """Kill a rare moment at each point that it passes."""
    tally, moment = Tally(), RARE[number]
    with Gateway() as gateway:
        whole = run_rare(gateway, moment, None)
        results = [whole, *(run_rare(gateway, moment, at) for at in dict.fromkeys(whole.passed))]
    for result in results:
        tally.cases += 1
        tally.killed.update([result.at] if result.hit else [])
        tally.bad += [str(result)] if result.wrong else []
    return tally


def shown(bad: list[str]) -> str:
    return "\n".join([f"{len(bad)} cases went wrong", *sorted(bad)[:SHOWN]])


def test_the_points_are_read_from_the_source():
    points = named_points()
    for name in ("intent.commit.before_commit", "vincent.bet.after", "vincent.trades.before", "order.marked"):
        assert name in points


@pytest.mark.parametrize(("scenario", "outcome"), SAMPLE)
def test_a_death_in_any_stretch_loses_nothing_and_sells_nothing_twice(scenario, outcome):
    tally = pair(scenario, outcome, SEED, 0.3)
    assert tally.killed
    assert not tally.bad, shown(tally.bad)


@pytest.mark.parametrize("name", ["resume --restored", "an alert too late"])
def test_a_death_in_a_rare_moment_loses_nothing(name):
    tally = rare([moment.name for moment in RARE].index(name))
    assert not tally.bad, shown(tally.bad)


@pytest.mark.long
def test_every_point_under_every_outcome_in_every_scenario(record_property):
    cases = [
        (scenario.name, outcome.name, SEED, None if EVERY_POINT else scenario.share)
        for scenario in SCENARIOS
        for outcome in OUTCOMES
    ]
    total = Tally()
    for tally in spread(rare, [(number,) for number in range(len(RARE))]):
        total.join(tally)
    for tally in spread(pair, cases):
        total.join(tally)
    names = named_points()
    missed = sorted((names - total.killed) & set(total.first))  # passed, and not died at by chance
    for tally in spread(one, [total.first[name] for name in missed]):
        total.join(tally)
    record_property(
        "figures",
        f"{len(names)} points x {len(OUTCOMES)} outcomes x {len(SCENARIOS)} scenarios, "
        f"{len(RARE)} rare moments: {total.cases} cases, {total.orders} orders, "
        f"{len(total.bad)} doubled, lost or forgotten "
        f"({len(total.killed & names)} points died at, {total.seconds:.0f} s of CPU)",
    )
    assert not total.bad, shown(total.bad)
    assert names - total.killed == set(), "no case dies at these points"
