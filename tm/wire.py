"""Records as users and agents see them: camelCase JSON objects, the same from the CLI and over HTTP.

Prices, shares and USD are JSON numbers, instants ISO 8601 UTC with milliseconds and Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from tm.model import Action, Alert, AlertMode, Attempt, Job, Position, Rule, RuleEvent, Stretch
from tm.numbers import parse_decimal
from tm.times import iso

Wire = dict[str, Any]

# What the database keeps as text because it must be exact. Ids are digits too, and stay text.
_AMOUNT = re.compile(r"(price|bid|ask|shares|amount|percent|usd|spread|floor|size|quantity|held|sold)$", re.I)


def number(value: Decimal | None) -> int | float | None:
    """Given an amount, return the JSON number whose shortest spelling it is (exact to 15 digits)."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def instant(value: datetime | None) -> str | None:
    return None if value is None else iso(value)


def action(value: Action) -> Wire:
    wire: Wire = {"type": str(value.type)}
    if value.amount is not None:
        wire["amount"] = number(value.amount)
    if value.percent is not None:
        wire["percent"] = number(value.percent)
    return wire


def rule(value: Rule, execution: Attempt | None = None) -> Wire:
    """Given a rule and its latest attempt, return the TradeRule."""
    return {
        "id": value.id,
        "ruleType": str(value.rule_type),
        "marketId": value.market_id,
        "tokenId": value.token_id,
        "side": value.side,
        "triggerPrice": number(value.trigger_price),
        "triggerPercent": number(value.trigger_percent),
        "entryPrice": number(value.entry_price),
        "entryPriceNow": number(value.entry_price_now),
        "trailingPercent": number(value.trailing_percent),
        "trailingAmount": number(value.trailing_amount),
        "activationPrice": number(value.activation_price),
        "activationPercent": number(value.activation_percent),
        "activatedAt": instant(value.activated_at),
        "action": action(value.action),
        "status": str(value.status),
        "triggeredAt": instant(value.triggered_at),
        "triggerTxHash": value.trigger_tx_hash,
        "errorMessage": value.error_message,
        "label": value.label,
        "expiresAt": instant(value.expires_at),
        "soldShares": number(value.sold_shares),
        "positionSeenAt": instant(value.position_seen_at),
        "cancelRequested": value.cancel_requested,
        "execution": None if execution is None else execution_in_short(execution),
        "createdAt": instant(value.created_at),
        "updatedAt": instant(value.updated_at),
    }


def execution_in_short(value: Attempt) -> Wire:
    """What a rule says of its latest attempt."""
    return {
        "id": value.id,
        "status": str(value.status),
        "outcome": str(value.outcome),
        "shares": number(value.shares),
        "filledShares": number(value.filled_shares),
        "avgPrice": number(value.avg_price),
        "reason": value.reason,
        "needsOperator": value.needs_operator,
        "createdAt": instant(value.created_at),
        "closedAt": instant(value.closed_at),
    }


def execution(value: Attempt) -> Wire:
    """Given an attempt, return the ExecutionAttempt."""
    return {
        "id": value.id,
        "alertId": value.alert_id,
        "ruleId": value.rule_id,
        "jobId": value.job_id,
        "status": str(value.status),
        "outcome": str(value.outcome),
        "marketId": value.market_id,
        "tokenId": value.token_id,
        "action": str(value.action),
        "shares": number(value.shares),
        "filledShares": number(value.filled_shares),
        "avgPrice": number(value.avg_price),
        "reason": value.reason,
        "needsOperator": value.needs_operator,
        "request": amounts_as_numbers(value.request),
        "response": None if value.response is None else plain(value.response),
        "txHash": value.tx_hash,
        "orderId": value.order_id,
        "createdAt": instant(value.created_at),
        "closedAt": instant(value.closed_at),
    }


def position(value: Position) -> Wire:
    """Given a position, return the MonitoredPosition."""
    return {
        "id": value.id,
        "marketId": value.market_id,
        "tokenId": value.token_id,
        "side": value.side,
        "label": value.label,
        "quantity": number(value.quantity),
        "avgEntryPrice": number(value.avg_entry_price),
        "currentPrice": number(value.current_price),
        "bestBid": number(value.best_bid),
        "bestAsk": number(value.best_ask),
        "quoteAt": instant(value.quote_at),
        "tickSize": number(value.tick_size),
        "redeemable": value.redeemable,
        "lastUpdatedAt": instant(value.last_updated_at),
        "createdAt": instant(value.created_at),
        "updatedAt": instant(value.updated_at),
    }


def stretch(value: Stretch) -> Wire:
    """Given a quote that stood for a while, return the PriceStretch."""
    return {
        "at": instant(value.at),
        "until": instant(value.until),
        "bestBid": number(value.bid),
        "bestAsk": number(value.ask),
    }


def event(value: RuleEvent) -> Wire:
    """Given an event, return the RuleEvent."""
    return {
        "id": value.id,
        "ruleId": value.rule_id,
        "eventType": str(value.event_type),
        "eventData": amounts_as_numbers(value.event_data),
        "createdAt": instant(value.created_at),
    }


def alert(
    value: Alert, jobs: Iterable[Job] | None = None, executions: Iterable[Attempt] | None = None
) -> Wire:
    """Given an alert, return the AlertEvent; in detail, with its jobs and executions."""
    wire: Wire = {
        "id": value.id,
        "source": value.source,
        "alertType": value.alert_type,
        "mode": str(value.mode),
        "idempotencyKey": value.idempotency_key,
        "payload": _alert_payload(value),
        "status": str(value.status),
        "expiresAt": instant(value.expires_at),
        "createdAt": instant(value.created_at),
        "updatedAt": instant(value.updated_at),
    }
    if jobs is not None:
        wire["jobs"] = [job(each) for each in jobs]
    if executions is not None:
        wire["executions"] = [execution(each) for each in executions]
    return wire


def _alert_payload(value: Alert) -> Any:
    """An order's terms are ours, so its amount is a number; anything else is shown as it came."""
    is_order = value.mode is AlertMode.EXECUTE_TXN and isinstance(value.payload, dict)
    return amounts_as_numbers(value.payload) if is_order else plain(value.payload)


def job(value: Job) -> Wire:
    """Given a job, return the HarnessJob."""
    return {
        "id": value.id,
        "alertId": value.alert_id,
        "ruleId": value.rule_id,
        "jobType": str(value.job_type),
        "status": str(value.status),
        "attempts": value.attempts,
        "maxAttempts": value.max_attempts,
        "runAt": instant(value.run_at),
        "lastError": value.last_error,
        "lastAttemptAt": instant(value.last_attempt_at),
        "subjects": [amounts_as_numbers(subject) for subject in value.subjects],
        "payload": amounts_as_numbers(value.payload),
        "soldShares": number(value.sold_shares),
        "cancelRequested": value.cancel_requested,
        "createdAt": instant(value.created_at),
        "updatedAt": instant(value.updated_at),
    }


def plain(value: Any) -> Any:
    """Given any structure of records' values, return it as JSON can carry it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def amounts_as_numbers(value: dict[str, Any]) -> Wire:
    """Given stored data, whose amounts are exact text, return it with amounts as JSON numbers."""
    return {key: _amount(key, plain(item)) for key, item in value.items()}


def _amount(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return amounts_as_numbers(value)
    if isinstance(value, list):
        return [_amount(key, item) for item in value]
    if isinstance(value, str) and _AMOUNT.search(key):
        parsed = parse_decimal(value)
        return value if parsed is None else number(parsed)
    return value
