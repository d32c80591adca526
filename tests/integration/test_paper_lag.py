"""What an order becomes over time, on the exchange's clock: rows, holdings, approvals, delays."""

import pytest

from tm.venue.paper.faults import Fault


def statuses(trader):
    return [row["status"] for row in trader.rows()]


def only_order(trader):
    (order,) = trader.control.orders()
    return order


def test_rows_and_holdings_show_after_their_lags(trader, still_clock):
    trader.control.settings(trade_lag=30, row_lag=10, holdings_lag=20)
    trader.control.set_levels("yes", [("0.40", 50), ("0.39", 50)], [])
    trader.bet(80)
    assert (trader.rows(), trader.shares()) == ([], 100.0)
    assert trader.control.held("yes") == 20
    still_clock.step(20)
    assert (trader.rows(), trader.shares()) == ([], 20.0)
    still_clock.step(10)
    assert [row["size"] for row in trader.rows()] == ["50"]
    still_clock.step(10)
    assert [row["size"] for row in trader.rows()] == ["30", "50"]
    assert {row["match_time"] for row in trader.rows()} == {"1772366400"}


def test_a_row_is_matched_then_mined_then_confirmed(trader, still_clock):
    trader.control.settings(mined_after=5, confirmed_after=15)
    trader.bet(10)
    assert statuses(trader) == ["MATCHED"]
    still_clock.step(5)
    assert statuses(trader) == ["MINED"]
    still_clock.step(10)
    assert statuses(trader) == ["CONFIRMED"]


def test_a_failed_row_gives_its_shares_back(trader, still_clock):
    trader.control.settings(mined_after=5, confirmed_after=15, holdings_lag=3)
    trader.control.fault(Fault("bet", "fail_trades", seconds=60))
    assert trader.bet(10).json()["data"]["orderDetails"]["status"] == "matched"
    still_clock.step(59)
    assert (statuses(trader), trader.shares()) == (["MATCHED"], 90.0)
    still_clock.step(1)
    assert (statuses(trader), trader.control.held("yes")) == (["FAILED"], 100)
    assert trader.control.sold("yes") == 0
    assert trader.control.wallet()["usd"] == "0"
    still_clock.step(3)
    assert trader.shares() == 100.0


def test_one_row_of_a_split_fill_may_fail_alone(trader):
    trader.control.fault(
        Fault("bet", "split", rows=3, seconds=0), Fault("bet", "fail_trades", rows=1, seconds=0)
    )
    trader.bet(10)
    assert sorted(statuses(trader)) == ["CONFIRMED", "CONFIRMED", "FAILED"]
    assert [row["size"] for row in trader.rows()] == ["3.34", "3.33", "3.33"]
    assert trader.shares() == 93.33


def test_rows_come_late_one_by_one_or_never(trader, still_clock):
    trader.control.fault(
        Fault("bet", "late_trades", seconds=60),
        Fault("bet", "split", rows=2, seconds=30),
        Fault("bet", "late_holdings", seconds=90),
        Fault("bet", "late_trades", skip=1),
    )
    trader.bet(10)
    still_clock.step(60)
    assert (len(trader.rows()), trader.shares()) == (1, 100.0)
    still_clock.step(30)
    assert (len(trader.rows()), trader.shares()) == (2, 90.0)
    trader.bet(20)
    still_clock.step(100_000)
    assert (len(trader.rows()), trader.shares()) == (2, 70.0)


def test_an_approval_is_granted_at_the_price_of_then(trader, still_clock):
    trader.control.fault(Fault("bet", "approval", seconds=600))
    answer = trader.bet(50)
    assert answer.status_code == 202
    data = answer.json()["data"]
    assert (data["status"], answer.json()["success"]) == ("pending_approval", True)
    assert data["transactionLogId"]
    assert "orderId" not in data
    still_clock.step(599)
    assert (trader.rows(), only_order(trader)["status"]) == ([], "pending_approval")
    trader.control.set_book("yes", "0.30", "0.42")
    still_clock.step(100)
    trader.control.set_book("yes", "0.20", "0.42")
    order = only_order(trader)
    assert (order["status"], order["filled"], order["avg_price"]) == ("matched", "50", "0.3")
    assert order["fills"][0]["at"] == "2026-03-01T12:10:00.000Z"


def test_an_approval_finds_nothing_to_sell_once_the_shares_are_gone(trader, still_clock):
    trader.control.fault(Fault("bet", "approval", seconds=60))
    trader.bet(100)
    trader.control.user_sell("yes", 1)
    still_clock.step(60)
    order = trader.control.orders()[0]
    assert (order["status"], order["reason"]) == ("killed", "not enough balance / allowance")
    assert trader.control.held("yes") == 99


@pytest.mark.parametrize(
    ("fault", "after", "status"),
    [
        (Fault("bet", "approval"), 1800, "expired"),
        (Fault("bet", "approval", seconds=1801), 1800, "expired"),
        (Fault("bet", "approval", seconds=60, deny=True), 60, "denied"),
    ],
)
def test_an_approval_ends_without_a_sale(trader, still_clock, fault, after, status):
    trader.control.fault(fault)
    trader.bet(50)
    still_clock.step(after - 1)
    assert only_order(trader)["status"] == "pending_approval"
    still_clock.step(1)
    assert only_order(trader)["status"] == status
    still_clock.step(4000)
    assert (trader.rows(), trader.shares()) == ([], 100.0)


def test_a_person_grants_or_denies_when_asked(trader):
    trader.control.fault(Fault("bet", "approval", count=2))
    first, second = (trader.bet(10) and trader.control.orders()[-1]["id"] for _ in range(2))
    assert trader.control.deny(first)["status"] == "denied"
    assert trader.control.grant()["id"] == second
    assert trader.control.sold("yes") == 10


def test_a_delayed_order_matches_or_not_later(trader, still_clock):
    trader.control.fault(Fault("bet", "delayed", seconds=5), Fault("bet", "delayed", seconds=5, deny=True))
    details = trader.bet(10).json()["data"]["orderDetails"]
    assert (details["status"], details["makingAmount"]) == ("delayed", "")
    assert trader.shares() == 100.0
    still_clock.step(5)
    assert (trader.shares(), trader.rows()[0]["taker_order_id"]) == (90.0, details["orderID"])
    trader.bet(10)
    still_clock.step(5)
    assert trader.shares() == 90.0
    assert trader.control.orders()[-1]["status"] == "unmatched"


def test_a_market_sell_may_rest_instead(trader):
    trader.control.fault(Fault("bet", "live"))
    details = trader.bet(10).json()["data"]["orderDetails"]
    assert details["status"] == "live"
    assert [order["id"] for order in trader.data("/open-orders")["openOrders"]] == [details["orderID"]]
    assert trader.delete(f"/orders/{details['orderID']}").json()["data"]["canceled"] == [details["orderID"]]
    assert trader.control.orders()[0]["status"] == "canceled"


def test_a_match_may_be_for_less_or_for_nothing(trader):
    trader.control.fault(Fault("bet", "partial", shares="7.5"), Fault("bet", "unmatched", skip=1))
    details = trader.bet(10).json()["data"]["orderDetails"]
    assert (details["status"], details["makingAmount"]) == ("matched", "7.5")
    assert trader.bet(10).json()["data"]["orderDetails"]["status"] == "unmatched"
    assert trader.shares() == 92.5


def test_a_recording_is_stepped_sought_and_played(trader, still_clock):
    assert trader.control.load("yes", "crash_0.815_to_0.155") == 569
    first = trader.control.advance("yes", 0)
    assert (first["bid"], first["ask"], first["at"]) == ("0.77", "0.78", "2026-07-11T00:01:35.000Z")
    assert trader.control.advance("yes")["row"] == 1
    last = trader.control.advance("yes", -1)
    assert (last["row"], last["last"]) == (568, True)
    assert trader.control.advance("yes")["row"] == 568
    trader.control.play("yes", speed=60, row=0)
    for _ in range(60):
        still_clock.step(15)
        shown = trader.data("/orderbook/yes")
    assert shown["bids"][0]["price"] == trader.control.advance("yes", trader_row(still_clock))["bid"]


def trader_row(still_clock):
    """The row that stands 15 hours into the recording."""
    from tm.venue.paper.series import recorded

    rows = recorded("crash_0.815_to_0.155")
    return sum((row.at - rows[0].at).total_seconds() <= 60 * 15 * 60 for row in rows) - 1


def test_a_recorded_depth_is_the_books_depth(trader):
    trader.control.load("yes", "empty_book_at_close")
    assert trader.data("/orderbook/yes")["bids"] == [{"price": "0.6", "size": "13542.18"}]
    trader.control.load("yes", "ts,best_bid,best_ask\n2026-01-01T00:00:00Z,0.5,\n")
    trader.control.settings(depth="42")
    book = trader.data("/orderbook/yes")
    assert (book["bids"], book["asks"]) == ([{"price": "0.5", "size": "42"}], [])


def test_the_clock_of_a_process_is_set_through_the_back_door(trader, still_clock):
    trader.control.advance_clock(90)
    trader.bet(1)
    assert trader.control.orders()[0]["at"] == "2026-03-01T12:01:30.000Z"
    trader.control.set_clock(still_clock.now.replace(year=2027))
    assert "2027" in trader.get("/balance").headers["Date"]
    trader.control.set_clock(None)
    assert "2026" in trader.get("/balance").headers["Date"]
