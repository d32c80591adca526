"""The client of Vincent over real sockets, against a server that does whatever a bad day brings."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from rawserver import (
    Step,
    drop,
    failure,
    hang,
    refused_port,
    reset,
    response,
    say_and_close,
    serving,
    success,
    trickle,
)

from tm import errors, points
from tm.market import Answer, Book
from tm.model import Heard, Outcome
from tm.venue.vincent import Vincent

PEM = Path(__file__).parent / "selfsigned.pem"  # made for these tests, trusted nowhere
KEY = "ssk_test_0123456789abcdef"
TOKEN = "7132104567925311"
SOLD = {
    "status": "executed",
    "orderDetails": {
        "orderID": "0xorder",
        "success": True,
        "status": "matched",
        "makingAmount": "10",
        "takingAmount": "3.9",
        "transactionsHashes": ["0xhash"],
    },
}
HOLDING = {
    "tokenId": TOKEN,
    "conditionId": "0xmarket",
    "shares": 120.5,
    "averageEntryPrice": 0.45,
    "currentPrice": 0.4,
    "marketTitle": "Will it rain?",
    "outcome": "Yes",
    "surprise": {"new": "field"},
}
TRADE = {
    "id": "t1",
    "taker_order_id": "0xorder",
    "market": "0xmarket",
    "asset_id": TOKEN,
    "side": "SELL",
    "size": "10",
    "price": "0.39",
    "status": "CONFIRMED",
    "match_time": "1769860800",
    "transaction_hash": "0xhash",
}
ORDER = {
    "id": "0xresting",
    "status": "LIVE",
    "asset_id": TOKEN,
    "side": "SELL",
    "original_size": "50",
    "size_matched": "12.5",
    "price": "0.6",
}
BOOK = {
    "market": "0xmarket",
    "asset_id": TOKEN,
    "bids": [{"price": "0.01", "size": "15"}, {"price": "0.39", "size": "120.5"}],
    "asks": [{"price": "0.99", "size": "3"}, {"price": "0.41", "size": "80"}],
}


def held(*rows: Any) -> bytes:
    return success({"walletAddress": "0xw", "holdings": list(rows)})


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


# ---- reads ---------------------------------------------------------------------------------------


def test_holdings_are_read_exactly_and_with_vincents_clock() -> None:
    with serving(held(HOLDING)) as server, Vincent(server.url + "/", KEY) as vincent:
        read = vincent.holdings()
    holding = read.value.by_token[TOKEN]
    assert (holding.shares, holding.avg_entry_price) == (Decimal("120.5"), Decimal("0.45"))
    assert (holding.label, holding.redeemable, read.value.page_full) == ("Will it rain? · Yes", False, False)
    assert read.venue_at == datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    line, headers, _ = server.requests[0]
    assert line == "GET /api/skills/polymarket/holdings HTTP/1.1"
    assert headers["authorization"] == f"Bearer {KEY}"


def test_a_base_url_with_a_path_keeps_it() -> None:
    with serving(held()) as server, Vincent(f"{server.url}/proxy/", KEY) as vincent:
        vincent.holdings()
    assert server.lines == ["GET /proxy/api/skills/polymarket/holdings HTTP/1.1"]


@pytest.mark.parametrize("price", [None, -0.1, "x", 1.5, "", True])
def test_a_price_beside_a_holding_that_cannot_be_is_unknown(price: Any) -> None:
    with serving(held({**HOLDING, "currentPrice": price})) as server, Vincent(server.url, KEY) as vincent:
        assert vincent.holdings().value.by_token[TOKEN].current_price is None


def test_a_hundred_rows_are_a_full_page() -> None:
    rows = [{**HOLDING, "tokenId": str(number)} for number in range(100)]
    with serving(held(*rows), held(*rows[1:])) as server, Vincent(server.url, KEY) as vincent:
        assert vincent.holdings().value.page_full
        assert not vincent.holdings().value.page_full


@pytest.mark.parametrize(
    "row",
    [
        without(HOLDING, "shares"),
        without(HOLDING, "tokenId"),
        without(HOLDING, "conditionId"),
        {**HOLDING, "shares": None},
        {**HOLDING, "shares": -1},
        {**HOLDING, "shares": "many"},
        {**HOLDING, "shares": "NaN"},
        {**HOLDING, "shares": True},
        {**HOLDING, "shares": "1e400"},
        {**HOLDING, "tokenId": ""},
        {**HOLDING, "redeemable": "perhaps"},
        "row",
        None,
    ],
)
def test_one_row_that_makes_no_sense_spoils_the_read(row: Any) -> None:
    good = {**HOLDING, "tokenId": "1"}
    with (
        serving(held(good, row)) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match=r"did not make sense: holdings\[1\]"),
    ):
        vincent.holdings()
    assert len(server.requests) == 1


def test_a_token_listed_twice_spoils_the_read() -> None:
    rows = held(HOLDING, {**HOLDING, "shares": 1})
    with (
        serving(rows) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="listed twice"),
    ):
        vincent.holdings()


def test_trades_are_read_each_once() -> None:
    later = {**TRADE, "id": "t2", "status": "retrying", "transaction_hash": None}
    with serving(success({"trades": [TRADE, later, TRADE]})) as server, Vincent(server.url, KEY) as vincent:
        first, second = vincent.trades().value
    assert (first.id, first.order_id, first.size) == ("t1", "0xorder", Decimal(10))
    assert first.matched_at == datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    assert (second.status, second.tx_hash) == ("RETRYING", None)


@pytest.mark.parametrize(
    "rows",
    [
        [{**TRADE, "match_time": "1769860800000"}],
        [{**TRADE, "match_time": "noon"}],
        [{**TRADE, "side": "LONG"}],
        [{**TRADE, "size": ""}],
        [without(TRADE, "taker_order_id")],
        [without(TRADE, "status")],
        [TRADE, {**TRADE, "status": "FAILED"}],
    ],
)
def test_trades_that_make_no_sense_are_not_read(rows: Any) -> None:
    with (
        serving(success({"trades": rows})) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="did not make sense"),
    ):
        vincent.trades()


def test_an_open_order_locks_what_is_not_matched_of_it() -> None:
    with serving(success({"openOrders": [ORDER]})) as server, Vincent(server.url, KEY) as vincent:
        (order,) = vincent.open_orders().value
    assert (order.id, order.side, order.remaining) == ("0xresting", "SELL", Decimal("37.5"))


@pytest.mark.parametrize("change", [{"size_matched": None}, {"size_matched": "51"}, {"original_size": "x"}])
def test_an_open_order_of_unknown_size_spoils_the_read(change: dict[str, Any]) -> None:
    with (
        serving(success({"openOrders": [{**ORDER, **change}]})) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="did not make sense"),
    ):
        vincent.open_orders()


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (Vincent.holdings, {"openOrders": []}),
        (Vincent.holdings, {"holdings": None}),
        (Vincent.trades, []),
        (Vincent.open_orders, {"openOrders": {}}),
        (Vincent.balance, {"collateral": {"balance": None}}),
    ],
)
def test_an_answer_to_another_question_is_never_an_empty_list(read: Callable[..., Any], data: Any) -> None:
    with (
        serving(success(data)) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="did not make sense"),
    ):
        read(vincent)


def read_book(data: Any) -> Book:
    with serving(success(data)) as server, Vincent(server.url, KEY) as vincent:
        return vincent.book(TOKEN).value


def test_a_book_keeps_every_level_that_is_an_offer() -> None:
    bad = [{"price": "0", "size": "9"}, {"price": "1", "size": "9"}, {"price": "0.5", "size": "0"}]
    book = read_book({**BOOK, "bids": [*BOOK["bids"], *bad]})
    assert max(level.price for level in book.bids) == Decimal("0.39")
    assert len(book.bids) == 2
    assert min(level.price for level in book.asks) == Decimal("0.41")


def test_an_empty_side_is_empty_and_not_an_error() -> None:
    book = read_book({**BOOK, "bids": [], "asks": None})
    assert (book.bids, book.asks) == ((), ())


@pytest.mark.parametrize(
    "data",
    [
        {**BOOK, "asset_id": "8"},
        without(BOOK, "asset_id"),
        without(BOOK, "bids"),
        {**BOOK, "bids": "none"},
        {**BOOK, "bids": [{"price": "NaN", "size": "5"}]},
        {**BOOK, "bids": [{"size": "5"}]},
        {**BOOK, "asks": [None]},
    ],
)
def test_a_book_that_makes_no_sense_or_is_anothers_is_not_read(data: Any) -> None:
    with pytest.raises(errors.Unreachable, match="did not make sense"):
        read_book(data)


def test_a_missing_book_is_not_found_and_not_asked_for_again() -> None:
    answer = failure(404, "NOT_FOUND", "No orderbook exists")
    with (
        serving(answer) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.NotFound, match="No orderbook exists"),
    ):
        vincent.book(TOKEN)
    assert server.lines == [f"GET /api/skills/polymarket/orderbook/{TOKEN} HTTP/1.1"]


def test_balance_and_market_are_read() -> None:
    market = {
        "condition_id": "0xmarket",
        "question": "Will it rain?",
        "active": True,
        "closed": False,
        "accepting_orders": True,
        "tokens": [{"token_id": TOKEN, "outcome": "Yes", "price": 0.4, "winner": False}],
    }
    wallet = {"walletAddress": "0xw", "collateral": {"balance": "12.5", "allowance": "max"}}
    with serving(success(wallet), success({"market": market})) as server, Vincent(server.url, KEY) as vincent:
        assert vincent.balance().value.usd == Decimal("12.5")
        read = vincent.market("0xmarket").value
    assert (read.accepting_orders, read.tokens[0].token_id) == (True, TOKEN)


def test_one_connection_serves_the_reads_of_a_tick() -> None:
    with serving(held(), success({"trades": []})) as server, Vincent(server.url, KEY) as vincent:
        vincent.holdings()
        vincent.trades()
        assert server.connections == 1


@pytest.mark.parametrize("date", [None, "garbled", "Sat, 31 Jan 2026 25:00:00 GMT"])
def test_a_missing_or_garbled_date_header_is_no_time(date: str | None) -> None:
    answer = response(200, {"success": True, "data": {"holdings": []}}, date=date)
    with serving(answer) as server, Vincent(server.url, KEY) as vincent:
        assert vincent.holdings().venue_at is None


# ---- reads on a bad day --------------------------------------------------------------------------

QUICK = ["Retry-After: 0"]


@pytest.mark.parametrize(
    "trouble",
    [
        drop(),
        reset(),
        failure(502, "X", "y"),
        response(503, "<html>"),
        response(200, "{"),
        say_and_close(b"HT"),
    ],
)
def test_a_read_is_asked_again_after_a_moments_trouble(trouble: Step | bytes) -> None:
    with serving(trouble, held(HOLDING)) as server, Vincent(server.url, KEY) as vincent:
        assert TOKEN in vincent.holdings().value.by_token
    assert len(server.requests) == 2


def test_a_read_is_tried_three_times_and_no_more() -> None:
    answer = failure(429, "RATE_LIMIT_EXCEEDED", "slow", QUICK)
    with (
        serving(answer) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.RateLimited),
    ):
        vincent.holdings()
    assert len(server.requests) == 3


def test_one_try_is_one_request() -> None:
    with serving(drop()) as server, Vincent(server.url, KEY) as vincent, pytest.raises(errors.Unreachable):
        vincent.holdings(tries=1)
    assert len(server.requests) == 1


def test_a_longer_wait_than_the_budget_is_told_at_once() -> None:
    answer = failure(429, "RATE_LIMIT_EXCEEDED", "slow", ["Retry-After: 60"])
    with (
        serving(answer) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.RateLimited) as caught,
    ):
        vincent.holdings()
    assert caught.value.retry_after == 60.0
    assert len(server.requests) == 1


def test_a_refused_key_is_not_tried_again() -> None:
    with (
        serving(failure(401, "UNAUTHORIZED", "Invalid key")) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.CredentialsError, match="Invalid key"),
    ):
        vincent.holdings()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "silence", [hang(), trickle(held(HOLDING)), trickle(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90)]
)
def test_a_slow_server_holds_a_read_no_longer_than_its_time(silence: Step) -> None:
    with (
        serving(silence) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match=r"no answer within 0\.3 s"),
    ):
        vincent.holdings(tries=1, timeout=0.3)


def test_a_body_that_trickles_ends_with_the_reads_time() -> None:
    head, _, body = held(HOLDING).partition(b"\r\n\r\n")

    def slow_body(connection: socket.socket, stop: Any) -> bool:
        connection.sendall(head + b"\r\n\r\n")
        return trickle(body)(connection, stop)

    with (
        serving(slow_body) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="did not end in time"),
    ):
        vincent.holdings(tries=1, timeout=0.3)


def test_a_deadline_ends_the_tries() -> None:
    with serving(hang()) as server, Vincent(server.url, KEY) as vincent, pytest.raises(errors.Unreachable):
        vincent.holdings(deadline=monotonic() + 0.3)
    assert len(server.requests) == 1


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    answer = failure(429, "RATE_LIMIT_EXCEEDED", "slow", ["Retry-After: 3"])
    with serving(answer) as server, Vincent(server.url, KEY) as vincent:
        with pytest.raises(errors.RateLimited) as caught:
            vincent.holdings(deadline=monotonic() + 2)
        assert len(server.requests) == 1
    assert caught.value.retry_after == 3.0


def test_close_ends_every_connection_also_after_trouble() -> None:
    with serving(drop(), held(HOLDING)) as server:
        with Vincent(server.url, KEY) as vincent:
            vincent.holdings()
        assert server.all_closed()


def test_a_body_longer_than_any_answer_is_not_read_to_its_end() -> None:
    padded = response(200, b'{"success": true, "data": {"holdings": []}}' + b" " * (8 * 2**20))
    with (
        serving(padded) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable, match="longer than 8192 KiB"),
    ):
        vincent.holdings(tries=1)


def test_no_time_left_means_no_request() -> None:
    with serving(held()) as server, Vincent(server.url, KEY) as vincent:
        with pytest.raises(errors.Unreachable, match="no time is left"):
            vincent.holdings(deadline=monotonic() - 1)
        assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        response(200, b"x" * (8 * 2**20 + 1)),
        say_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}"),
        say_and_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        say_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"),
        say_and_close(b"SSH-2.0-OpenSSH\r\n"),
        say_and_close(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        response(200, '{"success": true, "success": false, "data": {"holdings": []}}'),
        response(200, '{"success": true, "data": {"holdings": [], "x": Infinity}}'),
        response(200, "<html>welcome</html>"),
        response(200, b"\xff\xfe"),
        response(200, b"[" * 200_000),
        response(103),
    ],
)
def test_garbage_is_unreachable_and_never_empty(answer: Step | bytes) -> None:
    with (
        serving(answer) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Unreachable) as caught,
    ):
        vincent.holdings(tries=1)
    assert str(caught.value).startswith(f"Vincent at {server.url}: GET /holdings")


def test_an_interim_answer_does_not_shift_the_answers_of_the_next_read() -> None:
    early = say_and_close(response(103) + held({**HOLDING, "shares": 999}))
    with serving(early, held(HOLDING)) as server, Vincent(server.url, KEY) as vincent:
        with pytest.raises(errors.Unreachable):
            vincent.holdings(tries=1)
        assert vincent.holdings(tries=1).value.by_token[TOKEN].shares == Decimal("120.5")


def test_a_continue_before_the_answer_is_passed_over() -> None:
    with (
        serving(b"HTTP/1.1 100 Continue\r\n\r\n" + held(HOLDING)) as server,
        Vincent(server.url, KEY) as vincent,
    ):
        assert TOKEN in vincent.holdings(tries=1).value.by_token


def test_a_redirect_is_not_followed_and_the_hint_names_the_target() -> None:
    with serving(held()) as elsewhere:
        answer = response(301, b"", [f"Location: {elsewhere.url}/x?token=1"])
        with (
            serving(answer) as server,
            Vincent(server.url, KEY) as vincent,
            pytest.raises(errors.Unreachable, match="redirect") as caught,
        ):
            vincent.holdings(tries=1)
        assert elsewhere.requests == []
    assert caught.value.hint is not None
    assert f"{elsewhere.url}/x" in caught.value.hint
    assert "token=1" not in caught.value.hint


def test_no_connection_is_told_with_what_to_check() -> None:
    with Vincent(f"http://127.0.0.1:{refused_port()}", KEY) as vincent:
        with pytest.raises(errors.Unreachable, match="Connection refused") as caught:
            vincent.holdings(tries=1)
        assert caught.value.hint is not None
        assert "vincentApiUrl" in caught.value.hint


def test_each_try_asks_for_permission_and_a_refusal_ends_the_read() -> None:
    asked: list[str] = []

    def permit(call: str) -> None:
        asked.append(call)
        if len(asked) > 2:
            raise errors.RateLimited("no token left", retry_after=30.0)

    answer = failure(503, "X", "y", QUICK)
    with (
        serving(answer) as server,
        Vincent(server.url, KEY, permit=permit) as vincent,
        pytest.raises(errors.RateLimited, match="no token left"),
    ):
        vincent.trades()
    assert asked == ["trades"] * 3
    assert len(server.requests) == 2


def test_the_environment_cannot_put_a_proxy_or_a_netrc_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(held()) as server, Vincent(server.url, KEY) as vincent:
        vincent.holdings(tries=1)
    assert server.requests[0][1]["authorization"] == f"Bearer {KEY}"


# ---- orders --------------------------------------------------------------------------------------


def sell(*script: Step | bytes, shares: str = "10.00") -> tuple[Any, Any]:
    with serving(*script) as server, Vincent(server.url, KEY) as vincent:
        answer = vincent.sell(TOKEN, Decimal(shares))
    return answer, server


def test_a_sell_sends_the_exact_size_and_no_price() -> None:
    answer, server = sell(success(SOLD))
    assert (answer.outcome, answer.order_id, answer.tx_hash) == (Outcome.MATCHED, "0xorder", "0xhash")
    line, headers, body = server.requests[0]
    assert line == "POST /api/skills/polymarket/bet HTTP/1.1"
    assert json.loads(body, parse_int=str, parse_float=str) == {
        "tokenId": TOKEN,
        "side": "SELL",
        "amount": "10",
    }
    assert headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("shares", ["0.1", "0.07", "33.33", "1000000.01", "999999999.99", "1E+2"])
def test_the_amount_is_the_decimals_own_digits(shares: str) -> None:
    _, server = sell(drop(), shares=shares)
    amount = json.loads(server.requests[0][2], parse_int=str, parse_float=str)["amount"]
    assert amount == format(Decimal(shares), "f")


@pytest.mark.parametrize("shares", ["0", "-1", "0.001", "10.005", "NaN", "Infinity"])
def test_a_size_that_no_order_can_carry_is_refused_before_anything_is_sent(shares: str) -> None:
    with serving(success(SOLD)) as server, Vincent(server.url, KEY) as vincent:
        with pytest.raises(errors.Invalid):
            vincent.sell(TOKEN, Decimal(shares))
        assert server.connections == 0


@pytest.mark.parametrize(
    ("script", "outcome", "heard"),
    [
        (drop(), Outcome.UNKNOWN, Heard.NOBODY),
        (reset(), Outcome.UNKNOWN, Heard.NOBODY),
        (say_and_close(b"HTTP/1.1"), Outcome.UNKNOWN, Heard.NOBODY),
        (say_and_close(b"garbage\r\n\r\n"), Outcome.UNKNOWN, Heard.NOBODY),
        (say_and_close(success(SOLD)[:-5]), Outcome.UNKNOWN, Heard.NOBODY),
        (say_and_close(success(SOLD, 202)[:-5]), Outcome.UNKNOWN, Heard.ACCEPTED),
        (response(429, "slow down"), Outcome.NOT_SENT, Heard.NOBODY),
        (response(503, "<html>"), Outcome.UNKNOWN, Heard.NOBODY),
        (response(307, b"", ["Location: /api/skills/polymarket/bet"]), Outcome.UNKNOWN, Heard.NOBODY),
        (response(302, b"", ["Location: http://[garbled"]), Outcome.UNKNOWN, Heard.NOBODY),
        (response(103), Outcome.UNKNOWN, Heard.NOBODY),
        (failure(500, "BET_FAILED", "Polymarket bet failed: no match"), Outcome.NOT_FILLED, Heard.VINCENT),
        (success({"status": "pending_approval"}, 202), Outcome.PENDING_APPROVAL, Heard.ACCEPTED),
        (response(200, b"x" * (2**20 + 1)), Outcome.UNKNOWN, Heard.NOBODY),
    ],
)
def test_an_order_is_sent_once_whatever_comes_back(
    script: Step | bytes, outcome: Outcome, heard: Heard
) -> None:
    answer, server = sell(script, success(SOLD))
    assert (answer.outcome, answer.heard) == (outcome, heard)
    assert len(server.requests) == 1


def test_an_order_whose_answer_trickles_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm.venue.vincent._ORDER_SECONDS", 0.3)
    for silence in (hang(), trickle(success(SOLD))):
        answer, server = sell(silence)
        assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.NOBODY)
        assert len(server.requests) == 1


def test_an_order_never_rides_on_a_connection_of_the_reads() -> None:
    with serving(held(), success(SOLD), held()) as server, Vincent(server.url, KEY) as vincent:
        vincent.holdings()
        vincent.sell(TOKEN, Decimal(10))
        assert server.connections == 2
        vincent.holdings()
        assert server.connections == 2


def test_a_refused_connection_is_provably_unsent() -> None:
    with Vincent(f"http://127.0.0.1:{refused_port()}", KEY) as vincent:
        answer = vincent.sell(TOKEN, Decimal(10))
    assert (answer.outcome, answer.heard) == (Outcome.NOT_SENT, Heard.NOBODY)
    assert "Connection refused" in answer.reason


def test_an_unknown_host_is_provably_unsent() -> None:
    with Vincent("http://vincent.invalid", KEY) as vincent:
        answer = vincent.sell(TOKEN, Decimal(10))
    assert (answer.outcome, answer.reason) == (Outcome.NOT_SENT, "Vincent: its name could not be resolved")


def test_a_connect_that_times_out_is_provably_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm.transport.CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:  # nobody accepts: the queue fills
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        with Vincent(f"http://127.0.0.1:{address[1]}", KEY) as vincent:
            answer = vincent.sell(TOKEN, Decimal(10))
        for one in waiting:
            one.close()
    assert answer.outcome is Outcome.NOT_SENT
    assert "no connection within" in answer.reason


def sell_over_tls(serve: Callable[[socket.socket], None]) -> Answer:
    """Given what the server does with the one connection it takes, sell to it over https."""

    def take_one() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=take_one)
        thread.start()
        with Vincent(f"https://127.0.0.1:{listener.getsockname()[1]}", KEY) as vincent:
            answer = vincent.sell(TOKEN, Decimal(10))
        thread.join(5)
    return answer


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_server_that_speaks_no_tls_is_provably_unsent(said: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    answer = sell_over_tls(serve)
    assert (answer.outcome, answer.heard) == (Outcome.NOT_SENT, Heard.NOBODY)


def test_a_certificate_that_is_not_trusted_is_provably_unsent() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)

    def serve(connection: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    answer = sell_over_tls(serve)
    assert answer.outcome is Outcome.NOT_SENT
    assert "certificate" in answer.reason


def test_a_connection_dropped_after_the_tls_handshake_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(PEM))
    asked = []

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            asked.append(secure.recv(4096))

    answer = sell_over_tls(serve)
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.NOBODY)
    assert asked[0].startswith(b"POST /api/skills/polymarket/bet ")


def test_whatever_breaks_around_an_order_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tm.transport._body", lambda *_: 1 / 0)
    answer, server = sell(success(SOLD))
    assert (answer.outcome, answer.heard) == (Outcome.UNKNOWN, Heard.NOBODY)
    assert len(server.requests) == 1


def test_an_order_passes_a_point_before_and_after() -> None:
    passed: list[str] = []
    points.set_hook(passed.append)
    try:
        sell(drop())
        assert passed == ["vincent.bet.before", "vincent.bet.after"]
    finally:
        points.set_hook(None)


def test_a_resting_order_is_cancelled_by_its_id() -> None:
    answer = success({"canceled": ["0xorder"], "not_canceled": {}})
    with serving(answer) as server, Vincent(server.url, KEY) as vincent:
        vincent.cancel_order("0xorder")
    assert server.lines == ["DELETE /api/skills/polymarket/orders/0xorder HTTP/1.1"]


def test_a_cancel_that_the_exchange_refuses_is_a_conflict() -> None:
    answer = success({"canceled": [], "not_canceled": {"0xorder": "already matched"}})
    with (
        serving(answer) as server,
        Vincent(server.url, KEY) as vincent,
        pytest.raises(errors.Conflict, match="already matched"),
    ):
        vincent.cancel_order("0xorder")


def test_a_cancel_without_an_answer_is_tried_once() -> None:
    with serving(drop()) as server, Vincent(server.url, KEY) as vincent:
        with pytest.raises(errors.Unreachable):
            vincent.cancel_order("0xorder")
        assert len(server.requests) == 1


def test_a_market_is_redeemed_by_its_condition() -> None:
    answer = success({"walletAddress": "0xw", "redeemed": ["0xmarket"], "transactionHash": "0xt"})
    with serving(answer) as server, Vincent(server.url, KEY) as vincent:
        redeemed = vincent.redeem("0xmarket")
    assert (redeemed.outcome, redeemed.tx_hash) == (Outcome.MATCHED, "0xt")
    assert json.loads(server.requests[0][2]) == {"conditionIds": ["0xmarket"]}


# ---- the key -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "heyvincent.ai",
        "ftp://v",
        "http://",
        "http://me:pw@v",
        "http://ssk_x@v",
        "http://v:99999",
        "http://v w",
    ],
)
def test_an_unusable_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        Vincent(url, KEY)
    assert "pw" not in str(caught.value)
    assert "ssk_x" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "ssk_a\nb", "ssk_a b", "ssk_ä", "ssk_\x00"])
def test_a_key_that_no_header_carries_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(errors.CredentialsError) as caught:
        Vincent("http://127.0.0.1:1", key)
    assert "ssk_a" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "answer",
    [
        failure(401, "UNAUTHORIZED", f"no such key: {KEY}"),
        failure(500, "BET_FAILED", f"with Bearer {KEY}"),
        response(502, f"<html>{KEY}</html>"),
        response(302, KEY, [f"Location: https://x/{KEY}"]),
        response(200, f'{{"success": true, "data": {{"{KEY}": 1}}}}'),
        drop(),
    ],
)
def test_the_key_is_never_shown(answer: Step | bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(answer) as server, Vincent(server.url, KEY) as vincent:
        shown = [repr(vincent), str(vincent), repr(vincent.sell(TOKEN, Decimal(10)))]
        for call in (vincent.holdings, vincent.trades):
            with pytest.raises(errors.TradeManagerError) as caught:
                call(tries=1)
            shown += traceback.format_exception(caught.value)
            shown += [str(caught.value.to_wire()), repr(caught.value), str(caught.value.__context__)]
        with contextlib.suppress(errors.TradeManagerError):
            vincent.cancel_order("0x1")
    assert all(headers["authorization"] == f"Bearer {KEY}" for _, headers, _ in server.requests)
    assert KEY not in "\n".join([*shown, caplog.text])
