"""What another process does in the middle of a tick: at every point where the tick holds no transaction."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from tests.gateway import Gateway
from tests.proof.oracle import sold_of
from tests.proof.place import Place, a_place
from tests.world import TOKEN
from tm import points
from tm.errors import TradeManagerError
from tm.numbers import DUST_SHARES
from tm.service import control, jobs, rules
from tm.store import alerts as alert_table
from tm.store import attempts, state
from tm.store import jobs as job_table
from tm.store import rules as rule_table

TICKS = 12


@dataclass
class WithinResult:
    name: str
    at: str
    passed: list[str] = field(default_factory=list)
    hit: bool = False
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}: {'; '.join(self.wrong)}"


def _rule(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40")
    place.tick()
    place.price("0.39")


def _alert(place: Place) -> None:
    place.hold()
    place.order_alert()


STARTS: dict[str, Callable[[Place], None]] = {"stop": _rule, "alert sell": _alert}


def _pause(place: Place) -> None:
    with place.context() as context:
        control.pause(context, "a person wants it")


def _cancel(place: Place) -> None:
    """Cancel whatever is there: a rule, or an alert's job."""
    with place.context() as context:
        for rule in rule_table.listing(context.conn):
            with suppress(TradeManagerError):
                rules.cancel_rule(context, rule.id)
        for job in job_table.listing(context.conn):
            if job.alert_id is not None:
                with suppress(TradeManagerError):
                    jobs.cancel_job(context, job.id)


def _edit(place: Place) -> None:
    with place.context() as context:
        for rule in rule_table.listing(context.conn):
            with suppress(TradeManagerError):
                rules.edit_rule(context, rule.id, Decimal("0.10"))


def _second_rule(place: Place) -> None:
    place.rule("STOP_LOSS", "0.41", sell="30")


def _second_alert(place: Place) -> None:
    place.order_alert({"type": "SELL_PARTIAL", "amount": 40}, key="k2")


def _user_sells(place: Place) -> None:
    place.exchange.user_sell(TOKEN, 70)


ACTIONS: dict[str, Callable[[Place], None]] = {
    "pause": _pause, "cancel": _cancel, "edit": _edit, "second rule": _second_rule,
    "second alert": _second_alert, "user sells": _user_sells,
}  # fmt: skip


def run_within(gateway: Gateway, start: str, at: str, action: str) -> WithinResult:
    """Let somebody act when a tick passes a point for the first time; judge what follows."""
    result = WithinResult(f"within {start}, {action}", at)
    with a_place(gateway) as place:
        try:
            _run(place, result, STARTS[start], ACTIONS[action], at)
            result.wrong += _judge(place, action)
        except Exception:
            result.wrong.append(traceback.format_exc(limit=-4))
        finally:
            points.set_hook(None)
    return result


def _run(place: Place, result: WithinResult, start: Callable, act: Callable, at: str) -> None:
    start(place)
    sent_before: list[int] = []

    def pass_point(name: str) -> None:
        result.passed.append(name)
        if name != at or result.hit:
            return
        result.hit = True
        points.set_hook(None)
        sent_before.append(place.asked("bet"))
        act(place)
        sent_before.append(len(place.attempts()))
        points.set_hook(result.passed.append)

    points.set_hook(pass_point)
    place.one_tick()
    points.set_hook(None)
    if act is _pause and result.hit and len(place.attempts()) > sent_before[1]:
        result.wrong.append("an intent was committed after the pause")
    if act is _cancel and result.hit and sent_before[1] == 0 and place.asked("bet"):
        result.wrong.append("an order left after the cancel")
    for _ in range(TICKS):
        place.watch.look()
        place.clock.advance(15)
        place.one_tick()


def _judge(place: Place, action: str) -> list[str]:
    wrong = [*place.watch.wrong, *place.problem_free()]
    sold = sold_of(place.now_orders())
    held = place.held()
    with place.store() as store:
        conn = store.conn
        claimed = sum((one.filled_shares or Decimal(0) for one in attempts.listing(conn)), Decimal(0))
        paused = state.paused(conn) is not None
        live = [one.status for one in rule_table.listing(conn) if one.status == "ACTIVE"]
        waits = [one.status for one in alert_table.listing(conn) if one.status == "QUEUED"]
    if sold > 100 or claimed != sold:
        wrong.append(f"sold {sold}, written down {claimed}")
    if held >= DUST_SHARES and not paused and action not in ("cancel", "edit"):
        wrong.append(f"{held} are left, rules {live}, alerts {waits}")
    return wrong
