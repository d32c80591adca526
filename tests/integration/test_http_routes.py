"""The routes: the seed's examples as written, the first implementation's shapes, the contract's answers."""

import json

import pytest

from tests.bridge import ALERT, RULE, SECRET, Bridge
from tests.world import TOKEN
from tm import __version__
from tm.http.connection import THREADS


@pytest.fixture
def bridge(world):
    world.configure(alertsSharedSecret=SECRET)
    with Bridge(world.settings, clock=world.now) as one:
        yield one


def add_rule(bridge, **changes):
    made = bridge.ask("POST", "/api/rules", {**RULE, **changes})
    assert made.status == 201, made.content
    return made.json


def test_the_seeds_stop_loss_is_created_listed_moved_and_canceled(bridge) -> None:
    made = bridge.ask("POST", "/api/rules", RULE)
    assert made.status == 201
    rule = made.json
    assert made.headers["location"] == f"/api/rules/{rule['id']}"
    assert (rule["status"], rule["triggerPrice"], rule["action"]) == ("ACTIVE", 0.4, {"type": "SELL_ALL"})
    assert bridge.ask("GET", "/api/rules").json == [rule]
    assert bridge.ask("GET", f"/api/rules/{rule['id']}").json == rule
    moved = bridge.ask("PATCH", f"/api/rules/{rule['id']}", {"triggerPrice": "0.45"})
    assert (moved.status, moved.json["triggerPrice"]) == (200, 0.45)
    for _ in range(2):
        canceled = bridge.ask("DELETE", f"/api/rules/{rule['id']}")
        assert (canceled.status, canceled.json["status"]) == (200, "CANCELED")
    refused = bridge.ask("PATCH", f"/api/rules/{rule['id']}", {"triggerPrice": 0.5})
    assert (refused.status, refused.code) == (409, "not_active")
    events = bridge.ask("GET", f"/api/events?ruleId={rule['id']}").json
    assert [event["eventType"] for event in events] == ["RULE_CANCELED", "RULE_UPDATED", "RULE_CREATED"]


def test_an_answer_names_its_request_and_is_kept_by_nobody(bridge) -> None:
    ids = set()
    for path in ("/health", "/api/rules", "/nowhere"):
        answer = bridge.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/json"
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 3


def test_a_log_line_of_a_request_carries_its_id(bridge, capsys) -> None:
    made = bridge.ask("POST", "/api/rules", RULE)
    bridge.close()
    lines = [line for line in capsys.readouterr().err.splitlines() if made.headers["x-request-id"] in line]
    assert [line.split()[1] for line in lines] == ["rule_created", "http_request"]


def test_health_and_status_need_no_token(world) -> None:
    world.configure(apiToken="t")
    with Bridge(world.settings, clock=world.now) as bridge:
        assert bridge.ask("GET", "/health").json == {"status": "ok", "version": __version__}
        status = bridge.ask("GET", "/status").json
    assert (status["running"], status["activeRulesCount"], status["paused"]) == (False, 0, False)
    assert status["jobs"] == {"PENDING": 0, "RUNNING": 0, "SUCCEEDED": 0, "FAILED": 0}
    assert (status["version"], status["paper"]) == (__version__, True)


def test_health_answers_where_the_database_does_not(world) -> None:
    world.settings.database_path.write_bytes(b"this is no database, and long enough to say so" * 99)
    with Bridge(world.settings) as bridge:
        assert bridge.ask("GET", "/health").status == 200
        broken = bridge.ask("GET", "/status")
    assert (broken.status, broken.code) == (503, "database_corrupt")


def test_status_says_that_ticks_run(bridge, world) -> None:
    world.tick()
    assert bridge.ask("GET", "/status").json["lastTickAt"] is not None


def test_a_rule_that_would_fire_at_once_must_be_meant(bridge, world) -> None:
    world.hold(bid="0.30", ask="0.31")
    world.rule(price="0.10")
    world.tick(every=1)
    refused = bridge.ask("POST", "/api/rules", RULE)
    assert (refused.status, refused.code) == (409, "would_trigger_now")
    assert "allowImmediate" in refused.json["hint"]
    assert add_rule(bridge, allowImmediate=True)["status"] == "ACTIVE"


def test_vincent_is_not_asked_when_a_rule_is_added(bridge, world) -> None:
    add_rule(bridge)
    assert world.exchange.requests()["counts"] == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"triggerPrice": 1}, "triggerPrice: 1: must be a price"),
        ({"triggerPrice": None}, "a STOP_LOSS needs triggerPrice"),
        ({"tokenId": "a b"}, "tokenId"),
        ({"side": "SELL"}, "no short positions"),
        ({"stop": 1}, "unknown field stop"),
        ({"action": {"type": "SELL_PARTIAL"}}, "needs an amount"),
        ({"action": {"type": "BUY"}}, "action"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(bridge, change, said) -> None:
    refused = bridge.ask("POST", "/api/rules", {**RULE, **change})
    assert (refused.status, refused.code) == (400, "invalid")
    assert said in json.dumps(refused.json, ensure_ascii=False)
    assert bridge.ask("GET", "/api/rules").json == []


def test_lists_are_newest_first_and_paged(bridge) -> None:
    ids = [add_rule(bridge, triggerPrice=price)["id"] for price in (0.1, 0.2, 0.3)]
    ids.reverse()
    for query, expected in (("", ids), ("?limit=2", ids[:2]), ("?limit=2&offset=2", ids[2:])):
        assert [rule["id"] for rule in bridge.ask("GET", f"/api/rules{query}").json] == expected
    bridge.ask("DELETE", f"/api/rules/{ids[0]}")
    assert [rule["id"] for rule in bridge.ask("GET", "/api/rules?status=ACTIVE").json] == ids[1:]
    assert bridge.ask("GET", f"/api/events?ruleId={ids[0]}&type=RULE_CANCELED").json[0]["ruleId"] == ids[0]


def test_a_list_over_http_shows_a_hundred_unless_asked_for_more(bridge, world) -> None:
    for _ in range(101):
        world.rule()
    assert len(bridge.ask("GET", "/api/rules").json) == 100
    assert len(bridge.ask("GET", "/api/rules?limit=1000").json) == 101


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=", "limit=1e2", "limit=-1", "offset=-1", "offset=9999999999999999999",
     "status=active", "status=", "x=1", "limit=1&limit=2", "limit", "&", "status=%ff", "limit=%31%30%"],
)  # fmt: skip
def test_a_query_that_is_not_understood_is_refused(bridge, query) -> None:
    refused = bridge.ask("GET", f"/api/rules?{query}")
    assert (refused.status, refused.code) == (400, "invalid")


def test_positions_are_read_anew_when_they_are_old(bridge, world) -> None:
    world.hold(shares="100")
    (position,) = bridge.ask("GET", "/api/positions").json
    assert (position["tokenId"], position["quantity"]) == ("111", 100)
    assert position["lastUpdatedAt"] == "2026-07-01T12:00:00.000Z"
    bridge.ask("GET", "/api/positions")
    assert world.asked("holdings") == 1
    world.clock.advance(16)
    assert bridge.ask("GET", "/api/positions").json[0]["lastUpdatedAt"] == "2026-07-01T12:00:16.000Z"
    assert world.asked("holdings") == 2


def test_a_percentage_needs_a_known_entry_and_nothing_is_read_for_it(bridge, world) -> None:
    world.exchange.create(TOKEN, shares="80", avg_price="0.53", title="Market?")
    body = {name: value for name, value in RULE.items() if name != "triggerPrice"}
    body |= {"tokenId": TOKEN, "triggerPercent": -20, "action": {"type": "SELL_PARTIAL", "percent": 50}}
    unknown = bridge.ask("POST", "/api/rules", body)
    assert (unknown.status, unknown.code, world.asked("holdings")) == (422, "entry_unknown", 0)
    assert "GET /api/positions" in unknown.json["hint"]
    bridge.ask("GET", "/api/positions")
    made = bridge.ask("POST", "/api/rules", body)
    assert (made.status, world.asked("holdings"), world.asked("book")) == (201, 1, 0)
    rule = made.json
    assert (rule["triggerPrice"], rule["triggerPercent"], rule["entryPrice"]) == (0.424, -20, 0.53)
    assert rule["action"] == {"type": "SELL_PARTIAL", "amount": 40, "percent": 50}
    world.clock.advance(301)
    assert bridge.ask("POST", "/api/rules", body).code == "entry_unknown"
    moved = bridge.ask("PATCH", f"/api/rules/{rule['id']}", {"triggerPrice": 0.4}).json
    assert (moved["triggerPrice"], moved["triggerPercent"]) == (0.4, None)


def test_the_quotes_of_a_token_are_listed_newest_first(bridge, world) -> None:
    world.hold(bid="0.50", ask="0.51")
    world.rule("STOP_LOSS", "0.10")
    world.tick(2)
    world.price("0.52", None)
    world.tick()
    path = f"/api/positions/{TOKEN}/history"
    newest = {"at": "2026-07-01T12:00:30.000Z", "until": "2026-07-01T12:00:30.000Z"}
    oldest = {"at": "2026-07-01T12:00:00.000Z", "until": "2026-07-01T12:00:15.000Z"}
    newest, oldest = {**newest, "bestBid": 0.52, "bestAsk": None}, {**oldest, "bestBid": 0.5, "bestAsk": 0.51}
    assert bridge.ask("GET", path).json == [newest, oldest]
    assert bridge.ask("GET", f"{path}?limit=1&offset=1").json == [oldest]
    assert bridge.ask("GET", f"{path}?since=2026-07-01T12:00:16Z").json == [newest]
    assert bridge.ask("GET", f"{path}?since=yesterday").status == 400
    assert bridge.ask("GET", "/api/positions/999/history").status == 404
    assert bridge.ask("GET", "/api/positions/a%2Fb/history").status == 404


def test_positions_are_served_with_their_age_where_vincent_does_not_answer(bridge, world) -> None:
    world.hold()
    before = bridge.ask("GET", "/api/positions").json
    world.paper.close()
    world.clock.advance(16)
    assert bridge.ask("GET", "/api/positions").json == before


def test_positions_never_read_are_unknown_and_not_none(bridge, world) -> None:
    world.paper.close()
    answer = bridge.ask("GET", "/api/positions")
    assert (answer.status, answer.code) == (503, "unreachable")


@pytest.mark.parametrize("noun", ["rules", "alerts"])
def test_a_record_that_is_not_there_is_404_and_prefixes_are_not_taken(bridge, noun) -> None:
    add_rule(bridge)
    bridge.ask("POST", "/api/alerts", ALERT, token=SECRET)
    record = bridge.ask("GET", f"/api/{noun}").json[0]["id"]
    for given in ("c000000000000000000000000", record[:8], record.upper()):
        missing = bridge.ask("GET", f"/api/{noun}/{given}")
        assert (missing.status, missing.code) == (404, "not_found")


def test_an_alert_is_taken_once_and_followed_by_its_id(bridge, world) -> None:
    made = bridge.ask("POST", "/api/alerts", ALERT, token=SECRET)
    alert = made.json
    assert (made.status, alert["status"]) == (202, "QUEUED")
    assert made.headers["location"] == f"/api/alerts/{alert['id']}"
    assert "idempotency-replayed" not in made.headers
    again = bridge.ask("POST", "/api/alerts", ALERT, X_Alerts_Secret=SECRET)
    assert (again.status, again.json["id"]) == (202, alert["id"])
    assert again.headers["idempotency-replayed"] == "true"
    (job,) = bridge.ask("GET", "/api/jobs?status=PENDING").json
    assert (job["alertId"], job["jobType"]) == (alert["id"], "EXECUTE_TXN")
    world.hold()
    world.tick(3)
    (sold,) = bridge.ask("GET", f"/api/executions?alertId={alert['id']}").json
    assert (sold["outcome"], sold["filledShares"]) == ("filled", 100)
    detail = bridge.ask("GET", f"/api/alerts/{alert['id']}").json
    assert detail["status"] == "PROCESSED"
    assert [each["id"] for each in detail["jobs"]] == [job["id"]]
    assert [each["id"] for each in detail["executions"]] == [sold["id"]]
    assert [each["id"] for each in bridge.ask("GET", "/api/alerts?status=PROCESSED").json] == [alert["id"]]


def test_the_key_of_an_alert_may_come_in_the_header(bridge) -> None:
    body = {name: value for name, value in ALERT.items() if name != "idempotencyKey"}
    made = bridge.ask("POST", "/api/alerts", body, token=SECRET, Idempotency_Key="k9")
    assert (made.status, made.json["idempotencyKey"]) == (202, "k9")
    same = bridge.ask("POST", "/api/alerts", {**ALERT, "idempotencyKey": "k9"}, token=SECRET)
    assert same.headers["idempotency-replayed"] == "true"
    for given, header in ((ALERT, {"Idempotency_Key": "k2"}), (body, {}), (body, {"Idempotency_Key": ""})):
        refused = bridge.ask("POST", "/api/alerts", given, token=SECRET, **header)
        assert (refused.status, refused.code) == (400, "invalid")


def test_a_key_stands_for_one_body(bridge) -> None:
    bridge.ask("POST", "/api/alerts", ALERT, token=SECRET)
    reused = bridge.ask("POST", "/api/alerts", {**ALERT, "alertType": "other"}, token=SECRET)
    assert (reused.status, reused.code) == (422, "idempotency_key_reused")
    elsewhere = bridge.ask("POST", "/api/alerts", {**ALERT, "source": "other"}, token=SECRET)
    assert elsewhere.status == 202


def test_an_action_that_is_not_allowed_is_refused_at_ingest(bridge) -> None:
    order = {**ALERT["payload"], "action": "REDEEM"}
    refused = bridge.ask("POST", "/api/alerts", {**ALERT, "payload": order}, token=SECRET)
    assert (refused.status, refused.code) == (403, "action_not_allowed")
    assert bridge.ask("GET", "/api/alerts").json == []


def test_an_order_leaves_with_the_next_tick_and_never_within_the_request(bridge, world) -> None:
    world.hold()
    bridge.ask("POST", "/api/alerts", ALERT, token=SECRET)
    assert world.orders() == []
    assert (world.state_dir / "trade-manager.kick").exists()
    world.tick()
    assert len(world.orders()) == 1


def test_a_database_put_in_place_of_another_is_the_one_that_is_written(bridge, world) -> None:
    for _ in range(2 * THREADS):  # each thread has the old one open
        add_rule(bridge)
    path = world.settings.database_path
    for suffix in ("", "-wal", "-shm"):
        (path.parent / (path.name + suffix)).unlink(missing_ok=True)
    kept = {add_rule(bridge)["id"] for _ in range(2 * THREADS)}
    assert {rule["id"] for rule in bridge.ask("GET", "/api/rules").json} == kept
    assert {world.known(rule_id).id for rule_id in kept} == kept


def test_a_list_has_one_record_a_line(bridge) -> None:
    for price in (0.1, 0.2):
        add_rule(bridge, triggerPrice=price)
    lines = bridge.ask("GET", "/api/rules").content.decode().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0][1:-1])["triggerPrice"] == 0.2


def test_head_and_methods_that_a_path_does_not_know(bridge) -> None:
    head = bridge.ask("HEAD", "/health")
    assert (head.status, head.content) == (200, b"")
    wrong = bridge.ask("PUT", "/api/rules")
    assert (wrong.status, wrong.code, wrong.headers["allow"]) == (405, "method_not_allowed", "GET,POST")
    assert bridge.ask("OPTIONS", "/api/rules").status == 405
    assert bridge.ask("GET", "/nowhere").code == "no_such_route"
