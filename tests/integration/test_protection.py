"""What must not end a protection, and what must not start a sale."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.world import TOKEN
from tm import points
from tm.errors import Conflict, CredentialsError
from tm.service.context import open_context
from tm.service.rules import cancel_rule, edit_rule
from tm.store import state
from tm.venue.paper.faults import Fault

REFUSALS = [
    Fault("bet", "bet_failed", count=2, message="no match"),
    Fault("bet", "bet_failed", count=2,
          message="order couldn't be fully filled. FOK orders are fully filled or killed."),
    Fault("bet", "bet_failed", count=2, message="market is not yet ready to process new orders"),
    Fault("bet", "bet_failed", count=2, message="the exchange is in post-only mode"),
    Fault("bet", "bet_failed", count=2, message="not enough balance / allowance"),
    Fault("bet", "bet_failed", count=2, message="Size (3) lower than the minimum: 5"),
    Fault("bet", "unauthorized", count=2),
    Fault("bet", "rate_limit", count=2, seconds=20),
]  # fmt: skip


@pytest.mark.parametrize("fault", REFUSALS, ids=lambda fault: fault.message or fault.kind)
def test_a_refusal_known_to_have_sold_nothing_rearms_with_back_off_and_sells_later(world, fault):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.exchange.fault(fault)
    world.tick()
    known = world.known(rule)
    assert known.status == "ACTIVE"
    assert known.rearm_count == 1
    assert 15 <= (known.not_before - world.now()).total_seconds() + 15 <= 30
    assert world.orders() == []
    asked = world.asked("bet")
    world.tick(1, every=1)
    assert world.asked("bet") == asked + (1 if known.not_before <= world.now() else 0)
    world.tick(10)
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"


def test_a_policy_that_denies_ends_the_rule_and_says_why(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.exchange.fault(Fault("bet", "denied", message="daily limit of 20 USD reached"))
    world.tick(5)
    known = world.known(rule)
    assert known.status == "FAILED"
    assert "daily limit of 20 USD reached" in known.error_message
    assert world.events(rule)[-2:] == ["ACTION_FAILED", "RULE_FAILED"]
    assert world.asked("bet") == 1


def test_a_thin_book_sells_what_it_takes_above_the_floor_and_the_rest_later(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39", bid_depth="30")
    world.tick(2)
    assert world.sold() == 30
    assert world.known(rule).sold_shares == 30
    assert world.known(rule).status == "ACTIVE"
    world.exchange.set_levels(TOKEN, [("0.39", "3"), ("0.20", "5000")], [("0.40", "100")])
    world.tick(3)
    assert world.sold() == 30
    world.price("0.38")
    world.tick(10)
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"
    assert all(Decimal(order["avg_price"]) >= Decimal("0.38") for order in world.orders())


NO_INFORMATION = {
    "one-sided, no ask": Fault("book", "one_sided", count=None),
    "one-sided, no bid": Fault("book", "one_sided", count=None, side="bid"),
    "crossed": Fault("book", "crossed", count=None),
    "wide": Fault("book", "wide", count=None),
    "404": Fault("book", "no_book", count=None),
    "not JSON": Fault("book", "garbage", count=None),
    "an HTML page": Fault("book", "page", count=None),
    "NaN": Fault("book", "nan", count=None),
    "truncated": Fault("book", "truncated", count=None),
    "another shape": Fault("book", "wrong", count=None),
    "holdings empty": Fault("holdings", "empty", count=None),
    "holdings not JSON": Fault("holdings", "garbage", count=None),
    "holdings down": Fault("holdings", "status", status=503, count=None),
    "holdings refuse the key": Fault("holdings", "unauthorized", count=None),
}


@pytest.mark.parametrize("what", NO_INFORMATION)
def test_no_information_sells_nothing_and_the_stop_works_when_reading_works_again(world, what):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick()
    world.price("0.39")
    world.exchange.fault(NO_INFORMATION[what])
    world.tick(3)
    assert world.orders() == []
    assert world.known(rule).status == "ACTIVE"
    world.exchange.clear_faults()
    world.tick(8)
    assert world.sold() == 100


def test_a_quote_without_information_does_not_reset_the_count_of_confirmations(new_world):
    world = new_world(confirmTicks=2)
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.tick()
    assert world.known(rule).confirm_count == 1
    world.exchange.fault(Fault("book", "wide"))
    world.tick()
    assert world.orders() == []
    world.tick()
    assert world.sold() == 100


def test_one_tokens_trouble_does_not_delay_another(world):
    world.hold("111")
    world.hold("222")
    world.rule("STOP_LOSS", "0.40", token="111")
    world.rule("STOP_LOSS", "0.40", token="222")
    world.price("0.39", token="111")
    world.price("0.39", token="222")
    world.exchange.fault(Fault("book", "garbage", token="111", count=None))
    report = world.tick()
    assert world.sold("222") == 100
    assert world.sold("111") == 0
    assert report.problems


def test_paused_sends_nothing_but_still_looks(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    world.pause()
    report = world.tick(2)
    assert world.orders() == []
    assert world.known(rule).status == "ACTIVE"
    assert report.evaluated == 1
    assert not report.problems
    world.resume()
    world.tick()
    assert world.sold() == 100


def test_a_pause_between_trigger_and_intent_stops_the_order(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    assert world.killed_tick("trigger.commit.after_commit")
    world.pause()
    world.tick(3)
    assert world.orders() == []
    assert world.known(rule).status == "ACTIVE"


def test_a_resolved_market_ends_its_rules_and_sells_nothing(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick()
    world.exchange.resolve(f"0xmarket-{TOKEN}", "another token")
    world.tick(2)
    assert world.orders() == []
    assert world.known(rule).status == "CANCELED"
    assert world.events(rule) == ["RULE_CANCELED"]


def test_five_failed_ticks_open_the_breaker_and_it_recovers_by_itself(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick()
    world.price("0.39")
    world.exchange.fault(Fault("holdings", "status", status=503, count=None))
    world.tick(5)
    with world.store() as store:
        assert state.breaker(store.conn).open_until is not None
    asked = world.asked("holdings")
    report = world.tick(2)
    assert world.asked("holdings") == asked
    assert not report.problems
    world.tick(3)
    probes = world.asked("holdings") - asked
    assert probes == 1
    world.exchange.clear_faults()
    world.tick(6)
    with world.store() as store:
        assert state.breaker(store.conn).open_until is None
    assert world.sold() == 100
    assert world.known(rule).status == "TRIGGERED"


def test_a_long_retry_after_is_kept_to_by_the_next_ticks(world):
    world.hold()
    world.rule("STOP_LOSS", "0.40")
    world.exchange.fault(Fault("holdings", "rate_limit", seconds=40))
    world.tick()
    asked = world.asked("holdings")
    world.tick(2)
    assert world.asked("holdings") == asked
    world.tick(2)
    assert world.asked("holdings") > asked


def test_a_missing_key_is_said_as_such(new_world):
    world = new_world(vincentApiKey=None)
    world.hold()
    world.rule()
    report = world.tick()
    assert isinstance(report.problems[0], CredentialsError)


def test_a_rule_past_its_time_expires_and_sells_nothing(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40", expires_at=world.now() + timedelta(seconds=20))
    world.tick()
    world.clock.advance(10)
    world.price("0.39")
    world.tick()
    assert world.orders() == []
    assert world.known(rule).status == "EXPIRED"


def test_a_position_that_was_never_seen_is_waited_for(world):
    world.exchange.create(TOKEN)
    world.price("0.39")
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick(8)
    assert world.orders() == []
    assert world.known(rule).status == "ACTIVE"
    world.exchange.hold(TOKEN, 50)
    world.tick()
    assert world.sold() == 50


def test_holdings_briefly_empty_close_no_rule(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick(5)
    world.exchange.fault(Fault("holdings", "empty", count=20))
    world.tick(19)
    assert world.known(rule).status == "ACTIVE"


def test_a_position_sold_by_hand_ends_its_rules(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.tick(6)
    world.exchange.user_sell(TOKEN, 100)
    world.tick(10)
    assert world.known(rule).status == "CANCELED"
    with world.store() as store:
        from tm.store import events

        last = events.listing(store.conn, rule_id=rule, limit=1)[0]
    assert last.event_data["reason"] == "position_closed"


def test_requests_never_exceed_the_ticks_share(new_world):
    world = new_world(requestsPerTick=10, priceSource="vincent")
    for number in range(30):
        world.hold(f"t{number}")
        world.rule("STOP_LOSS", "0.40", token=f"t{number}")
    seen = set()
    for _ in range(10):
        before = sum(world.exchange.requests()["counts"].values())
        world.tick()
        assert sum(world.exchange.requests()["counts"].values()) - before <= 10
        seen |= {entry["path"].rsplit("/", 1)[1] for entry in world.exchange.requests()["recent"]
                 if entry["endpoint"] == "book"}  # fmt: skip
    assert len(seen) == 30


def test_a_cancel_between_trigger_and_intent_stops_the_order(world):
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")
    assert world.killed_tick("job.claim.after_commit")
    with open_context(world.settings, world.now) as context, pytest.raises(Conflict):
        cancel_rule(context, rule)
    world.tick(3)
    assert world.orders() == []
    assert world.known(rule).status == "CANCELED"


def test_more_tokens_than_a_tick_may_ask_for_are_read_in_one_batch(new_world):
    world = new_world(requestsPerTick=10)
    world.configure(requestsPerTick=10, clobUrl=world.paper.url)
    for number in range(30):
        world.hold(f"t{number}")
        world.rule("STOP_LOSS", "0.40", token=f"t{number}")
    world.price("0.39", token="t29")
    report = world.tick()
    assert report.evaluated == 30
    assert world.asked("books") == 1
    assert world.asked("book") == 0
    assert world.sold("t29") == 100


def test_a_batch_that_cannot_be_read_falls_back_to_vincent(new_world):
    world = new_world()
    world.configure(requestsPerTick=10, clobUrl=world.paper.url)
    world.exchange.fault(Fault("books", "status", status=500, count=None))
    for number in range(30):
        world.hold(f"t{number}")
        world.rule("STOP_LOSS", "0.40", token=f"t{number}")
    report = world.tick()
    assert world.asked("book") > 0
    assert report.problems


def test_a_trigger_moved_during_a_tick_is_not_fired_at_its_old_price(world):
    """A person moves the stop out of the way in the middle of the tick that would fire it."""
    world.hold()
    rule = world.rule("STOP_LOSS", "0.40")
    world.price("0.39")

    def move(name: str) -> None:
        if name == "vincent.book.after":
            points.set_hook(None)
            with open_context(world.settings, lambda: world.now() + timedelta(seconds=1)) as context:
                edit_rule(context, rule, Decimal("0.30"))

    points.set_hook(move)
    try:
        world.tick(2)
    finally:
        points.set_hook(None)
    assert world.orders() == []
    assert world.known(rule).trigger_price == Decimal("0.30")
    assert world.known(rule).status == "ACTIVE"
