"""The overview: what a person sees at one glance, from the tables as the ticks left them."""

import os
from decimal import Decimal

import pytest

from tm.engine import files
from tm.model import EventType
from tm.service import control, rules
from tm.service.context import Context
from tm.service.overview import mark, overview
from tm.store import events
from tm.venue.paper.faults import Fault


@pytest.fixture
def look(world):
    """look() is the overview now, a tick having just ended."""

    def now(**options):
        stamp = world.settings.state_dir / files.STAMP_FILE
        if stamp.exists():
            os.utime(stamp, (world.now().timestamp(), world.now().timestamp()))
        with world.store() as store:
            return overview(Context(world.settings, store, world.now), **options)

    return now


def the_rule(seen):
    ((rule,),) = [position["rules"] for position in seen["positions"]]
    return rule


def kinds(seen):
    return [banner["kind"] for banner in seen["banners"]]


def test_a_guarded_position_shows_its_profit_and_how_far_the_stop_is(world, look) -> None:
    world.hold(shares="100", bid="0.55", ask="0.56")
    world.exchange.hold("111", "100", "0.50")
    world.rule(price="0.40")
    world.tick()
    seen = look()
    (position,) = seen["positions"]
    assert (position["label"], position["quantity"], position["bestBid"]) == ("Market 111? · Yes", 100, 0.55)
    assert (position["profitUsd"], position["profitPercent"], position["valueUsd"]) == (5, 10, 55)
    assert (seen["profitUsd"], seen["valueUsd"]) == (5, 55)
    assert (position["priceSource"], position["stale"], position["guarded"]) == ("bid", False, True)
    rule = position["rules"][0]
    assert (rule["kind"], rule["aim"]) == ("stop", "sells all at a bid of 0.40 or less")
    assert (rule["distanceUsd"], rule["distancePercent"], rule["fraction"]) == (0.15, 27.3, 1)
    assert (rule["nearness"], rule["standing"]) == ("far", {"text": "watching", "level": "info"})
    assert (kinds(seen), seen["paper"], seen["running"]) == (["paper"], True, True)
    assert seen["nextTickAt"] > seen["lastTickAt"]


def test_a_stop_is_near_in_the_last_quarter_of_the_way_from_the_entry(world, look) -> None:
    world.hold(bid="0.50")
    world.exchange.hold("111", "100", "0.50")
    world.rule(price="0.40")
    for bid, near, fraction in (("0.43", "far", 0.3), ("0.42", "near", 0.2)):
        world.price(bid)
        world.tick()
        rule = the_rule(look())
        assert (rule["nearness"], rule["fraction"]) == (near, fraction)


def test_a_rule_that_fired_is_shown_sold_with_what_it_got(world, look) -> None:
    world.hold(bid="0.50")
    rule_id = world.rule(price="0.40")
    world.tick()
    world.price("0.38")
    world.tick(2)
    seen = look()
    rule = the_rule(seen)
    assert (rule["id"], rule["status"], rule["distanceUsd"]) == (rule_id, "TRIGGERED", None)
    assert rule["standing"] == {"text": "sold 100 at 0.38", "level": "good"}
    said = [(event["text"], event["level"]) for event in seen["events"]]
    assert said == [
        ("sold 100 shares at 0.38", "good"),
        ("order for 100 shares, bid 0.38", "info"),
        ("stop reached at a bid of 0.38", "warning"),
    ]
    (position,) = seen["positions"]
    assert (position["held"], position["quantity"], position["profitUsd"]) == (False, None, None)
    assert [event["id"] for event in position["events"]] == [event["id"] for event in seen["events"]]
    world.clock.advance(3700)
    assert look()["positions"] == []


def test_what_is_unknown_is_never_zero(world, look) -> None:
    world.rule(token="999", price="0.40")
    world.hold(bid="0.50")
    world.tick()
    unheld, held = sorted(look()["positions"], key=lambda position: position["held"])
    for name in ("quantity", "avgEntryPrice", "bestBid", "price", "valueUsd", "profitUsd", "profitPercent"):
        assert unheld[name] is None, name
    assert unheld["stale"]
    assert (held["guarded"], held["bestBid"], held["priceSource"]) == (False, None, "holdings")


def test_a_pause_is_an_alarm_with_its_reason_and_its_way_out(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.tick()
    with world.store() as store:
        control.pause(Context(world.settings, store, world.now), "moving the wallet")
    seen = look()
    banner = seen["banners"][0]
    assert (banner["kind"], banner["level"], banner["hint"]) == ("paused", "alarm", "tm resume")
    assert "moving the wallet" in banner["text"]
    assert the_rule(seen)["standing"]["text"] == "paused"
    world.price("0.30")
    world.tick()
    assert the_rule(look())["standing"] == {"text": "reached, but paused", "level": "alarm"}


def test_a_stale_tick_is_an_alarm_while_something_is_to_be_guarded(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.tick()
    look()
    with world.store() as store:
        world.clock.advance(600)
        seen = overview(Context(world.settings, store, world.now), read_anew=False)
    banner = next(banner for banner in seen["banners"] if banner["kind"] == "not_running")
    assert (banner["level"], banner["hint"]) == ("alarm", "tm doctor")
    assert "nothing is guarded" in banner["text"]
    assert seen["positions"][0]["stale"]


def test_a_token_without_a_usable_price_is_a_banner_then_an_alarm(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.tick()
    world.exchange.set_book("111", "0.10", "0.90")
    world.tick()
    (banner,) = [banner for banner in look()["banners"] if banner["kind"] == "blind"]
    assert (banner["level"], banner["tokenId"]) == ("warning", "111")
    world.tick(21)
    (banner,) = [banner for banner in look()["banners"] if banner["kind"] == "blind"]
    assert banner["level"] == "alarm"
    assert the_rule(look())["standing"]["text"].startswith("no usable price since")


def test_an_order_whose_outcome_is_unknown_is_a_banner_until_it_needs_a_look(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.tick()
    world.exchange.fault(Fault("bet", "drop"))
    world.price("0.38")
    world.tick()
    seen = look()
    (banner,) = [banner for banner in seen["banners"] if banner["kind"] == "unknown"]
    assert (banner["level"], banner["tokenId"]) == ("warning", "111")
    assert the_rule(seen)["standing"]["level"] == "warning"


def test_an_open_breaker_says_until_when(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.40")
    world.tick()
    world.exchange.fault(Fault("holdings", "status", status=502, count=99))
    world.tick(5)
    seen = look(read_anew=False)
    assert kinds(seen)[0] == "breaker"
    assert "left alone until" in seen["banners"][0]["text"]


def test_holdings_are_read_anew_where_no_tick_needs_them(world, look) -> None:
    world.hold(bid="0.50", shares="7")
    asked = world.asked("holdings")
    assert look()["positions"][0]["quantity"] == 7
    world.clock.advance(10)
    look()
    assert world.asked("holdings") == asked + 1
    world.clock.advance(10)
    look(read_anew=False)
    assert world.asked("holdings") == asked + 1
    look()
    assert world.asked("holdings") == asked + 2
    look(at_once=True)
    assert world.asked("holdings") == asked + 3


def test_trouble_with_reading_holdings_is_a_banner_and_no_failure(world, look) -> None:
    world.exchange.fault(Fault("holdings", "status", status=502, count=9))
    seen = look()
    assert "reading" in kinds(seen)
    assert seen["positions"] == []


def test_raises_of_a_trailing_trigger_are_folded_into_the_last(world, look) -> None:
    world.hold(bid="0.50")
    rule_id = world.rule("TRAILING_STOP", None, percent="10")
    for bid in ("0.50", "0.52", "0.54", "0.56"):
        world.price(bid)
        world.tick()
    texts = [event["text"] for event in look()["events"]]
    assert texts == ["trailing stop raised to 0.504, bid 0.56"]
    with world.store() as store, store.write("test") as conn:
        events.add(conn, rule_id, EventType.RULE_UPDATED, world.now(), {"triggerPrice": Decimal("0.3")})
    assert len(look()["events"]) == 2


def test_a_rules_levels_stand_in_the_order_of_the_price(world, look) -> None:
    world.hold(bid="0.50")
    for kind, price in (("STOP_LOSS", "0.30"), ("TAKE_PROFIT", "0.90"), ("STOP_LOSS", "0.40")):
        world.rule(kind, price)
    world.tick()
    assert [rule["triggerPrice"] for rule in look()["positions"][0]["rules"]] == [0.9, 0.4, 0.3]


def test_a_canceled_rule_is_last_and_says_so(world, look) -> None:
    world.hold(bid="0.50")
    gone, kept = world.rule(price="0.45"), world.rule(price="0.40")
    world.tick()
    with world.store() as store:
        rules.cancel_rule(Context(world.settings, store, world.now), gone)
    found = look()["positions"][0]["rules"]
    assert [(rule["id"], rule["standing"]["text"]) for rule in found] == [
        (kept, "watching"),
        (gone, "canceled"),
    ]


def test_the_mark_moves_when_another_writes_and_when_a_tick_ends(world) -> None:
    world.hold(bid="0.50")
    with world.store() as store:
        ctx = Context(world.settings, store, world.now)
        before = mark(ctx)
        assert mark(ctx) == before
        world.rule(price="0.40")
        written = mark(ctx)
        assert written != before
        world.tick()
        assert mark(ctx)[1] != written[1]


def test_the_path_of_the_bid_keeps_its_lows_and_shows_where_nobody_looked(world, look) -> None:
    world.hold(bid="0.50")
    world.rule(price="0.10")
    for bid in ("0.50", "0.50", "0.31", "0.50", "0.52"):
        world.price(bid)
        world.tick()
    world.clock.advance(3600)
    world.price("0.60")
    world.tick()
    bids = [point["bid"] for point in look(points=1000)["positions"][0]["history"]]
    assert bids == [0.5, 0.31, 0.5, 0.52, None, 0.6]
    few = [point["bid"] for point in look(hours=24, points=4)["positions"][0]["history"]]
    assert 0.31 in few
    assert len(few) < len(bids)
    assert [point["bid"] for point in look(hours=1)["positions"][0]["history"]] == [0.6]
