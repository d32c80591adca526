"""What fills, what rests, what is refused; and that the oracle tells the truth."""

from decimal import Decimal

import pytest

from tm.venue.paper.control import PaperError
from tm.venue.paper.faults import Fault

KILLED = "Polymarket bet failed: order couldn't be fully filled. FOK orders are fully filled or killed."


def refusal(answer):
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "BET_FAILED"
    return answer.json()["error"]["message"]


def test_a_sell_larger_than_the_book_sells_nothing(trader):
    trader.control.set_book("yes", "0.40", "0.42", bid_depth="99.99")
    assert refusal(trader.bet(100)) == KILLED
    assert trader.shares() == 100.0
    assert trader.control.orders() == []
    assert trader.bet(99.99).status_code == 200


def test_a_sell_into_no_bid_is_no_match(trader):
    trader.control.set_book("yes", None, "0.42")
    assert refusal(trader.bet(10)) == "Polymarket bet failed: no match"


def test_a_sell_walks_down_the_levels_and_each_is_a_row(trader):
    trader.control.set_levels("yes", [("0.40", 30), ("0.39", 40), ("0.10", 1000)], [])
    details = trader.bet(60).json()["data"]["orderDetails"]
    assert (details["makingAmount"], details["takingAmount"]) == ("60", "23.7")
    assert [(row["size"], row["price"]) for row in trader.rows()] == [("30", "0.39"), ("30", "0.4")]
    assert len({row["taker_order_id"] for row in trader.rows()}) == 1


def test_a_fill_eats_the_book_until_the_book_changes(trader):
    trader.control.set_book("yes", "0.40", "0.42", bid_depth=60)
    trader.bet(50)
    assert trader.data("/orderbook/yes")["bids"] == [{"price": "0.4", "size": "10"}]
    assert refusal(trader.bet(20)) == KILLED
    trader.control.set_book("yes", "0.40", "0.42", bid_depth=60)
    assert trader.bet(20).status_code == 200
    trader.control.settings(eats=False)
    assert trader.bet(20).status_code == 200
    assert trader.data("/orderbook/yes")["bids"] == [{"price": "0.4", "size": "40"}]


def test_more_than_held_is_not_sold(trader):
    assert refusal(trader.bet(100.01)) == "Polymarket bet failed: not enough balance / allowance"


def test_resting_sells_lock_their_shares(trader):
    trader.control.user_rest("yes", 60, "0.70")
    assert "not enough balance" in refusal(trader.bet(50))
    assert trader.bet(40).status_code == 200
    trader.control.user_cancel()
    assert trader.bet(60).status_code == 200


def test_a_resting_sell_fills_at_its_price_when_the_bid_reaches_it(trader):
    order = trader.control.user_rest("yes", 60, "0.45")
    trader.control.set_book("yes", "0.46", "0.48", bid_depth=20)
    (shown,) = trader.data("/open-orders")["openOrders"]
    assert (shown["size_matched"], shown["original_size"]) == ("20", "60")
    trader.control.set_book("yes", "0.45", "0.48")
    assert trader.data("/open-orders")["openOrders"] == []
    (found,) = trader.control.orders(source="user")
    assert (found["id"], found["status"], found["filled"]) == (order["id"], "matched", "60")
    assert {fill["price"] for fill in found["fills"]} == {"0.45"}


def test_a_limit_order_below_the_bid_fills_now_and_rests_with_the_rest(trader):
    trader.control.set_book("yes", "0.40", "0.42", bid_depth=30)
    details = trader.bet(50, price=0.39).json()["data"]["orderDetails"]
    assert (details["status"], details["makingAmount"], details["takingAmount"]) == ("live", "30", "12")
    (shown,) = trader.data("/open-orders")["openOrders"]
    assert (shown["original_size"], shown["size_matched"], shown["price"]) == ("50", "30", "0.39")


def test_the_exchange_refuses_small_and_off_tick_limit_orders(trader):
    assert "lower than the minimum" in refusal(trader.bet(4.99, price=0.5))
    assert "minimum tick size" in refusal(trader.bet(10, price=0.455))
    assert refusal(trader.bet(0.009)).endswith("the size rounds down to 0")


def test_a_size_is_rounded_down_to_hundredths(trader):
    assert trader.bet(10.019).json()["data"]["orderDetails"]["makingAmount"] == "10.01"


def test_buys_spend_cash_they_have(trader):
    assert "not enough balance" in refusal(trader.bet(21, side="BUY"))
    trader.control.pay_in(50)
    assert "min size: $1" in refusal(trader.bet(0.5, side="BUY"))
    details = trader.bet(21, side="BUY").json()["data"]["orderDetails"]
    assert (details["makingAmount"], details["takingAmount"]) == ("21", "50")
    assert trader.shares() == 150.0
    (holding,) = trader.data("/holdings")["holdings"]
    assert holding["averageEntryPrice"] == 0.473333
    trader.control.set_book("yes", "0.40", "0.42", ask_depth=10)
    assert refusal(trader.bet(21, side="BUY")) == KILLED


def test_a_market_that_takes_no_orders_takes_none(trader):
    trader.control.set_market("0xc1", accepting_orders=False)
    assert "not yet ready" in refusal(trader.bet(10))
    assert trader.data("/market/0xc1")["market"]["accepting_orders"] is False


def test_the_owner_trades_by_hand_and_the_oracle_tells_who_did_what(trader):
    trader.control.user_sell("yes", "30")
    trader.bet(20)
    trader.control.user_buy("yes", "4.2")
    assert [(o["source"], o["side"], o["filled"]) for o in trader.control.orders()] == [
        ("user", "SELL", "30"),
        ("api", "SELL", "20"),
        ("user", "BUY", "10"),
    ]
    assert trader.control.sold("yes") == Decimal(20)
    assert trader.control.sold("yes", source=None) == Decimal(50)
    assert trader.control.held("yes") == Decimal(60)
    assert trader.control.wallet()["usd"] == "15.8"
    with pytest.raises(PaperError, match="not enough balance"):
        trader.control.user_sell("yes", 61)


def test_what_the_oracle_says_of_an_order(trader):
    trader.bet(25)
    (order,) = trader.control.orders(token="yes")
    assert order["at"] == "2026-03-01T12:00:00.000Z"
    assert (order["token"], order["type"], order["status"]) == ("yes", "FOK", "matched")
    assert (order["shares"], order["filled"], order["usd"], order["avg_price"]) == ("25", "25", "10", "0.4")
    (fill,) = order["fills"]
    assert (fill["size"], fill["price"], fill["status"]) == ("25", "0.4", "CONFIRMED")


def test_requests_are_counted_by_endpoint(trader):
    trader.get("/holdings")
    trader.get("/positions")
    trader.get("/open-orders")
    trader.bet(0)
    trader.control.fault(Fault("trades", "page"))
    trader.get("/trades")
    told = trader.control.requests()
    assert told["counts"] == {"holdings": 1, "open_orders": 2, "bet": 1, "trades": 1}
    assert trader.control.count("balance") == 0
    assert [r["status"] for r in told["recent"]] == [200, 200, 200, 400, 502]
    assert told["recent"][3]["body"]["amount"] == 0
    assert told["recent"][4]["faults"] == ["page"]
