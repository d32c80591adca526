"""Alerts and their jobs, redemption, trouble outside: parts of the rare moments."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from tests.proof.doings import falls, guarded, sold
from tests.proof.place import Place
from tests.world import TOKEN
from tm.config import vincent_key
from tm.errors import Conflict
from tm.model import AlertStatus, JobStatus
from tm.service import alerts as alert_cases
from tm.service import jobs, positions
from tm.service.new_alert import new_alert
from tm.store import alerts as alert_table
from tm.store import attempts, history, state
from tm.store.db import open_store
from tm.venue.paper.faults import Fault
from tm.venue.vincent import Vincent


def received(place: Place) -> None:
    """An alert that another program left RECEIVED, without its job."""
    place.hold()
    made = place.order_alert()
    with place.store() as store, store.write("test.received") as conn:
        conn.execute("DELETE FROM harness_jobs WHERE alert_id = ?", (made,))
        conn.execute("UPDATE alert_events SET status = 'RECEIVED' WHERE id = ?", (made,))


def late_alert(place: Place) -> None:
    place.hold()
    body = {"source": "proof", "alertType": "test", "mode": "EXECUTE_TXN", "idempotencyKey": "late",
            "expiresAt": (place.now() + timedelta(seconds=5)).isoformat(),
            "payload": {"marketId": "m", "tokenId": TOKEN, "action": "SELL_ALL"}}  # fmt: skip
    with place.context() as context:
        alert_cases.ingest_alert(context, new_alert(body))
    place.clock.advance(10)


def thin_alert(place: Place) -> None:
    place.hold(bid_depth="2")
    place.order_alert()
    place.tick(2)
    place.clock.advance(30)


def thin_for_long(place: Place) -> None:
    thin_alert(place)
    place.tick(2)
    place.clock.advance(16 * 60)


def alert_is(status: AlertStatus, sold: int = 0) -> Callable[[Place], str | None]:
    def check(place: Place) -> str | None:
        with place.store() as store:
            (alert,) = alert_table.listing(store.conn)
        ok = alert.status is status and place.sold() == sold
        return None if ok else f"the alert is {alert.status}, sold {place.sold()}"

    return check


def order_job(place: Place):
    return next(job for job in place.jobs() if job.alert_id is not None)


def job_case(case: Callable) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        with place.context() as context, suppress(Conflict):
            case(context, order_job(place).id)

    return act


def failed_alert(place: Place) -> None:
    place.hold()
    place.exchange.fault(Fault("bet", "denied"))
    place.order_alert()
    place.tick()


def undecided(place: Place) -> None:
    place.hold()
    place.exchange.settings(trade_lag=5000.0)
    place.exchange.fault(Fault("bet", "drop", after=True))
    place.order_alert({"type": "SELL_PARTIAL", "amount": 60})
    place.tick(3)


def resolve(place: Place) -> None:
    with place.context() as context, suppress(Conflict):
        jobs.resolve_job(context, order_job(place).id, Decimal(60), by="proof", sure=True)


def resolved(place: Place) -> str | None:
    with place.store() as store:
        open_ones = attempts.open_ones(store.conn)
    if open_ones or order_job(place).status is not JobStatus.SUCCEEDED or place.sold() != 60:
        return "an order that was settled by hand is not settled"
    return None


def wake_twice_told(place: Place) -> str | None:
    told = [text for text in place.gateway.texts if "still waits" in text]
    return None if told else "nobody was told of an alert that waits for long"


# ---- redemption, the CLOB, trouble ---------------------------------------------------------------


def resolved_market(place: Place) -> None:
    place.hold()
    place.tick()
    place.exchange.resolve(f"0xmarket-{TOKEN}", TOKEN)


def redeem(place: Place) -> None:
    place.order_alert("REDEEM", key="redeem")
    place.one_tick()


def redeemed(place: Place) -> str | None:
    if place.held() != 0:
        return "not redeemed"
    return alert_is(AlertStatus.PROCESSED)(place)


def clob(place: Place) -> None:
    place.configure(agentWakeUrl=place.gateway.url, priceSource="clob", clobUrl=place.paper.url)
    falls(place)


def holdings_down(place: Place) -> None:
    guarded(place)
    place.exchange.fault(Fault("holdings", "status", status=503, count=14))
    place.tick(4)


def recovers(place: Place) -> str | None:
    place.tick(12)
    with place.store() as store:
        circuit = state.breaker(store.conn)
    return None if circuit.open_until is None and circuit.failures == 0 else "the breaker stays open"


def limited(place: Place) -> None:
    falls(place)
    place.exchange.fault(Fault("holdings", "rate_limit", seconds=20))


def list_positions(place: Place) -> None:
    with place.context() as context:
        positions.list_positions(context)


def read_book(place: Place) -> None:
    """What `tm rule add` reads for a level in percent of the entry."""
    with place.context() as context:
        positions.refresh(context)
        positions.refresh_quote(context, TOKEN)


def quote_is_known(place: Place) -> str | None:
    with place.store() as store:
        seen = list(history.oldest_first(store.conn, TOKEN))
    return None if seen and seen[-1].bid is not None else "the quote was not remembered"


def two_cheap_reads(place: Place) -> None:
    with Vincent(place.settings.vincent_api_url, vincent_key(place.settings), clock=place.now) as venue:
        venue.balance()
        venue.market(f"0xmarket-{TOKEN}")


def long_ago(place: Place) -> None:
    """Evaluations and alerts of a long time ago, which nobody needs any more."""
    guarded(place)
    place.alert("old", "IGNORE", note="x")
    place.clock.advance(100 * 86400)


def tidied(place: Place) -> str | None:
    before = place.now() - timedelta(days=50)
    with place.store() as store:
        query = "SELECT count(*) FROM rule_events WHERE event_type = 'RULE_EVALUATED' AND created_at < ?"
        (left,) = store.conn.execute(query, (before.isoformat(),)).fetchone()
    return f"{left} old evaluations are left" if left else None


def migrate(place: Place) -> None:
    with open_store(place.settings.database_path) as store:
        store.conn.execute("SELECT count(*) FROM trade_rules")


def lost_order(place: Place) -> None:
    """A tick died while its order was out, and another while it woke the agent."""
    falls(place)
    assert place.killed(place.one_tick, "vincent.bet.after")
    place.clock.advance(15)


def lost_wake(place: Place) -> None:
    falls(place)
    assert place.killed(place.one_tick, "agent.wake.after")
    place.clock.advance(15)


def heard_twice(place: Place) -> str | None:
    ids = {text[: text.index("]")] for text in place.gateway.texts if "Sold 100" in text}
    return None if len(ids) == 1 and len(place.gateway.texts) >= 2 else "not sent again as the same wake"


def behind_a_full_page(place: Place) -> None:
    """Holdings show 100 rows at most; an alert sells part of what they hide."""
    for number in range(100):
        place.exchange.create(f"a{number}", shares="500")
    place.hold(shares="50")
    place.order_alert({"type": "SELL_PARTIAL", "amount": 30})


def sold_or_left_open(place: Place) -> str | None:
    """Where nobody knows what is held, nothing proves that a lost order sold nothing: it stays open."""
    outcomes = [attempt.outcome for attempt in place.attempts()]
    return None if outcomes == ["unknown"] else sold(30)(place)


def gateway_down(place: Place) -> None:
    falls(place)
    place.gateway.answer(503, times=2)


def told_in_the_end(place: Place) -> str | None:
    return None if any("Sold 100" in text for text in place.gateway.texts) else "nobody was told of the sale"


def lost_and_sold_by_hand(place: Place) -> None:
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


def rests(place: Place) -> None:
    falls(place)
    place.exchange.fault(Fault("bet", "live"))
    place.tick()


def canceled_at_venue(place: Place) -> str | None:
    resting = [order for order in place.now_orders() if order["status"] == "live"]
    return "our order still rests" if resting else None
