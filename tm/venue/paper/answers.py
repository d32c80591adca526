"""An HTTP answer, whole or spoiled by a fault."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tm.venue.paper.faults import Fault

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_WORDS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


@dataclass(frozen=True, slots=True)
class Answer:
    """`sent`: how many bytes of the body really leave; None: all. `drip`: seconds between two bytes."""

    status: int
    body: bytes
    type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    drip: float | None = None


def plain(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def success(data: Any, status: int = 200) -> Answer:
    return plain({"success": True, "data": data}, status)


def failure(status: int, code: str, message: str, details: Any = None) -> Answer:
    error: dict[str, Any] = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    return plain({"success": False, "error": error, "traceId": str(uuid.uuid4())}, status)


def invalid(*issues: tuple[str, str]) -> Answer:
    """Given (field, what is wrong with it) pairs, return Vincent's VALIDATION_ERROR."""
    details = [{"path": [name], "message": message} for name, message in issues]
    return failure(400, "VALIDATION_ERROR", "Validation failed", details)


def bet_failed(message: str) -> Answer:
    return failure(500, "BET_FAILED", f"Polymarket bet failed: {message}")


def unauthorized() -> Answer:
    return failure(401, "UNAUTHORIZED", "Invalid or missing API key")


def spoiled(fault: Fault, true: Answer | None) -> Answer | None:
    """Given an answer's fault and the true answer (None: the request was not acted on), return what is sent.

    None: the connection closes without a byte.
    """
    if fault.kind in ("drop", "hang"):
        return None
    if fault.kind in ("truncated", "broken", "drip", "nan"):
        return None if true is None else _damaged(fault, true)
    made = _made(fault)
    return replace(made, headers={**made.headers, **fault.headers})


def _made(fault: Fault) -> Answer:
    message = fault.message
    match fault.kind:
        case "rate_limit":
            headers = {} if fault.seconds is None else {"Retry-After": f"{fault.seconds:g}"}
            words = "Too many requests, please try again later"
            return replace(failure(429, "RATE_LIMIT_EXCEEDED", words), headers=headers)
        case "unauthorized":
            return unauthorized()
        case "denied":
            reason = message or "Spending policy: the daily limit is reached"
            return success({"status": "denied", "reason": reason, "transactionLogId": str(uuid.uuid4())}, 403)
        case "bet_failed":
            return bet_failed(message or "timeout")
        case "garbage":
            return Answer(fault.status or 200, (fault.body or "\x00\x17{not json").encode())
        case "wrong":
            return Answer(fault.status or 200, (fault.body or '{"unexpected": [1, 2, 3]}').encode())
        case "page":
            status = fault.status or 502
            title = f"{status} {_WORDS.get(status, 'Error')}"
            return Answer(status, (fault.body or _PAGE.format(title)).encode(), HTML)
        case "text":
            return Answer(fault.status or 503, (fault.body or "upstream error").encode(), "text/plain")
        case _:
            status = fault.status or 500
            if fault.body is not None:
                return Answer(status, fault.body.encode())
            return failure(status, fault.code or "INTERNAL_ERROR", message or "Something went wrong")


def _damaged(fault: Fault, true: Answer) -> Answer:
    half = len(true.body) // 2
    match fault.kind:
        case "truncated":
            return replace(true, body=true.body[:half])
        case "broken":
            return replace(true, sent=half)
        case "drip":
            return replace(true, drip=1.0 if fault.seconds is None else fault.seconds)
        case _:
            return replace(true, body=json.dumps(_without_numbers(json.loads(true.body))).encode())


def _without_numbers(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_numbers(inner) for inner in value]
    if isinstance(value, float):
        return float("nan")
    return "NaN" if name in ("price", "size", "balance") else value
