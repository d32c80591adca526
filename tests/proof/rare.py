"""Rare moments: what no sale passes. Each is killed at every point that it passes, then done again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from tests.gateway import Gateway
from tests.proof.place import Place, a_place
from tests.world import TOKEN
from tm import points
from tm.config import vincent_key
from tm.errors import Conflict
from tm.model import AlertStatus, JobStatus, RuleStatus
from tm.service import alerts as alert_cases
from tm.service import control, jobs, positions, rules
from tm.service.new_alert import new_alert
from tm.service.new_rule import new_rule
from tm.store import alerts as alert_table
from tm.store import attempts, history, state
from tm.store import rules as rule_table
from tm.store.db import open_store
from tm.venue.paper.faults import Fault
from tm.venue.vincent import Vincent

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


# ---- what a person does --------------------------------------------------------------------------


def _new_rule(place: Place) -> object:
    body = {"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": TOKEN, "triggerPrice": "0.40",
            "action": {"type": "SELL_ALL"}}  # fmt: skip
    with place.context() as context:
        return rules.add_rule(context, new_rule(body))


def _only_rule(place: Place):
    with place.store() as store:
        return rule_table.listing(store.conn)[0]


def _rules_are_whole(place: Place) -> str | None:
    """A rule that was acknowledged is there, and each has its RULE_CREATED."""
    with place.store() as store:
        known = rule_table.listing(store.conn)
    created = sum(kind == "RULE_CREATED" for kind in place.events())
    if not 1 <= len(known) <= 2 or created != len(known):
        return f"{len(known)} rules, {created} were created"
    return None


def _edit(place: Place) -> None:
    with place.context() as context:
        rules.edit_rule(context, _only_rule(place).id, Decimal("0.35"))


def _cancel(place: Place) -> None:
    with place.context() as context:
        rules.cancel_rule(context, _only_rule(place).id)


def _pause(place: Place) -> None:
    with place.context() as context:
        control.pause(context, "because")


def _resume(place: Place, *, restored: bool = False) -> None:
    with place.context() as context:
        control.resume(context, restored=restored)


def _paused(place: Place) -> object:
    with place.store() as store:
        return state.paused(store.conn)


def _guarded(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40")
    place.tick()


def _falls(place: Place) -> None:
    _guarded(place)
    place.price("0.39")


def _falls_while_paused(place: Place) -> None:
    _falls(place)
    _pause(place)


def _is(status: RuleStatus) -> Callable[[Place], str | None]:
    def check(place: Place) -> str | None:
        found = _only_rule(place).status
        return None if found is status else f"the rule is {found}, not {status}"

    return check


def _sold(shares: int) -> Callable[[Place], str | None]:
    return lambda place: None if place.sold() == shares else f"sold {place.sold()}, not {shares}"


# ---- restored, expired, closed -------------------------------------------------------------------


def _old_copy(place: Place) -> None:
    """The database is put back to a moment before the first order."""
    _guarded(place)
    with place.store() as store:
        store.conn.execute("VACUUM INTO ?", (str(place.state_dir / "copy.db"),))
    place.price("0.39")
    place.tick(3)
    database = place.settings.database_path
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    shutil.move(place.state_dir / "copy.db", database)
    place.exchange.hold(TOKEN, 100)


def _old_copy_noticed(place: Place) -> None:
    _old_copy(place)
    place.tick()


def _stays_paused(place: Place) -> str | None:
    return None if _paused(place) and len(place.now_orders()) == 1 else "an old copy sent an order"


def _goes_on(place: Place) -> str | None:
    return None if not _paused(place) and len(place.now_orders()) == 2 else "it does not go on"


def _knows_machine(place: Place) -> str | None:
    from tm.engine import files

    with place.store() as store:
        known = state.get(store.conn, state.MACHINE_ID)
    return None if known == files.machine_id() else "the machine is not remembered"


def _late_rule(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40", expires_at=place.now() + timedelta(seconds=20))
    place.tick()
    place.clock.advance(10)
    place.price("0.39")


def _sold_by_hand(place: Place) -> None:
    _guarded(place)
    place.tick(5)
    place.exchange.user_sell(TOKEN, 100)
    place.tick(4)
    place.clock.advance(45)


def _ticks_of_a_while(place: Place) -> None:
    place.one_tick()


# ---- alerts and their jobs -----------------------------------------------------------------------


def _received(place: Place) -> None:
    """An alert that another program left RECEIVED, without its job."""
    place.hold()
    made = place.order_alert()
    with place.store() as store, store.write("test.received") as conn:
        conn.execute("DELETE FROM harness_jobs WHERE alert_id = ?", (made,))
        conn.execute("UPDATE alert_events SET status = 'RECEIVED' WHERE id = ?", (made,))


def _late_alert(place: Place) -> None:
    place.hold()
    body = {"source": "proof", "alertType": "test", "mode": "EXECUTE_TXN", "idempotencyKey": "late",
            "expiresAt": (place.now() + timedelta(seconds=5)).isoformat(),
            "payload": {"marketId": "m", "tokenId": TOKEN, "action": "SELL_ALL"}}  # fmt: skip
    with place.context() as context:
        alert_cases.ingest_alert(context, new_alert(body))
    place.clock.advance(10)


def _thin_alert(place: Place) -> None:
    place.hold(bid_depth="2")
    place.order_alert()
    place.tick(2)
    place.clock.advance(30)


def _thin_for_long(place: Place) -> None:
    _thin_alert(place)
    place.tick(2)
    place.clock.advance(16 * 60)


def _alert_is(status: AlertStatus, sold: int = 0) -> Callable[[Place], str | None]:
    def check(place: Place) -> str | None:
        with place.store() as store:
            (alert,) = alert_table.listing(store.conn)
        ok = alert.status is status and place.sold() == sold
        return None if ok else f"the alert is {alert.status}, sold {place.sold()}"

    return check


def _order_job(place: Place):
    return next(job for job in place.jobs() if job.alert_id is not None)


def _job_case(case: Callable) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        with place.context() as context, suppress(Conflict):
            case(context, _order_job(place).id)

    return act


def _failed_alert(place: Place) -> None:
    place.hold()
    place.exchange.fault(Fault("bet", "denied"))
    place.order_alert()
    place.tick()


def _undecided(place: Place) -> None:
    place.hold()
    place.exchange.settings(trade_lag=5000.0)
    place.exchange.fault(Fault("bet", "drop", after=True))
    place.order_alert({"type": "SELL_PARTIAL", "amount": 60})
    place.tick(3)


def _resolve(place: Place) -> None:
    with place.context() as context, suppress(Conflict):
        jobs.resolve_job(context, _order_job(place).id, Decimal(60), by="proof", sure=True)


def _resolved(place: Place) -> str | None:
    with place.store() as store:
        open_ones = attempts.open_ones(store.conn)
    if open_ones or _order_job(place).status is not JobStatus.SUCCEEDED or place.sold() != 60:
        return "an order that was settled by hand is not settled"
    return None


def _wake_twice_told(place: Place) -> str | None:
    told = [text for text in place.gateway.texts if "still waits" in text]
    return None if told else "nobody was told of an alert that waits for long"


# ---- redemption, the CLOB, trouble ---------------------------------------------------------------


def _resolved_market(place: Place) -> None:
    place.hold()
    place.tick()
    place.exchange.resolve(f"0xmarket-{TOKEN}", TOKEN)


def _redeem(place: Place) -> None:
    place.order_alert("REDEEM", key="redeem")
    place.one_tick()


def _redeemed(place: Place) -> str | None:
    if place.held() != 0:
        return "not redeemed"
    return _alert_is(AlertStatus.PROCESSED)(place)


def _clob(place: Place) -> None:
    place.configure(agentWakeUrl=place.gateway.url, priceSource="clob", clobUrl=place.paper.url)
    _falls(place)


def _holdings_down(place: Place) -> None:
    _guarded(place)
    place.exchange.fault(Fault("holdings", "status", status=503, count=14))
    place.tick(4)


def _recovers(place: Place) -> str | None:
    place.tick(12)
    with place.store() as store:
        circuit = state.breaker(store.conn)
    return None if circuit.open_until is None and circuit.failures == 0 else "the breaker stays open"


def _limited(place: Place) -> None:
    _falls(place)
    place.exchange.fault(Fault("holdings", "rate_limit", seconds=20))


def _list_positions(place: Place) -> None:
    with place.context() as context:
        positions.list_positions(context)


def _read_book(place: Place) -> None:
    """What `tm rule add` reads for a level in percent of the entry."""
    with place.context() as context:
        positions.refresh(context)
        positions.refresh_quote(context, TOKEN)


def _quote_is_known(place: Place) -> str | None:
    with place.store() as store:
        seen = list(history.oldest_first(store.conn, TOKEN))
    return None if seen and seen[-1].bid is not None else "the quote was not remembered"


def _two_cheap_reads(place: Place) -> None:
    with Vincent(place.settings.vincent_api_url, vincent_key(place.settings), clock=place.now) as venue:
        venue.balance()
        venue.market(f"0xmarket-{TOKEN}")


def _long_ago(place: Place) -> None:
    """Evaluations and alerts of a long time ago, which nobody needs any more."""
    _guarded(place)
    place.alert("old", "IGNORE", note="x")
    place.clock.advance(100 * 86400)


def _tidied(place: Place) -> str | None:
    before = place.now() - timedelta(days=50)
    with place.store() as store:
        query = "SELECT count(*) FROM rule_events WHERE event_type = 'RULE_EVALUATED' AND created_at < ?"
        (left,) = store.conn.execute(query, (before.isoformat(),)).fetchone()
    return f"{left} old evaluations are left" if left else None


def _migrate(place: Place) -> None:
    with open_store(place.settings.database_path) as store:
        store.conn.execute("SELECT count(*) FROM trade_rules")


def _lost_order(place: Place) -> None:
    """A tick died while its order was out, and another while it woke the agent."""
    _falls(place)
    assert place.killed(place.one_tick, "vincent.bet.after")
    place.clock.advance(15)


def _lost_wake(place: Place) -> None:
    _falls(place)
    assert place.killed(place.one_tick, "agent.wake.after")
    place.clock.advance(15)


def _heard_twice(place: Place) -> str | None:
    ids = {text[: text.index("]")] for text in place.gateway.texts if "Sold 100" in text}
    return None if len(ids) == 1 and len(place.gateway.texts) >= 2 else "not sent again as the same wake"


def _behind_a_full_page(place: Place) -> None:
    """Holdings show 100 rows at most; an alert sells part of what they hide."""
    for number in range(100):
        place.exchange.create(f"a{number}", shares="500")
    place.hold(shares="50")
    place.order_alert({"type": "SELL_PARTIAL", "amount": 30})


def _sold_or_left_open(place: Place) -> str | None:
    """Where nobody knows what is held, nothing proves that a lost order sold nothing: it stays open."""
    outcomes = [attempt.outcome for attempt in place.attempts()]
    return None if outcomes == ["unknown"] else _sold(30)(place)


def _gateway_down(place: Place) -> None:
    _falls(place)
    place.gateway.answer(503, times=2)


def _told_in_the_end(place: Place) -> str | None:
    return None if any("Sold 100" in text for text in place.gateway.texts) else "nobody was told of the sale"


def _lost_and_sold_by_hand(place: Place) -> None:
    """An order never arrived, and the owner sold as much by hand: that was not ours."""
    place.hold(shares="300")
    place.rule("STOP_LOSS", "0.40", sell="60")
    place.configure(agentWakeUrl=place.gateway.url, approvals="never", priceSource="vincent")
    place.tick()
    place.price("0.39")
    place.exchange.fault(Fault("bet", "drop"))
    place.tick()
    place.exchange.user_sell(TOKEN, 30)
    place.exchange.user_sell(TOKEN, 30)


def _rests(place: Place) -> None:
    _falls(place)
    place.exchange.fault(Fault("bet", "live"))
    place.tick()


def _canceled_at_venue(place: Place) -> str | None:
    resting = [order for order in place.now_orders() if order["status"] == "live"]
    return "our order still rests" if resting else None


RARE = [
    Rare("first opening", _migrate, lambda place: None, ticks=1),
    Rare("rule add", _new_rule, _rules_are_whole, lambda place: place.hold()),
    Rare("rule edit", _edit, lambda place: _sold(0)(place), _guarded),
    Rare("rule cancel", _cancel, _is(RuleStatus.CANCELED), _falls),
    Rare("pause", _pause, _sold(0), _falls),
    Rare("resume", _resume, _sold(100), _falls_while_paused),
    Rare("remember the machine", _ticks_of_a_while, _knows_machine, _falls),
    Rare("an old copy", _ticks_of_a_while, _stays_paused, _old_copy),
    Rare("resume --restored", lambda place: _resume(place, restored=True), _goes_on, _old_copy_noticed),
    Rare("a rule expires", _ticks_of_a_while, _is(RuleStatus.EXPIRED), _late_rule),
    Rare("position closed", _ticks_of_a_while, _is(RuleStatus.CANCELED), _sold_by_hand, ticks=8),
    Rare("an alert left RECEIVED", _ticks_of_a_while, _alert_is(AlertStatus.PROCESSED, 100), _received,
         ticks=14),
    Rare("an alert too late", _ticks_of_a_while, _alert_is(AlertStatus.FAILED), _late_alert),
    Rare("an alert on a thin book", _ticks_of_a_while, _alert_is(AlertStatus.QUEUED), _thin_alert),
    Rare("an alert that waits for long", _ticks_of_a_while, _wake_twice_told, _thin_for_long),
    Rare("paused alert", _ticks_of_a_while, _alert_is(AlertStatus.QUEUED),
         lambda place: (place.hold(), _pause(place), place.order_alert())),
    Rare("job retry", _job_case(jobs.retry_job), _alert_is(AlertStatus.PROCESSED, 100), _failed_alert),
    Rare("job cancel", _job_case(jobs.cancel_job), _alert_is(AlertStatus.FAILED), _thin_alert),
    Rare("job resolve", _resolve, _resolved, _undecided),
    Rare("redeem", _redeem, _redeemed, _resolved_market, KEY, ticks=20),
    Rare("books from the CLOB", _ticks_of_a_while, _sold(100), _clob, ticks=14),
    Rare("the breaker opens", _ticks_of_a_while, _recovers, _holdings_down),
    Rare("Vincent asks to wait", _ticks_of_a_while, _sold(100), _limited, ticks=5),
    Rare("positions listed", _list_positions, _sold(0), lambda place: place.hold()),
    Rare("a book read for a level", _read_book, _quote_is_known, lambda place: place.hold()),
    Rare("balance and market", _two_cheap_reads, _sold(0), lambda place: place.hold()),
    Rare("retention", _ticks_of_a_while, _tidied, _long_ago),
    Rare("an order's orphan", _ticks_of_a_while, _sold(100), _lost_order, ticks=5),
    Rare("a wake's orphan", _ticks_of_a_while, _heard_twice, _lost_wake, ticks=5),
    Rare("a full page", _ticks_of_a_while, _sold_or_left_open, _behind_a_full_page),
    Rare("a gateway that comes back", _ticks_of_a_while, _told_in_the_end, _gateway_down, ticks=16),
    Rare(
        "sold by hand meanwhile",
        _ticks_of_a_while,
        lambda place: None if place.held() == 180 else f"{place.held()} are left of 300 - 60 - 60",
        _lost_and_sold_by_hand,
        ticks=20,
    ),
    Rare("our order rests", _ticks_of_a_while, _canceled_at_venue, _rests),
]  # fmt: skip
