"""One case: a scenario meets an outcome, the process dies at a point, ticks go on until all is quiet."""

from __future__ import annotations

import random
import time
import traceback
from dataclasses import dataclass, field

from tests.gateway import Gateway
from tests.proof.oracle import is_quiet, verdict
from tests.proof.place import Place, a_place
from tests.proof.scenarios import Outcome, Scenario
from tm import points

QUICK_TICKS = 14  # every 15 s; then the waits for people are gone through in bigger steps
SLOW_STEP = 150.0  # seconds
QUIET_WITHIN = 60  # ticks: over two hours, and any horizon passes in 36 minutes

TWICE = 0.3  # how many of the cases are repeated with a second death, in the recovery

SPENDS = ("vincent.bet.after", "vincent.redeem.after", "vincent.cancel.after", "agent.wake.after")

LATER = 3600.0  # seconds until judgement: what can still turn out otherwise has done so by then

Kill = tuple[int, str]  # the step (0: what is handed in; n: the nth tick) and the point


@dataclass
class Result:
    """`passed`: step and point, the first time each; `recovery`: points passed by ticks after a kill."""

    name: str
    kills: list[Kill] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    recovery: set[str] = field(default_factory=set)
    hits: list[str] = field(default_factory=list)
    orders: int = 0

    def __str__(self) -> str:
        return f"{self.name}, killed at {self.kills}: {'; '.join(self.wrong) or 'as it should be'}"


class _Drive:
    """Carries one case out, step by step."""

    def __init__(self, place: Place, scenario: Scenario, outcome: Outcome, kills: list[Kill]) -> None:
        self.place, self.scenario, self.outcome = place, scenario, outcome
        self.kills = dict(kills)
        self.result = Result(f"{scenario.name} / {outcome.name}", list(kills))

    def run(self) -> Result:
        place, scenario = self.place, self.scenario
        scenario.prepare(place)
        place.tick()
        self.outcome.apply(place)
        scenario.price(place, self.outcome.depth)
        if self._step(0, lambda: scenario.strike(place)):
            scenario.strike(place)  # whoever hands it in is not told, and does it again
        number = 0
        for number in range(1, QUIET_WITHIN + 1):
            if self.outcome.depth != "10000":
                scenario.price(place, self.outcome.depth)
            self._step(number, place.one_tick)
            place.watch.look()
            scenario.each(place)
            if number == QUICK_TICKS and place.watch.unheard:
                self.outcome.by_hand(place)
            if is_quiet(place) and not any(step > number for step in self.kills):
                break
            place.clock.advance(15 if number < QUICK_TICKS else SLOW_STEP)
        else:
            self.result.wrong.append(f"not quiet after {QUIET_WITHIN} ticks")
        place.clock.advance(LATER)
        self.result.wrong += verdict(
            place,
            asked=scenario.shares,
            must_sell=scenario.must_sell and not self.outcome.refuses,
            may_cancel=scenario.may_cancel,
        )
        self.result.orders = len(place.now_orders())
        return self.result

    def _step(self, number: int, what) -> bool:
        """Do a step, killed or to its end; say whether it was killed."""
        at_point = self.kills.get(number)
        if at_point is not None and self.place.killed(what, at_point):
            self.result.hits.append(at_point)
            if at_point in ("vincent.bet.after", "answer.commit.before_commit"):
                self.place.watch.unheard = True
            return True
        if at_point is not None:
            return False  # the child did the step, to its end

        def note(name: str) -> None:
            self.result.passed.setdefault(name, number)
            if self.result.hits:
                self.result.recovery.add(name)

        points.set_hook(note)
        try:
            what()
        finally:
            points.set_hook(None)
        return False


def run_case(gateway: Gateway, scenario: Scenario, outcome: Outcome, kills: list[Kill]) -> Result:
    """Run one case; what it raises is one more thing that is wrong with it."""
    with a_place(gateway) as place:
        drive = _Drive(place, scenario, outcome, kills)
        try:
            return drive.run()
        except Exception:
            drive.result.wrong.append(traceback.format_exc(limit=-4))
            return drive.result


@dataclass
class Tally:
    """What cases came to; `first`: where each point was first passed, for those that were not killed at."""

    cases: int = 0
    killed: set[str] = field(default_factory=set)
    first: dict[str, tuple[str, str, list[Kill]]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    orders: int = 0
    seconds: float = 0.0

    def add(self, result: Result, scenario: str, outcome: str) -> None:
        self.cases += 1
        self.killed.update(result.hits)
        self.orders += result.orders
        for name, step in result.passed.items():
            self.first.setdefault(name, (scenario, outcome, [*result.kills, (step, name)]))
        if result.wrong:
            self.bad.append(str(result))

    def join(self, other: Tally) -> None:
        self.cases += other.cases
        self.killed |= other.killed
        self.first = {**other.first, **self.first}
        self.bad += other.bad
        self.orders += other.orders
        self.seconds += other.seconds


def stretches(passed: list[str]) -> list[list[str]]:
    """Given points in the order in which they were first passed, return them in stretches.

    Within a stretch nothing lasting happens, neither on disk nor outside, so a death at one of its points
    leaves what a death at another leaves.
    """
    found: list[list[str]] = [[]]
    for name in passed:
        lasting = name.endswith(".after_commit") or name == "order.marked"
        if (lasting or name in SPENDS) and found[-1]:
            found.append([])
        found[-1].append(name)
    return found


def run_pair(scenario: Scenario, outcome: Outcome, seed: int, share: float | None) -> Tally:
    """Given a scenario and an outcome, die once in each stretch that they pass, a few times twice.

    `share`: only in so many of the stretches, chosen by the seed. None: at every single point.
    """
    tally, chance = Tally(), random.Random(f"{seed}:{scenario.name}:{outcome.name}")
    started = time.process_time()

    def run(gateway: Gateway, kills: list[Kill]) -> Result:
        result = run_case(gateway, scenario, outcome, kills)
        if kills and not result.hits:
            result.wrong.append("the point was not reached a second time")
        tally.add(result, scenario.name, outcome.name)
        return result

    with Gateway() as gateway:
        whole = run(gateway, [])
        for stretch in stretches(list(whole.passed)):
            if share is not None and chance.random() >= share:
                continue
            for name in stretch if share is None else [chance.choice(stretch)]:
                step = whole.passed[name]
                result = run(gateway, [(step, name)])
                if result.recovery and chance.random() < TWICE:
                    later = (step + chance.choice((1, 1, 1, 2)), chance.choice(sorted(result.recovery)))
                    run(gateway, [(step, name), later])
    tally.seconds = time.process_time() - started
    return tally
