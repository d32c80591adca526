"""Rare moments: what no sale passes. Each is killed at every point that it passes, then done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.gateway import Gateway
from tests.proof.doings import (
    add_a_stop,
    cancel,
    edit,
    falls,
    falls_while_paused,
    goes_on,
    guarded,
    knows_machine,
    late_rule,
    old_copy,
    old_copy_noticed,
    pause,
    resume,
    rule_is,
    rules_are_whole,
    sold,
    sold_by_hand,
    stays_paused,
    ticks_of_a_while,
)
from tests.proof.place import Place, a_place
from tests.proof.troubles import (
    alert_is,
    behind_a_full_page,
    canceled_at_venue,
    clob,
    failed_alert,
    gateway_down,
    heard_twice,
    holdings_down,
    job_case,
    late_alert,
    limited,
    list_positions,
    long_ago,
    lost_and_sold_by_hand,
    lost_order,
    lost_wake,
    migrate,
    quote_is_known,
    read_book,
    received,
    recovers,
    redeem,
    redeemed,
    resolve,
    resolved,
    resolved_market,
    rests,
    sold_or_left_open,
    thin_alert,
    thin_for_long,
    tidied,
    told_in_the_end,
    two_cheap_reads,
    undecided,
    wake_twice_told,
)
from tm import points
from tm.model import AlertStatus, RuleStatus
from tm.service import jobs

KEY = {"allowedActions": ["SELL_ALL", "SELL_PARTIAL", "REDEEM"]}


@dataclass(frozen=True)
class Rare:
    """`act` may be done again after a death, as a person or a tick would; `check` says what is wrong."""

    name: str
    act: Callable[[Place], object]
    check: Callable[[Place], str | None]
    prepare: Callable[[Place], object] = lambda place: None
    flags: dict = field(default_factory=dict)
    ticks: int = 3  # afterwards


@dataclass
class RareResult:
    name: str
    at: str | None
    passed: list[str] = field(default_factory=list)
    hit: bool = False
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name}, killed at {self.at}: {'; '.join(self.wrong)}"


def run_rare(gateway: Gateway, rare: Rare, at: str | None) -> RareResult:
    result = RareResult(rare.name, at)
    with a_place(gateway, **rare.flags) as place:
        rare.prepare(place)
        if at is not None:
            result.hit = place.killed(lambda: rare.act(place), at)
            if not result.hit:
                result.wrong.append("the point was not reached a second time")
        points.set_hook(result.passed.append)
        try:
            rare.act(place)
        finally:
            points.set_hook(None)
        for _ in range(rare.ticks):
            place.tick()
            place.watch.look()
        wrong = rare.check(place)
        result.wrong += [wrong] if wrong else []
        result.wrong += place.watch.wrong + place.problem_free()
    return result


RARE = [
    Rare("first opening", migrate, lambda place: None, ticks=1),
    Rare("rule add", add_a_stop, rules_are_whole, lambda place: place.hold()),
    Rare("rule edit", edit, lambda place: sold(0)(place), guarded),
    Rare("rule cancel", cancel, rule_is(RuleStatus.CANCELED), falls),
    Rare("pause", pause, sold(0), falls),
    Rare("resume", resume, sold(100), falls_while_paused),
    Rare("remember the machine", ticks_of_a_while, knows_machine, falls),
    Rare("an old copy", ticks_of_a_while, stays_paused, old_copy),
    Rare("resume --restored", lambda place: resume(place, restored=True), goes_on, old_copy_noticed),
    Rare("a rule expires", ticks_of_a_while, rule_is(RuleStatus.EXPIRED), late_rule),
    Rare("position closed", ticks_of_a_while, rule_is(RuleStatus.CANCELED), sold_by_hand, ticks=8),
    Rare("an alert left RECEIVED", ticks_of_a_while, alert_is(AlertStatus.PROCESSED, 100), received,
         ticks=14),
    Rare("an alert too late", ticks_of_a_while, alert_is(AlertStatus.FAILED), late_alert),
    Rare("an alert on a thin book", ticks_of_a_while, alert_is(AlertStatus.QUEUED), thin_alert),
    Rare("an alert that waits for long", ticks_of_a_while, wake_twice_told, thin_for_long),
    Rare("paused alert", ticks_of_a_while, alert_is(AlertStatus.QUEUED),
         lambda place: (place.hold(), pause(place), place.order_alert())),
    Rare("job retry", job_case(jobs.retry_job), alert_is(AlertStatus.PROCESSED, 100), failed_alert),
    Rare("job cancel", job_case(jobs.cancel_job), alert_is(AlertStatus.FAILED), thin_alert),
    Rare("job resolve", resolve, resolved, undecided),
    Rare("redeem", redeem, redeemed, resolved_market, KEY, ticks=20),
    Rare("books from the CLOB", ticks_of_a_while, sold(100), clob, ticks=14),
    Rare("the breaker opens", ticks_of_a_while, recovers, holdings_down),
    Rare("Vincent asks to wait", ticks_of_a_while, sold(100), limited, ticks=5),
    Rare("positions listed", list_positions, sold(0), lambda place: place.hold()),
    Rare("a book read for a level", read_book, quote_is_known, lambda place: place.hold()),
    Rare("balance and market", two_cheap_reads, sold(0), lambda place: place.hold()),
    Rare("retention", ticks_of_a_while, tidied, long_ago),
    Rare("an order's orphan", ticks_of_a_while, sold(100), lost_order, ticks=5),
    Rare("a wake's orphan", ticks_of_a_while, heard_twice, lost_wake, ticks=5),
    Rare("a full page", ticks_of_a_while, sold_or_left_open, behind_a_full_page),
    Rare("a gateway that comes back", ticks_of_a_while, told_in_the_end, gateway_down, ticks=16),
    Rare(
        "sold by hand meanwhile",
        ticks_of_a_while,
        lambda place: None if place.held() == 180 else f"{place.held()} are left of 300 - 60 - 60",
        lost_and_sold_by_hand,
        ticks=20,
    ),
    Rare("our order rests", ticks_of_a_while, canceled_at_venue, rests),
]  # fmt: skip
