"""Each endpoint answers as Vincent's does."""

from email.utils import parsedate_to_datetime

import pytest
import requests


def test_holdings_show_numbers_and_the_market(trader):
    found = trader.data("/holdings")
    assert found["walletAddress"].startswith("0x")
    assert found["holdings"] == [
        {
            "tokenId": "yes",
            "conditionId": "0xc1",
            "shares": 100.0,
            "averageEntryPrice": 0.5,
            "currentPrice": 0.41,
            "pnl": -9.0,
            "pnlPercent": -18.0,
            "marketTitle": "Will it rain?",
            "marketSlug": "will-it-rain",
            "outcome": "Yes",
            "redeemable": False,
        }
    ]


def test_holdings_hide_less_than_a_share_and_show_at_most_100_rows(trader):
    trader.control.hold("yes", "0.99")
    assert trader.data("/holdings")["holdings"] == []
    for n in range(101):
        trader.control.create(f"t{n}", shares=1)
    assert len(trader.data("/holdings")["holdings"]) == 100


def test_positions_is_an_old_alias_of_open_orders(trader):
    order = trader.control.user_rest("yes", 10, "0.60")
    expected = {
        "id": order["id"],
        "status": "LIVE",
        "market": "0xc1",
        "asset_id": "yes",
        "side": "SELL",
        "original_size": "10",
        "size_matched": "0",
        "price": "0.6",
        "outcome": "Yes",
        "created_at": 1772366400,
        "order_type": "GTC",
    }
    assert trader.data("/open-orders")["openOrders"] == [expected]
    assert trader.data("/positions")["openOrders"] == [expected]
    assert trader.data("/open-orders", market="0xother")["openOrders"] == []


def test_a_market_sell_answers_with_shares_made_and_usd_taken(trader):
    answer = trader.bet(25)
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert data["status"] == "executed"
    details = data["orderDetails"]
    assert data["orderId"] == details["orderID"]
    assert (details["status"], details["success"]) == ("matched", True)
    assert (details["makingAmount"], details["takingAmount"]) == ("25", "10")
    (row,) = trader.rows()
    assert row == {
        "id": details["tradeIDs"][0],
        "taker_order_id": data["orderId"],
        "market": "0xc1",
        "asset_id": "yes",
        "side": "SELL",
        "size": "25",
        "price": "0.4",
        "status": "CONFIRMED",
        "match_time": "1772366400",
        "outcome": "Yes",
        "transaction_hash": details["transactionsHashes"][0],
    }
    assert trader.data("/trades", market="0xother")["trades"] == []
    assert trader.shares() == 75.0
    assert trader.data("/balance")["collateral"]["balance"] == "10"


def test_a_market_has_two_spellings(trader):
    trader.control.create("no", condition_id="0xc1", title="Will it rain?", outcome="No")
    (shown,) = trader.data("/markets", query="rain", marketId="ignored")["markets"]
    assert shown["conditionId"] == "0xc1"
    assert shown["tokenIds"] == ["yes", "no"]
    assert shown["outcomePrices"][0] == "0.41"
    assert (shown["bestBid"], shown["bestAsk"]) == (0.4, 0.42)
    assert trader.data("/markets", query="snow")["markets"] == []
    market = trader.data("/market/0xc1")["market"]
    assert [token["token_id"] for token in market["tokens"]] == ["yes", "no"]
    assert market["accepting_orders"] is True
    assert trader.get("/market/0xunknown").status_code == 404


def test_a_book_has_its_best_levels_last(trader):
    trader.control.set_levels("yes", [("0.39", "1.5"), ("0.40", 2), ("0.38", 3)], [("0.42", 5), ("0.415", 4)])
    book = trader.data("/orderbook/yes")
    assert book["bids"] == [
        {"price": "0.38", "size": "3"},
        {"price": "0.39", "size": "1.5"},
        {"price": "0.4", "size": "2"},
    ]
    assert [level["price"] for level in book["asks"]] == ["0.42", "0.415"]
    assert (book["min_order_size"], book["tick_size"]) == ("5", "0.001")
    assert (book["market"], book["asset_id"]) == ("0xc1", "yes")


def test_an_unknown_token_has_no_book(trader):
    answer = trader.get("/orderbook/nobody")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"
    assert answer.json()["traceId"]
    failed = trader.bet(5, token="nobody")
    assert failed.status_code == 500
    assert "No orderbook exists" in failed.json()["error"]["message"]


def test_public_books_need_no_key_and_leave_out_what_they_do_not_know(trader):
    asked = [{"token_id": "yes"}, {"token_id": "nobody"}]
    answer = requests.post(f"{trader.url}/books", json=asked, timeout=5)
    assert [book["asset_id"] for book in answer.json()] == ["yes"]
    too_many = requests.post(f"{trader.url}/books", json=asked * 251, timeout=5)
    assert too_many.status_code == 400


def test_every_other_call_needs_the_key(trader):
    for key in ("Bearer wrong", "ssk_paper", ""):
        answer = requests.get(
            f"{trader.url}/api/skills/polymarket/holdings", headers={"Authorization": key}, timeout=5
        )
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    trader.control.settings(key="ssk_other")
    assert trader.get("/holdings").status_code == 401
    trader.session.headers["Authorization"] = "Bearer ssk_other"
    assert trader.get("/holdings").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"side": "SELL", "amount": 1}, "tokenId"),
        ({"tokenId": "yes", "side": "HOLD", "amount": 1}, "side"),
        ({"tokenId": "yes", "side": "SELL", "amount": 0}, "amount"),
        ({"tokenId": "yes", "side": "SELL", "amount": "5"}, "amount"),
        ({"tokenId": "yes", "side": "SELL", "amount": True}, "amount"),
        ({"tokenId": "yes", "side": "SELL", "amount": 5, "price": 1}, "price"),
        ([], "body"),
    ],
)
def test_a_malformed_bet_is_a_validation_error(trader, body, field):
    answer = trader.post("/bet", body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"][0]["path"] == [field]
    assert trader.control.orders() == []


def test_orders_are_canceled_one_by_one_or_all(trader):
    first, second, third = (
        trader.control.user_rest("yes", 10, price)["id"] for price in ("0.6", "0.7", "0.8")
    )
    assert trader.delete(f"/orders/{first}").json()["data"]["canceled"] == [first]
    again = trader.delete(f"/orders/{first}").json()["data"]
    assert again["canceled"] == []
    assert first in again["not_canceled"]
    assert set(trader.delete("/orders").json()["data"]["canceled"]) == {second, third}
    assert trader.data("/open-orders")["openOrders"] == []


def test_a_resolved_market_is_redeemed_once(trader):
    trader.control.create("no", condition_id="0xc1", title="Will it rain?", outcome="No", shares=7)
    trader.control.resolve("0xc1", winner="yes")
    assert {row["redeemable"] for row in trader.data("/holdings")["holdings"]} == {True}
    assert trader.get("/orderbook/yes").status_code == 404
    assert "No orderbook" in trader.bet(10).json()["error"]["message"]
    assert trader.post("/redeem", {"conditionIds": ["0xother"]}).json()["data"]["redeemed"] == []
    redeemed = trader.post("/redeem", {}).json()["data"]
    assert redeemed["redeemed"] == ["0xc1"]
    assert redeemed["transactionHash"].startswith("0x")
    assert trader.data("/balance")["collateral"]["balance"] == "100"
    assert trader.post("/redeem", {}).json()["data"]["redeemed"] == []


def test_a_polymarket_key_moves_no_other_wallet(trader):
    for path in ("transfer", "swap/execute"):
        answer = trader.session.post(f"{trader.url}/api/skills/evm-wallet/{path}", json={}, timeout=5)
        assert answer.status_code == 403
    assert trader.get("/nowhere").status_code == 404


def test_the_date_header_is_the_exchanges_clock(trader, still_clock):
    assert parsedate_to_datetime(trader.get("/balance").headers["Date"]) == still_clock.now
    trader.control.settings(date_offset=-3600)
    assert (still_clock.now - parsedate_to_datetime(trader.get("/balance").headers["Date"])).seconds == 3600
    trader.control.settings(date_header=False)
    assert "Date" not in trader.get("/balance").headers


def test_the_back_door_is_closed_to_web_pages(trader):
    answer = requests.post(
        f"{trader.url}/paper/wallet", json={}, headers={"Origin": "http://elsewhere.example"}, timeout=5
    )
    assert answer.status_code == 403
    assert requests.get(f"{trader.url}/paper/wallet", timeout=5).status_code == 403
    assert requests.post(f"{trader.url}/paper/nothing", json={}, timeout=5).status_code == 404
