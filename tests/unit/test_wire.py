"""The records' JSON: the names and kinds that agents rely on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tm import wire
from tm.model import (
    Action,
    ActionType,
    Alert,
    AlertMode,
    AlertStatus,
    Attempt,
    Baseline,
    EventType,
    Job,
    JobStatus,
    JobType,
    Outcome,
    Position,
    Rule,
    RuleEvent,
    RuleStatus,
    RuleType,
)

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
ISO = "2026-01-31T12:00:00.123Z"
BIG_ID = "71321045679252212594626385532706912750332728571942532289631379312455583992563"


def a_rule(**changes: Any) -> Rule:
    fields: dict[str, Any] = {
        "id": "c1",
        "rule_type": RuleType.STOP_LOSS,
        "market_id": "m",
        "token_id": BIG_ID,
        "trigger_price": Decimal("0.40"),
        "trailing_percent": None,
        "action": Action(ActionType.SELL_PARTIAL, Decimal("100")),
        "status": RuleStatus.ACTIVE,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Rule(**{**fields, **changes})


def an_attempt(outcome: Outcome = Outcome.FILLED) -> Attempt:
    return Attempt(
        id="a1",
        seq=1,
        job_id="j1",
        market_id="m",
        token_id=BIG_ID,
        action=ActionType.SELL_ALL,
        shares=Decimal("12.34"),
        outcome=outcome,
        request={"tokenId": BIG_ID, "side": "SELL", "amount": "12.34"},
        baseline=Baseline(None, (), (), None, None, None),
        created_at=NOW,
        rule_id="c1",
        response={"status": "executed", "orderDetails": {"makingAmount": "12.34"}},
        filled_shares=Decimal("12.34"),
        avg_price=Decimal("0.385"),
        closed_at=NOW,
    )


def test_a_rule_has_every_name_of_the_contract() -> None:
    shown = wire.rule(a_rule(expires_at=NOW), an_attempt())
    promised = (
        "id ruleType marketId tokenId side triggerPrice trailingPercent action status triggeredAt "
        "triggerTxHash errorMessage createdAt updatedAt label expiresAt soldShares positionSeenAt execution"
    )
    assert set(promised.split()) <= set(shown)
    assert shown["tokenId"] == BIG_ID
    assert shown["triggerPrice"] == 0.4
    assert shown["action"] == {"type": "SELL_PARTIAL", "amount": 100}
    assert shown["side"] == "BUY"
    assert shown["createdAt"] == shown["expiresAt"] == ISO
    assert shown["execution"]["outcome"] == "filled"
    assert shown["execution"]["status"] == "CONFIRMED"


def test_a_rule_without_attempts_says_null_and_sell_all_has_no_amount() -> None:
    shown = wire.rule(a_rule(action=Action(ActionType.SELL_ALL), trigger_price=None))
    assert shown["execution"] is None
    assert shown["triggerPrice"] is None
    assert shown["action"] == {"type": "SELL_ALL"}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        *(
            (o, "SUBMITTED")
            for o in (Outcome.SENT, Outcome.MATCHED, Outcome.UNKNOWN, Outcome.PENDING_APPROVAL)
        ),
        *((o, "CONFIRMED") for o in (Outcome.FILLED, Outcome.PARTIAL)),
        *((o, "FAILED") for o in (Outcome.NOT_FILLED, Outcome.REJECTED, Outcome.NOT_SENT)),
    ],
)
def test_an_execution_has_the_status_of_its_outcome(outcome: Outcome, status: str) -> None:
    shown = wire.execution(an_attempt(outcome))
    assert (shown["outcome"], shown["status"]) == (outcome.value, status)


def test_an_execution_has_every_name_of_the_contract() -> None:
    shown = wire.execution(an_attempt())
    promised = (
        "id alertId ruleId jobId status request response txHash orderId createdAt "
        "outcome needsOperator filledShares avgPrice closedAt"
    )
    assert set(promised.split()) <= set(shown)
    assert shown["request"] == {"tokenId": BIG_ID, "side": "SELL", "amount": 12.34}
    assert shown["response"]["orderDetails"]["makingAmount"] == "12.34", "the venue's words stay as they were"


def test_an_event_tells_amounts_as_numbers_and_ids_as_text() -> None:
    data = {
        "tokenId": "123",
        "bestBid": "0.39",
        "soldShares": "100",
        "legs": [{"price": "0.1"}],
        "price": "none",
    }
    shown = wire.event(RuleEvent("e1", "c1", EventType.RULE_TRIGGERED, data, NOW))
    assert set(shown) == {"id", "ruleId", "eventType", "eventData", "createdAt"}
    assert shown["eventData"] == {
        "tokenId": "123",
        "bestBid": 0.39,
        "soldShares": 100,
        "legs": [{"price": 0.1}],
        "price": "none",
    }


def test_a_position_an_alert_and_a_job_have_every_name_of_the_contract() -> None:
    position = Position("p1", "m", "t", Decimal("10.5"), None, Decimal("0.5"), NOW, NOW, NOW)
    promised = (
        "id marketId tokenId side quantity avgEntryPrice currentPrice lastUpdatedAt createdAt updatedAt "
    )
    promised += "label bestBid bestAsk quoteAt redeemable"
    assert set(promised.split()) <= set(wire.position(position))
    job = Job("j1", JobType.EXECUTE_TXN, JobStatus.PENDING, 0, 5, NOW, NOW, NOW, alert_id="al1")
    promised = "id alertId ruleId jobType status attempts maxAttempts runAt lastError lastAttemptAt subjects "
    promised += "createdAt updatedAt"
    assert set(promised.split()) <= set(wire.job(job))
    payload = {"price": 1}
    alert = Alert("al1", "s", "t", AlertMode.EXECUTE_TXN, "k", payload, AlertStatus.QUEUED, NOW, NOW)
    promised = "id source alertType mode idempotencyKey payload status createdAt updatedAt"
    assert set(promised.split()) <= set(wire.alert(alert))
    assert "jobs" not in wire.alert(alert)
    detail = wire.alert(alert, [job], [an_attempt()])
    assert [entry["id"] for entry in detail["jobs"] + detail["executions"]] == ["j1", "a1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.40", "0.4"),
        ("100.00", "100"),
        ("1E+2", "100"),
        ("0.0001", "0.0001"),
        ("999999999.999999", "999999999.999999"),
    ],
)
def test_a_number_on_the_wire_spells_the_same_amount(value: str, text: str) -> None:
    assert json.dumps(wire.number(Decimal(value))) == text
