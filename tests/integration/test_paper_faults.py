"""Each fault does what the table in faults.py says, to the requests it is meant for."""

import json
import re

import pytest
import requests

from tm.venue.paper import faults
from tm.venue.paper.control import PaperError
from tm.venue.paper.faults import Fault

FAILS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def test_a_request_is_dropped_before_it_counts(trader):
    trader.control.fault(Fault("bet", "drop"))
    with pytest.raises(requests.ConnectionError):
        trader.bet(10)
    assert trader.control.orders() == []
    assert trader.bet(10).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        Fault("bet", "drop", after=True),
        Fault("bet", "broken"),
        Fault("bet", "hang", after=True, seconds=0.05),
    ],
)
def test_an_order_is_accepted_and_its_answer_lost(trader, fault):
    trader.control.fault(fault)
    with pytest.raises(FAILS):
        trader.bet(10)
    assert trader.control.sold("yes") == 10


@pytest.mark.parametrize(
    ("fault", "status", "sold"),
    [
        (Fault("bet", "page", status=504, after=True), 504, 10),
        (Fault("bet", "page"), 502, 0),
        (Fault("bet", "text"), 503, 0),
        (Fault("bet", "status", status=400, code="VALIDATION_ERROR", message="no"), 400, 0),
        (Fault("bet", "status", after=True), 500, 10),
        (Fault("bet", "bet_failed", message="timeout", after=True), 500, 10),
        (Fault("bet", "bet_failed", message="no match"), 500, 0),
        (Fault("bet", "rate_limit", seconds=7), 429, 0),
        (Fault("bet", "unauthorized"), 401, 0),
        (Fault("bet", "denied", message="over the limit"), 403, 0),
        (Fault("bet", "garbage"), 200, 10),
        (Fault("bet", "garbage", after=False), 200, 0),
        (Fault("bet", "wrong"), 200, 10),
        (Fault("bet", "truncated"), 200, 10),
    ],
)
def test_an_answer_is_replaced(trader, fault, status, sold):
    trader.control.fault(fault)
    answer = trader.bet(10)
    assert answer.status_code == status
    assert trader.control.sold("yes") == sold
    assert trader.bet(1).json()["data"]["status"] == "executed"


def test_the_words_of_replaced_answers(trader):
    trader.control.fault(
        Fault("holdings", "page", status=502),
        Fault("holdings", "denied", message="over the limit"),
        Fault("holdings", "rate_limit", seconds=7),
        Fault("holdings", "bet_failed", message="post-only mode"),
        Fault("holdings", "status", status=302, headers={"Location": "http://elsewhere.example/"}),
        Fault("holdings", "status", status=418, body='{"teapot": true}'),
    )
    page = trader.get("/holdings")
    assert (page.headers["Content-Type"], "502 Bad Gateway" in page.text) == (
        "text/html; charset=UTF-8",
        True,
    )
    denied = trader.get("/holdings").json()
    assert (denied["success"], denied["data"]["status"]) == (True, "denied")
    assert denied["data"]["reason"] == "over the limit"
    limited = trader.get("/holdings")
    assert limited.headers["Retry-After"] == "7"
    assert limited.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    failed = trader.get("/holdings").json()["error"]
    assert failed == {"code": "BET_FAILED", "message": "Polymarket bet failed: post-only mode"}
    moved = trader.session.get(
        f"{trader.url}/api/skills/polymarket/holdings", allow_redirects=False, timeout=5
    )
    assert moved.headers["Location"] == "http://elsewhere.example/"
    assert trader.get("/holdings").json() == {"teapot": True}


@pytest.mark.parametrize("kind", ["garbage", "truncated"])
def test_what_is_not_json_is_not_json(trader, kind):
    trader.control.fault(Fault("holdings", kind))
    answer = trader.get("/holdings")
    assert answer.status_code == 200
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of requests' kinds of it
        answer.json()


def test_prices_are_not_numbers(trader):
    trader.control.fault(Fault("book", "nan"), Fault("holdings", "nan"))
    assert trader.data("/orderbook/yes")["bids"] == [{"price": "NaN", "size": "NaN"}]
    assert '"shares": NaN' in trader.get("/holdings").text


def test_a_dripped_answer_is_whole_in_the_end(trader):
    trader.control.fault(Fault("balance", "drip", seconds=0.0001))
    assert trader.data("/balance")["collateral"]["balance"] == "0"


def test_a_hang_lasts_until_the_server_stops(trader):
    trader.control.fault(Fault("holdings", "hang"))
    with pytest.raises(requests.Timeout):
        trader.session.get(f"{trader.url}/api/skills/polymarket/holdings", timeout=0.1)


def test_a_delay_comes_before_the_order(trader):
    trader.control.fault(Fault("bet", "delay", seconds=0.5))
    with pytest.raises(requests.Timeout):
        trader.session.post(
            f"{trader.url}/api/skills/polymarket/bet",
            json={"tokenId": "yes", "side": "SELL", "amount": 10},
            timeout=0.1,
        )
    trader.control.fault(Fault("balance", "delay", seconds=0.01))
    assert trader.get("/balance").status_code == 200
    assert trader.control.faults() == []


def test_a_202_whose_answer_is_lost(trader, still_clock):
    trader.control.fault(Fault("bet", "approval", seconds=60), Fault("bet", "drop", after=True))
    with pytest.raises(requests.ConnectionError):
        trader.bet(10)
    assert trader.control.orders()[0]["status"] == "pending_approval"
    still_clock.step(60)
    assert trader.control.sold("yes") == 10


def test_lists_are_empty_incomplete_or_old(trader, still_clock):
    trader.control.create("no", shares=5)
    trader.control.fault(
        Fault("holdings", "empty"), Fault("holdings", "missing", token="no", skip=1), Fault("trades", "empty")
    )
    assert trader.data("/holdings")["holdings"] == []
    trader.bet(10)
    assert [row["tokenId"] for row in trader.data("/holdings")["holdings"]] == ["yes"]
    assert trader.rows() == []
    still_clock.step(10)
    trader.bet(10)
    trader.control.fault(
        *(Fault(endpoint, "stale", seconds=5) for endpoint in ("holdings", "trades", "balance"))
    )
    assert trader.shares() == 90.0
    assert len(trader.rows()) == 1
    assert trader.data("/balance")["collateral"]["balance"] == "4"
    assert (trader.shares(), len(trader.rows())) == (80.0, 2)


@pytest.mark.parametrize("many", [False, True])
def test_books_are_bent_as_shown_and_not_as_traded(trader, many):
    def shown():
        if not many:
            answer = trader.get("/orderbook/yes")
            return answer.json()["data"] if answer.status_code == 200 else None
        books = requests.post(f"{trader.url}/books", json=[{"token_id": "yes"}], timeout=5).json()
        return books[0] if books else None

    where = "books" if many else "book"
    trader.control.fault(
        Fault(where, "thin", shares="3"),
        Fault(where, "one_sided"),
        Fault(where, "one_sided", side="bid"),
        Fault(where, "crossed"),
        Fault(where, "wide"),
        Fault(where, "no_book"),
    )
    tops = []
    for _ in range(6):
        # one request takes every view that is due, so each is put on alone
        (fault, *_), rest = trader.control.faults(), trader.control.faults()[1:]
        trader.control.clear_faults()
        trader.control.fault(_fault(fault))
        tops.append(shown())
        trader.control.fault(*(_fault(one) for one in rest))
    thin, no_ask, no_bid, crossed, wide, none = tops
    assert thin["bids"] == [{"price": "0.4", "size": "3"}]
    assert (no_ask["asks"], no_ask["bids"] != []) == ([], True)
    assert (no_bid["bids"], no_bid["asks"] != []) == ([], True)
    assert crossed["asks"][-1]["price"] == "0.39"
    assert wide["asks"][-1]["price"] == "0.99"
    assert none is None
    assert trader.bet(100).status_code == 200


def _fault(wire):
    return Fault(**{name: value for name, value in wire.items() if name != "hits"})


def test_a_fault_skips_counts_and_keeps_to_its_token(trader):
    trader.control.create("no", shares=50)
    trader.control.set_book("no", "0.6", "0.7")
    trader.control.fault(Fault("bet", "bet_failed", token="no", skip=1, count=2))
    assert [trader.bet(1, token="no").status_code for _ in range(4)] == [200, 500, 500, 200]
    trader.control.fault(Fault("*", "page", count=None))
    assert [trader.get(path).status_code for path in ("/holdings", "/trades", "/nowhere")] == [502] * 3
    assert trader.control.faults()[0]["hits"] == 3
    trader.control.clear_faults("bet")
    assert trader.get("/holdings").status_code == 502
    trader.control.clear_faults()
    assert trader.get("/holdings").status_code == 200


def test_answer_faults_take_turns(trader):
    trader.control.fault(Fault("holdings", "page"), Fault("holdings", "text"))
    assert [trader.get("/holdings").status_code for _ in range(3)] == [502, 503, 200]


def test_a_mistaken_fault_is_refused():
    for wrong in (
        {"endpoint": "elsewhere", "kind": "drop"},
        {"endpoint": "bet", "kind": "explode"},
        {"endpoint": "holdings", "kind": "approval"},
        {"endpoint": "bet", "kind": "rate_limit", "after": True},
    ):
        with pytest.raises(ValueError, match=r"there are|has no after|belongs to bet"):
            Fault(**wrong)


def test_a_mistaken_call_of_the_back_door_changes_nothing(trader):
    for call in (
        lambda: trader.control.set_book("nobody", "0.4", "0.5"),
        lambda: trader.control.settings(trade_lag="soon"),
        lambda: trader.control.settings(speed=3),
        lambda: trader.control.load("yes", "no_such_recording"),
        lambda: trader.control.resolve("0xnobody", "yes"),
        lambda: trader.control.grant(),
        lambda: trader.control.user_sell("yes", 0),
    ):
        with pytest.raises(PaperError):
            call()
    assert trader.control.book("yes")["bids"] == [{"price": "0.4", "size": "500"}]


def test_the_table_names_every_fault():
    named = set(re.findall(r"^\| (\w+) ", faults.__doc__ or "", re.MULTILINE))
    assert named == set(faults.STAGE_OF)


def test_a_fault_survives_json():
    fault = Fault("bet", "partial", shares="7.5", headers={"X": "y"}, count=None)
    assert Fault(**json.loads(json.dumps(fault.to_wire()))) == fault
