"""The OpenAPI document: made of the code, true to what is answered, and searched with made-up requests."""

from datetime import UTC, datetime

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.bridge import ALERT, API_TOKEN, RULE, SECRET, Bridge
from tm.http import openapi, schemas


def test_the_committed_document_is_the_one_that_the_code_makes() -> None:
    """`python -m tm.http.openapi` rewrites it."""
    assert openapi.FILE.read_text("utf-8") == openapi.text()


def test_every_route_is_documented_and_the_document_is_served(world) -> None:
    with Bridge(world.settings) as bridge:
        served = bridge.ask("GET", "/openapi.json").json
    assert served == openapi.document()
    assert served["openapi"].startswith("3.1")
    asked = {f"{method} {path}" for path, methods in served["paths"].items() for method in methods}
    assert {"post /api/alerts", "patch /api/rules/{id}", "get /api/positions", "get /health"} <= asked


def fields(model) -> set[str]:
    return {field.alias for field in model.model_fields.values()}


def test_records_have_the_fields_that_the_document_names(world) -> None:
    world.configure(alertsSharedSecret=SECRET)
    world.hold()
    with Bridge(world.settings, clock=world.now) as bridge:
        part = {"type": "SELL_PARTIAL", "amount": 50}
        firing = {**RULE, "triggerPrice": 0.6, "action": part, "allowImmediate": True}
        rule = bridge.ask("POST", "/api/rules", firing).json
        bridge.ask("POST", "/api/alerts", {**ALERT, "mode": "WAKE_AGENT", "payload": {}}, token=SECRET)
        assert set(rule) == fields(schemas.TradeRule)
        world.tick(3)
        for path, model in (
            ("/api/rules", schemas.TradeRule),
            ("/api/positions", schemas.MonitoredPosition),
            ("/api/events", schemas.RuleEvent),
            ("/api/jobs", schemas.HarnessJob),
            ("/api/executions", schemas.ExecutionAttempt),
            ("/api/alerts", schemas.AlertEvent),
        ):
            assert set(bridge.ask("GET", path).json[0]) == fields(model), path
        alert = bridge.ask("GET", "/api/alerts").json[0]
        assert set(bridge.ask("GET", f"/api/alerts/{alert['id']}").json) == fields(schemas.AlertDetail)
        execution = bridge.ask("GET", f"/api/rules/{rule['id']}").json["execution"]
        assert set(execution) == fields(schemas.ExecutionInShort)
        assert set(bridge.ask("GET", "/status").json) == fields(schemas.Status)


# ---- made-up requests ----------------------------------------------------------------------------

# 422: well-formed, and at odds with what is known, such as a percentage of an entry that was never read.
ACCEPTED = ["2xx", "401", "403", "404", "409", "422"]
RULES_OF_THE_SEARCH = {
    "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
    "auth": {
        "openapi": {
            "apiToken": {"bearer": API_TOKEN},
            "alertsSecret": {"bearer": SECRET},
            "alertsSecretHeader": {"api_key": SECRET},
        }
    },
}
document = schemathesis.openapi.from_dict(
    openapi.document(), config=schemathesis.Config.from_dict(RULES_OF_THE_SEARCH)
)
KEYS = iter(range(10**9))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A bridge with both secrets set and the limit of failures off, and a rule and an alert to find."""
    from tests.world import World

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENCLAW_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        world = World(tmp_path_factory.mktemp("world"))
        world.paper.start()
        world.configure(apiToken=API_TOKEN, alertsSharedSecret=SECRET)
        world.hold()
        with Bridge(world.settings, failures_a_minute=None) as bridge:
            bridge.rule_id = bridge.ask("POST", "/api/rules", RULE, token=API_TOKEN).json["id"]
            bridge.alert_id = bridge.ask("POST", "/api/alerts", ALERT, token=SECRET).json["id"]
            yield bridge
        world.close()


def sensible(case, bridge) -> None:
    """Say what a schema cannot: that header and body agree, which key is new, which instant is past."""
    if case.operation.label == "POST /api/alerts":
        case.headers.pop("Idempotency-Key", None)
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    if case.operation.label == "POST /api/alerts" and isinstance(case.body, dict):
        case.body["idempotencyKey"] = f"key-{next(KEYS)}"
        if isinstance(case.body.get("payload"), dict):
            case.body["payload"].pop("expiresAt", None)
    if case.operation.label == "POST /api/rules" and isinstance(case.body, dict):
        case.body["allowImmediate"] = True
        if case.body.get("expiresAt"):
            case.body["expiresAt"] = f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z"
    if "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = bridge.alert_id if "alerts" in case.path else bridge.rule_id


def search(case, bridge) -> None:
    sensible(case, bridge)
    case.call_and_validate(base_url=bridge.url, timeout=30)


QUIET = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}


@document.parametrize()
@settings(max_examples=10, **QUIET)
def test_made_up_requests_get_answers_of_the_document(case, served) -> None:
    search(case, served)


@pytest.mark.long
@document.parametrize()
@settings(max_examples=200, **QUIET)
def test_two_hundred_made_up_requests_get_answers_of_the_document(case, served) -> None:
    search(case, served)
