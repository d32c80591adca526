"""The client against the paper exchange: both follow Vincent's facts and must understand each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tm import errors
from tm.model import Heard, Outcome
from tm.venue.clob import read_books
from tm.venue.paper.faults import Fault
from tm.venue.paper.server import PaperServer
from tm.venue.vincent import Vincent

KEY = "ssk_paper"
TOKEN = "111"
TEN = Decimal(10)


@pytest.fixture
def paper() -> Iterator[PaperServer]:
    with PaperServer() as paper:
        paper.control.create(TOKEN, title="Will it rain?", shares=100, avg_price="0.5")
        paper.control.set_book(TOKEN, "0.40", "0.42", 500, 300)
        yield paper


@pytest.fixture
def vincent(paper: PaperServer) -> Iterator[Vincent]:
    with Vincent(paper.url, KEY) as vincent:
        yield vincent


def test_everything_that_is_shown_is_understood(paper: PaperServer, vincent: Vincent) -> None:
    paper.control.user_rest(TOKEN, 20, "0.60")
    read = vincent.holdings()
    holding = read.value.by_token[TOKEN]
    assert (holding.shares, holding.label, read.value.page_full) == (100, "Will it rain? · Yes", False)
    assert read.venue_at is not None
    (order,) = vincent.open_orders().value
    assert (order.side, order.remaining) == ("SELL", 20)
    assert vincent.trades().value == ()
    book = vincent.book(TOKEN).value
    assert max(level.price for level in book.bids) == Decimal("0.40")
    assert vincent.balance().value.usd >= 0
    assert vincent.market(holding.market_id).value.accepting_orders
    assert read_books(paper.url, [TOKEN, "222"]).books.keys() == {TOKEN}


def test_a_sale_is_matched_and_its_trade_has_the_order_id(paper: PaperServer, vincent: Vincent) -> None:
    answer = vincent.sell(TOKEN, TEN)
    assert (answer.outcome, answer.avg_price) == (Outcome.MATCHED, Decimal("0.40"))
    trades = vincent.trades().value
    assert {trade.order_id for trade in trades} == {answer.order_id}
    assert sum(trade.size for trade in trades) == TEN
    assert paper.control.sold(TOKEN) == TEN


@pytest.mark.parametrize(
    ("fault", "outcome", "heard", "sold"),
    [
        (Fault("bet", "drop", after=True), Outcome.UNKNOWN, Heard.NOBODY, 10),
        (Fault("bet", "drop"), Outcome.UNKNOWN, Heard.NOBODY, 0),
        (Fault("bet", "page"), Outcome.UNKNOWN, Heard.NOBODY, 0),
        (Fault("bet", "truncated"), Outcome.UNKNOWN, Heard.NOBODY, 10),
        (Fault("bet", "broken"), Outcome.UNKNOWN, Heard.NOBODY, 10),
        (Fault("bet", "garbage"), Outcome.UNKNOWN, Heard.NOBODY, 10),
        (Fault("bet", "wrong"), Outcome.UNKNOWN, None, 10),
        (Fault("bet", "status"), Outcome.UNKNOWN, Heard.VINCENT, 0),
        (Fault("bet", "bet_failed", after=True), Outcome.UNKNOWN, Heard.VINCENT, 10),
        (Fault("bet", "bet_failed", message="no match"), Outcome.NOT_FILLED, Heard.VINCENT, 0),
        (Fault("bet", "unauthorized"), Outcome.NOT_FILLED, Heard.VINCENT, 0),
        (Fault("bet", "rate_limit", seconds=9), Outcome.NOT_SENT, Heard.VINCENT, 0),
        (Fault("bet", "denied", message="over the limit"), Outcome.REJECTED, Heard.VINCENT, 0),
        (Fault("bet", "approval"), Outcome.PENDING_APPROVAL, Heard.ACCEPTED, 0),
        (Fault("bet", "delayed", seconds=60), Outcome.UNKNOWN, Heard.VINCENT, 0),
        (Fault("bet", "unmatched"), Outcome.UNKNOWN, Heard.VINCENT, 0),
        (Fault("bet", "partial"), Outcome.UNKNOWN, Heard.VINCENT, 5),
    ],
)
def test_what_the_exchange_does_is_never_mistaken_for_its_opposite(
    paper: PaperServer, vincent: Vincent, fault: Fault, outcome: Outcome, heard: Heard | None, sold: int
) -> None:
    paper.control.fault(fault)
    answer = vincent.sell(TOKEN, TEN)
    assert answer.outcome is outcome, answer
    assert heard is None or answer.heard is heard
    assert paper.control.sold(TOKEN) == sold
    assert paper.control.count("bet") == 1


def test_an_order_that_rests_can_be_cancelled_once(paper: PaperServer, vincent: Vincent) -> None:
    paper.control.fault(Fault("bet", "live"))
    answer = vincent.sell(TOKEN, TEN)
    assert answer.resting
    assert answer.order_id is not None
    vincent.cancel_order(answer.order_id)
    assert vincent.open_orders().value == ()
    with pytest.raises(errors.Conflict, match="already canceled or matched"):
        vincent.cancel_order(answer.order_id)


def test_a_thin_book_kills_the_whole_order(paper: PaperServer, vincent: Vincent) -> None:
    paper.control.set_book(TOKEN, "0.40", "0.42", 3, 3)
    assert vincent.sell(TOKEN, TEN).outcome is Outcome.NOT_FILLED


def test_a_token_without_a_book_is_not_found(paper: PaperServer, vincent: Vincent) -> None:
    paper.control.no_book(TOKEN)
    with pytest.raises(errors.NotFound):
        vincent.book(TOKEN)


def test_a_wrong_key_is_refused(paper: PaperServer) -> None:
    with Vincent(paper.url, "ssk_of_someone_else") as vincent:
        with pytest.raises(errors.CredentialsError):
            vincent.holdings()
        assert vincent.sell(TOKEN, TEN).outcome is Outcome.NOT_FILLED


def test_a_resolved_market_is_redeemed(paper: PaperServer, vincent: Vincent) -> None:
    holding = vincent.holdings().value.by_token[TOKEN]
    assert vincent.redeem(holding.market_id).outcome is Outcome.NOT_FILLED
    paper.control.resolve(holding.market_id, TOKEN)
    assert vincent.holdings().value.by_token[TOKEN].redeemable
    answer = vincent.redeem(holding.market_id)
    assert answer.outcome is Outcome.MATCHED
    assert answer.tx_hash is not None


def test_threads_share_one_client_and_each_gets_its_own_book(paper: PaperServer, vincent: Vincent) -> None:
    tokens = [str(number) for number in range(1, 41)]
    for token in tokens:
        paper.control.create(token)
        paper.control.set_book(token, f"0.{int(token):02d}", "0.99")
    with ThreadPoolExecutor(8) as pool:
        books = list(pool.map(lambda token: vincent.book(token).value, tokens))
    assert [book.token_id for book in books] == tokens
    assert [book.bids[0].price for book in books] == [Decimal(f"0.{int(token):02d}") for token in tokens]
