"""What the answer to a POST means for money: only what is provably unsent may ever be sent again at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm import errors
from tm.market import Answer
from tm.model import Heard, Outcome
from tm.reply import NoReply, Reply, http_date, parse_json
from tm.venue import answers

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SIZE = Decimal("100.50")
MATCHED = {
    "orderID": "0xorder",
    "success": True,
    "status": "matched",
    "makingAmount": "100.5",
    "takingAmount": "39.195",
    "transactionsHashes": ["0xhash", "0xother"],
}


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def executed(**details: Any) -> dict[str, Any]:
    kept = {name: value for name, value in {**MATCHED, **details}.items() if value is not ...}
    return {"success": True, "data": {"status": "executed", "walletAddress": "0xw", "orderDetails": kept}}


def error(code: str, message: str = "it said so", **more: Any) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message, **more}, "traceId": "t"}


def bet_failed(message: str) -> dict[str, Any]:
    return error("BET_FAILED", f"Polymarket bet failed: {message}")


def judged(status: int, body: Any = b"", **headers: str) -> Answer:
    return answers.bet_answer(reply(status, body, **headers), SIZE, NOW)


def test_a_match_of_the_whole_size_is_matched_with_its_ids_and_price() -> None:
    answer = judged(200, executed(), date="Sat, 31 Jan 2026 12:00:05 GMT")
    assert (answer.outcome, answer.heard) == (Outcome.MATCHED, Heard.VINCENT)
    assert (answer.order_id, answer.tx_hash, answer.avg_price) == ("0xorder", "0xhash", Decimal("0.39"))
    assert answer.venue_at == datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)
    assert answer.raw["status"] == 200
    assert answer.reason == "the exchange matched 100.5 shares at 0.39 USD each"


@pytest.mark.parametrize("amount", ["100.5", "100.50", 100.5, "100.500000"])
def test_the_matched_amount_is_compared_as_a_number(amount: Any) -> None:
    assert judged(200, executed(makingAmount=amount)).outcome is Outcome.MATCHED


@pytest.mark.parametrize("amount", ["100.49", "100.51", "0", "", None, "all", ..., True, "-100.5", "NaN"])
def test_a_match_of_another_amount_is_unknown_and_keeps_the_order_id(amount: Any) -> None:
    answer = judged(200, executed(makingAmount=amount))
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.VINCENT)
    assert answer.order_id == "0xorder"


@pytest.mark.parametrize("taking", ["0", "-1", "101", "x", None, ...])
def test_a_price_that_cannot_be_is_not_told(taking: Any) -> None:
    answer = judged(200, executed(takingAmount=taking))
    assert (answer.outcome, answer.avg_price) == (Outcome.MATCHED, None)


def test_a_match_without_an_order_id_is_a_match() -> None:
    answer = judged(200, executed(orderID=..., transactionsHashes=...))
    assert (answer.outcome, answer.order_id, answer.tx_hash) == (Outcome.MATCHED, None, None)


def test_the_order_id_is_also_taken_from_beside_the_details() -> None:
    body = executed(orderID=...)
    body["data"]["orderId"] = "0xbeside"
    assert judged(200, body).order_id == "0xbeside"


def test_a_resting_order_is_unknown_and_told_to_rest() -> None:
    answer = judged(200, executed(status="live"))
    assert (answer.outcome, answer.resting, answer.order_id) == (Outcome.UNKNOWN, True, "0xorder")


@pytest.mark.parametrize("status", ["delayed", "unmatched", "MATCHED?", "", ..., 7])
def test_any_other_state_of_the_order_is_unknown(status: Any) -> None:
    answer = judged(200, executed(status=status))
    assert (answer.outcome, answer.resting, answer.heard) == (Outcome.UNKNOWN, False, Heard.VINCENT)
    assert answer.order_id == "0xorder"


def test_a_match_that_the_exchange_calls_no_success_is_unknown() -> None:
    assert judged(200, executed(success=False)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_pending_approval_waits_for_a_human(status: int) -> None:
    body = {"success": True, "data": {"status": "pending_approval", "reason": "over 50 USD"}}
    answer = judged(status, body)
    assert (answer.outcome, answer.heard) == (Outcome.PENDING_APPROVAL, Heard.ACCEPTED)
    assert answer.reason == "a human is asked to approve it: over 50 USD"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", executed(), {"success": True}, error("INTERNAL_ERROR"), {"status": "pending_approval"}],
)
def test_any_other_202_is_unknown_and_may_still_be_approved(body: Any) -> None:
    answer = judged(202, body)
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.ACCEPTED)


def test_a_denial_is_rejected_with_its_reason() -> None:
    answer = judged(403, {"success": True, "data": {"status": "denied", "reason": "daily limit\nreached"}})
    assert (answer.outcome, answer.heard) == (Outcome.REJECTED, Heard.VINCENT)
    assert answer.reason == "denied by the wallet's policy: daily limit reached"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, error("VALIDATION_ERROR", "Invalid", details=[{"path": ["amount"]}]), Outcome.REJECTED),
        (500, bet_failed("CLOB_GEO_BLOCKED: not from here"), Outcome.REJECTED),
        (500, error("CLOB_GEO_BLOCKED"), Outcome.REJECTED),
        (403, error("CLOB_GEO_BLOCKED"), Outcome.REJECTED),
        (401, error("UNAUTHORIZED"), Outcome.NOT_FILLED),
        (404, error("NOT_FOUND"), Outcome.NOT_FILLED),
        (500, bet_failed("no match"), Outcome.NOT_FILLED),
        (
            500,
            bet_failed("order couldn't be fully filled. FOK orders are fully filled or killed."),
            Outcome.NOT_FILLED,
        ),
        (500, bet_failed("not enough balance / allowance"), Outcome.NOT_FILLED),
        (500, bet_failed("Size (1) lower than the minimum: 5"), Outcome.NOT_FILLED),
        (500, bet_failed("price breaks minimum tick size rule: 0.01"), Outcome.NOT_FILLED),
        (500, bet_failed("No orderbook exists for the requested token id"), Outcome.NOT_FILLED),
        (500, bet_failed("the exchange is in post-only mode"), Outcome.NOT_FILLED),
        (500, bet_failed("the market is not yet ready to process new orders"), Outcome.NOT_FILLED),
    ],
)
def test_known_refusals_sold_nothing(status: int, body: Any, outcome: Outcome) -> None:
    answer = judged(status, body)
    assert (answer.outcome, answer.heard) == (outcome, Heard.VINCENT)


@pytest.mark.parametrize(
    ("status", "body", "heard"),
    [
        # Vincent's own words, but not known to mean that nothing was sold
        (500, bet_failed("timeout of 10000ms exceeded"), Heard.VINCENT),
        (500, bet_failed("no matching engine could be reached"), Heard.VINCENT),
        (500, bet_failed(""), Heard.VINCENT),
        (500, error("INTERNAL_ERROR", "no match"), Heard.VINCENT),
        (502, bet_failed("no match"), Heard.VINCENT),
        (400, bet_failed("no match"), Heard.VINCENT),
        (400, error("BAD_REQUEST"), Heard.VINCENT),
        (401, error("VALIDATION_ERROR"), Heard.VINCENT),
        (403, error("FORBIDDEN"), Heard.VINCENT),
        (403, {"success": True, "data": {"status": "executed"}}, Heard.VINCENT),
        (404, error("UNAUTHORIZED"), Heard.VINCENT),
        (409, error("CONFLICT"), Heard.VINCENT),
        (500, {"success": False, "error": "no match"}, Heard.VINCENT),
        (500, {"success": False}, Heard.VINCENT),
        (200, {"success": True}, Heard.VINCENT),
        (200, {"success": True, "data": {}}, Heard.VINCENT),
        (200, {"success": True, "data": {"status": "executed"}}, Heard.VINCENT),
        (200, {"success": True, "data": {"status": "denied"}}, Heard.VINCENT),
        (200, {"success": True, "data": [1]}, Heard.VINCENT),
        (200, {**executed(), "success": False}, Heard.VINCENT),
        (500, executed(), Heard.VINCENT),
        # somebody else's words
        (200, {**executed(), "success": "true"}, Heard.NOBODY),
        (200, executed()["data"], Heard.NOBODY),
        (500, {"error": {"code": "BET_FAILED", "message": "no match"}}, Heard.NOBODY),
        (400, b"<html>VALIDATION_ERROR</html>", Heard.NOBODY),
        (401, b"Unauthorized", Heard.NOBODY),
        (403, b"denied", Heard.NOBODY),
        (404, b"Not Found", Heard.NOBODY),
        (502, b"<html>bad gateway</html>", Heard.NOBODY),
        (504, b"", Heard.NOBODY),
        (301, b"", Heard.NOBODY),
        (307, b"", Heard.NOBODY),
        (204, b"", Heard.NOBODY),
        (103, b"", Heard.NOBODY),
        (200, b"null", Heard.NOBODY),
        (200, b'"matched"', Heard.NOBODY),
        (200, json.dumps(executed()).encode()[:-1], Heard.NOBODY),
        (200, json.dumps(executed()).encode() + b"{}", Heard.NOBODY),
        (200, b'{"success": false, "success": true}', Heard.NOBODY),
        (200, b'{"success": true, "data": NaN}', Heard.NOBODY),
        (200, b"[" * 100_000, Heard.NOBODY),
        (200, b'{"success": true, "data": 1e99999999999999999999}', Heard.NOBODY),
        (200, b"\xff\xfe", Heard.NOBODY),
    ],
)
def test_everything_else_is_unknown(status: int, body: Any, heard: Heard) -> None:
    answer = judged(status, body)
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, heard)
    assert answer.reason
    assert "\n" not in answer.reason


@pytest.mark.parametrize(
    ("body", "heard"), [(error("RATE_LIMIT_EXCEEDED"), Heard.VINCENT), (b"<html>", Heard.NOBODY)]
)
def test_a_429_is_unsent_and_keeps_how_long_to_wait(body: Any, heard: Heard) -> None:
    answer = judged(429, body, retry_after="37")
    assert (answer.outcome, answer.heard, answer.retry_after) == (Outcome.NOT_SENT, heard, 37.0)


def test_a_body_that_broke_off_is_not_believed_whatever_it_says() -> None:
    whole = json.dumps(executed()).encode()
    answer = answers.bet_answer(Reply(200, {}, whole, trouble="it broke off"), SIZE, NOW)
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.NOBODY)
    assert answer.raw["trouble"] == "it broke off"


@pytest.mark.parametrize(("unsent", "outcome"), [(True, Outcome.NOT_SENT), (False, Outcome.UNKNOWN)])
def test_no_answer_is_unsent_only_where_no_connection_stood(unsent: bool, outcome: Outcome) -> None:
    answer = answers.bet_answer(NoReply("no connection", unsent=unsent), SIZE, NOW)
    assert (answer.outcome, answer.heard) == (outcome, Heard.NOBODY)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["executed", "matched"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*MATCHED, "success", "data", "error", "code"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(status=st.integers(200, 599), body=JSON | st.binary(max_size=40))
def test_no_answer_at_all_raises_and_none_invents_a_sale(status: int, body: Any) -> None:
    answer = judged(status, body)
    assert answer.outcome is not Outcome.MATCHED
    assert answer.outcome in (Outcome.UNKNOWN, Outcome.NOT_FILLED) or status in (400, 403, 429)
    json.dumps(answer.raw, ensure_ascii=False).encode()


def test_the_record_of_an_answer_holds_no_decimal_and_no_broken_text() -> None:
    body = (
        b'{"success": true, "data": {"a": 0.10, "b": 1e400, "c": "\\ud800", "d": ["' + b"x" * 9000 + b'"]}}'
    )
    raw = answers.bet_answer(reply(200, body), SIZE, NOW).raw
    assert raw["body"]["data"] == {"a": "0.1", "b": "1E+400", "c": "?", "d": ["x" * 2000]}


# ---- redeem --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "data", "outcome"),
    [
        (200, {"redeemed": [{"conditionId": "0xc"}], "transactionHash": "0xt"}, Outcome.MATCHED),
        (200, {"redeemed": []}, Outcome.NOT_FILLED),
        (200, {"walletAddress": "0xw"}, Outcome.UNKNOWN),
        (202, {"status": "pending_approval", "reason": "r"}, Outcome.PENDING_APPROVAL),
        (403, {"status": "denied", "reason": "r"}, Outcome.REJECTED),
    ],
)
def test_a_redemption_is_classified_like_an_order(status: int, data: Any, outcome: Outcome) -> None:
    answer = answers.redeem_answer(reply(status, {"success": True, "data": data}), NOW)
    assert answer.outcome is outcome
    assert answer.tx_hash == data.get("transactionHash")


# ---- reads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (429, b"slow down", errors.RateLimited),
        (401, b"", errors.CredentialsError),
        (401, error("UNAUTHORIZED"), errors.CredentialsError),
        (403, error("FORBIDDEN"), errors.CredentialsError),
        (403, b"<html>blocked by a proxy</html>", errors.Unreachable),
        (404, error("NOT_FOUND"), errors.NotFound),
        (500, error("INTERNAL_ERROR", "No orderbook exists for the requested token id"), errors.NotFound),
        (404, b"<html>no such page</html>", errors.Unreachable),
        (500, error("INTERNAL_ERROR"), errors.Unreachable),
        (502, b"<html>", errors.Unreachable),
        (302, b"", errors.Unreachable),
        (200, b"<html>", errors.Unreachable),
        (200, {"success": False, "data": {}}, errors.Unreachable),
        (200, {"data": {}}, errors.Unreachable),
        (200, {"success": True}, errors.Unreachable),
        (200, [], errors.Unreachable),
        (500, {"success": True, "data": {}}, errors.Unreachable),
    ],
)
def test_a_read_that_is_not_a_success_raises_what_it_means(status: int, body: Any, raised: type) -> None:
    with pytest.raises(errors.TradeManagerError) as caught:
        answers.data_of(reply(status, body), "Vincent at http://v: GET /holdings", NOW)
    assert type(caught.value) is raised
    assert caught.value.message.startswith("Vincent at http://v: GET /holdings")
    assert caught.value.hint or raised is errors.NotFound


def test_an_order_that_the_exchange_did_not_cancel_is_told_with_its_reason() -> None:
    data = {"canceled": [], "not_canceled": {"0xa": "already matched"}}
    assert answers.refused_cancel(data, "0xa") == "already matched"
    assert answers.refused_cancel(data, "0xb") is None
    assert answers.refused_cancel(None, "0xa") is None


# ---- what a reply says beside its body -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("999999999", 86400.0),
        ("-5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_to_wait_is_read_from_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert Reply(429, {"retry-after": text}).retry_after(NOW) == seconds


def test_a_limiter_that_only_tells_its_reset_is_understood() -> None:
    assert Reply(429, {"ratelimit-reset": "9"}).retry_after(NOW) == 9.0


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "2026-01-31T12:00:00Z",
        "Sat, 31 Foo 2026 12:00:00 GMT",
        "Sat, 31 Jan 2026 25:00:00 GMT",
    ],
)
def test_a_garbled_date_is_no_date(text: str | None) -> None:
    assert http_date(text) is None


def test_json_fractions_are_decimals() -> None:
    assert parse_json(b'{"price": 0.1, "n": 3}') == {"price": Decimal("0.1"), "n": 3}
