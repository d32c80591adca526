"""What crash points and simulated days have found: each stays found."""

from tests.gateway import TOKEN as GATEWAY_TOKEN
from tests.gateway import Gateway
from tests.world import TOKEN
from tm.service.alerts import ingest_alert
from tm.service.context import open_context
from tm.service.new_alert import new_alert
from tm.venue.paper.faults import Fault


def hand_in(world, action="SELL_ALL", key="k1"):
    payload = {"marketId": f"0xmarket-{TOKEN}", "tokenId": TOKEN, "action": action}
    body = {"source": "test", "alertType": "t", "mode": "EXECUTE_TXN", "idempotencyKey": key}
    with open_context(world.settings, world.now) as context:
        return ingest_alert(context, new_alert({**body, "payload": payload}))[0].id


def test_an_alert_that_waits_since_a_future_instant_is_told_of_all_the_same(new_world):
    with Gateway() as gateway:
        world = new_world(agentWakeUrl=gateway.url, agentWakeToken=GATEWAY_TOKEN)
        world.hold(bid_depth="2")
        world.local_offset = 400_000.0
        hand_in(world)
        world.tick()
        world.local_offset = 0.0
        world.tick(2)
        assert gateway.texts == []
        world.tick(10, every=120)
        assert [text for text in gateway.texts if "still waits" in text]


def test_a_slice_that_never_arrived_is_sent_again_although_holdings_showed_half_of_the_slices_before(world):
    world.hold(shares="300")
    world.exchange.settings(holdings_lag=20.0)
    rule = world.rule("STOP_LOSS", "0.40", sell="90")
    world.price("0.39", bid_depth="20")
    world.tick()
    world.price("0.39", bid_depth="30")
    world.tick()
    world.price("0.39")
    world.exchange.fault(Fault("bet", "bet_failed", message="socket hang up"))
    world.tick(30)
    assert [str(attempt.outcome) for attempt in world.attempts()] == [
        "partial",
        "partial",
        "not_filled",
        "filled",
    ]
    assert world.sold() == 90
    assert world.known(rule).sold_shares == 90
