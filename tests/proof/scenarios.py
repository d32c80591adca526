"""What is asked for (scenarios), and what the exchange or the gateway makes of it (outcomes)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from tests.proof.place import Place
from tm.errors import Conflict
from tm.venue.paper.faults import Fault

DEEP = "10000"


def _nothing(place: Place) -> None:
    pass


@dataclass(frozen=True)
class Outcome:
    """`apply` scripts the exchange before the condition comes true; `depth` of the bids at each tick."""

    name: str
    faults: tuple[Fault, ...] = ()
    manners: dict = field(default_factory=dict)
    depth: str = DEEP
    gateway: Callable[[Place], None] = _nothing
    refuses: bool = False  # the outcome ends a rule or an alert as FAILED
    unheard: bool = False  # an approval is pending that we never hear of
    by_hand: Callable[[Place], None] = _nothing  # what a person who was told does if we never heard

    def apply(self, place: Place) -> None:
        place.watch.unheard = self.unheard
        if self.manners:
            place.exchange.settings(**self.manners)
        if self.faults:
            place.exchange.fault(*self.faults)
        self.gateway(place)


def _bet(kind: str, **more) -> Fault:
    return Fault("bet", kind, **more)


KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
SLOW = {"trade_lag": 60.0, "holdings_lag": 30.0, "mined_after": 20.0, "confirmed_after": 40.0}


def _cancel_resting(place: Place) -> None:
    """A market order that rests, its answer lost, looks like the owner's own: the owner has to cancel it."""
    for order in place.now_orders():
        if order["status"] == "live":
            place.exchange.user_cancel(order["id"])


OUTCOMES = [
    Outcome("matched"),
    Outcome("matched, slow rows", manners=SLOW),
    Outcome("split rows", (_bet("split", rows=3, seconds=20),)),
    Outcome("split rows, lost answer", (_bet("split", rows=3, seconds=20), _bet("drop", after=True))),
    Outcome("dropped after acceptance", (_bet("drop", after=True),)),
    Outcome("dropped before acceptance", (_bet("drop"),)),
    Outcome("killed FOK", (_bet("bet_failed", message=KILLED, count=2),)),
    Outcome("thin book", depth="35"),
    Outcome("202 granted late", (_bet("approval", seconds=900),)),
    Outcome("202 never", (_bet("approval"),)),
    Outcome("202 denied", (_bet("approval", seconds=300, deny=True),)),
    Outcome(
        "202 with a lost answer", (_bet("approval", seconds=1500), _bet("drop", after=True)), unheard=True
    ),
    Outcome("denied", (_bet("denied"),), refuses=True),
    Outcome("429 with Retry-After", (_bet("rate_limit", seconds=40),)),
    Outcome("BET_FAILED, but filled", (_bet("bet_failed", message="socket hang up", after=True),)),
    Outcome("BET_FAILED, not filled", (_bet("bet_failed", message="socket hang up"),)),
    Outcome("MATCHED turns FAILED", (_bet("fail_trades", seconds=20),), {"confirmed_after": 40.0}),
    Outcome("delayed, then matched", (_bet("delayed", seconds=10),)),
    Outcome("delayed, then unmatched", (_bet("delayed", seconds=10, deny=True),)),
    Outcome("unmatched", (_bet("unmatched"),)),
    Outcome("rests", (_bet("live"),), by_hand=_cancel_resting),
    Outcome("401", (_bet("unauthorized"),)),
    Outcome("garbage 200", (_bet("garbage"),)),
    Outcome("a proxy's page", (_bet("page", status=502),)),
    Outcome(
        "looks fail",
        (
            _bet("drop", after=True),
            Fault("trades", "status", status=500, skip=1, count=3),
            Fault("open_orders", "truncated", skip=1, count=2),
        ),
    ),
    Outcome("holdings limited", (Fault("holdings", "rate_limit", seconds=30),)),
    Outcome("gateway down twice", gateway=lambda place: place.gateway.answer(503, times=2)),
    Outcome("gateway drops", gateway=lambda place: place.gateway.answer(None, times=2, accepts=True)),
    Outcome("gateway refuses", gateway=lambda place: place.gateway.answer(404)),
]


@dataclass(frozen=True)
class Scenario:
    """`strike` hands something in (it may be killed, and then done again); `each` runs at every tick."""

    name: str
    prepare: Callable[[Place], None]
    strike: Callable[[Place], None]
    asked: str  # shares, all rules and alerts together
    bid: str = "0.39"  # while the condition holds
    each: Callable[[Place], None] = _nothing
    may_cancel: bool = False
    must_sell: bool = True
    share: float = 0.15  # of its stretches at which a case dies, where not all are asked for

    def price(self, place: Place, depth: str = DEEP) -> None:
        place.price(self.bid, bid_depth=depth)

    @property
    def shares(self) -> Decimal:
        return Decimal(self.asked)


def _hold(shares: str = "100") -> Callable[[Place], None]:
    return lambda place: place.hold(shares=shares)


def _with_rule(*rule: str, shares: str = "100", **more) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        place.hold(shares=shares)
        place.rule(*rule, **more)

    return prepare


def _two(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40")
    place.rule("STOP_LOSS", "0.41")


def _two_parts(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40", sell="30")
    place.rule("STOP_LOSS", "0.41", sell="25")


def _cancel_all(place: Place) -> None:
    """The user wants every rule gone, whatever is out."""
    from tm.service.rules import cancel_rule, list_rules

    with place.context() as context:
        for rule, _ in list_rules(context, None):
            if rule.status == "TRIGGERED":
                with suppress(Conflict):
                    cancel_rule(context, rule.id)


def _wake(place: Place) -> None:
    place.alert("w1", "WAKE_AGENT", note="look at the match")


def _ask_for_part(place: Place) -> None:
    place.order_alert({"type": "SELL_PARTIAL", "amount": 60})


SCENARIOS = [
    Scenario("stop", _with_rule("STOP_LOSS", "0.40"), _nothing, "100", share=0.4),
    Scenario("target", _with_rule("TAKE_PROFIT", "0.60"), _nothing, "100", bid="0.61"),
    Scenario("trailing", _with_rule("TRAILING_STOP", None, percent="10"), _nothing, "100", bid="0.44"),
    Scenario("partial", _with_rule("STOP_LOSS", "0.40", shares="300", sell="60"), _nothing, "60", share=0.4),
    Scenario("alert sell", _hold(), lambda place: place.order_alert(), "100", share=0.4),
    Scenario("alert sell part", _hold("300"), _ask_for_part, "60"),
    Scenario("wake", _with_rule("STOP_LOSS", "0.40"), _wake, "100"),
    Scenario("two rules, one token", _two, _nothing, "100", may_cancel=True),
    Scenario("two parts, one token", _two_parts, _nothing, "55"),
    Scenario("cancel while out", _with_rule("STOP_LOSS", "0.40"), _nothing, "100", each=_cancel_all,
             may_cancel=True, must_sell=False),
    Scenario("stop and alert", _with_rule("STOP_LOSS", "0.40"), lambda place: place.order_alert(), "100",
             may_cancel=True),
]  # fmt: skip
