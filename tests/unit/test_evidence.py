"""What a look may conclude. Each test is a story of trades, holdings and time after one order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tm.market import Holding, Holdings, Look, OpenOrder, Trade
from tm.model import ActionType, Attempt, Baseline, Heard, Outcome
from tm.rules.evidence import Verdict, horizon_seconds, judge

SENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
TOKEN = "token"


def an_attempt(**changes):
    baseline = Baseline(
        held=Decimal(100),
        trade_ids=("old",),
        resting_ids=(),
        best_bid=Decimal("0.4"),
        best_ask=Decimal("0.41"),
        venue_at=SENT,
    )
    attempt = Attempt(
        id="a",
        seq=1,
        job_id="j",
        market_id="m",
        token_id=TOKEN,
        action=ActionType.SELL_PARTIAL,
        shares=Decimal(60),
        outcome=Outcome.UNKNOWN,
        request={},
        baseline=baseline,
        created_at=SENT,
        heard=Heard.VINCENT,
    )
    return replace(attempt, **changes)


def row(size, *, order="ours", id=None, status="CONFIRMED", after=1, side="SELL", price="0.4"):
    return Trade(
        id=id or f"{order}-{size}-{after}",
        order_id=order,
        token_id=TOKEN,
        side=side,
        size=Decimal(size),
        price=Decimal(price),
        status=status,
        matched_at=SENT + timedelta(seconds=after),
        tx_hash="0xhash",
    )


def look(after, *rows, held=100, resting=(), dated=True, page_full=False):
    holdings = {} if not held else {TOKEN: Holding(TOKEN, "m", Decimal(held), None, None, "T", "Yes", False)}
    return Look(
        holdings=Holdings(holdings, page_full=page_full),
        trades=tuple(rows),
        open_orders=tuple(OpenOrder(id, TOKEN, "SELL", Decimal(5)) for id in resting),
        at=SENT + timedelta(seconds=after),
        venue_at=SENT + timedelta(seconds=after) if dated else None,
    )


def after_looks(attempt, *looks, claimed=(), asks_never=False) -> Verdict:
    for one in looks:
        verdict = judge(attempt, one, claimed=set(claimed), asks_never=asks_never)
        attempt = replace(attempt, watch=verdict.watch)
    return verdict


def test_a_whole_settled_group_of_the_size_sent_is_the_fill():
    verdict = after_looks(an_attempt(), look(20, row(40), row(20), held=40))
    assert verdict.concluded
    assert verdict.sold == 60
    assert verdict.by_size
    assert verdict.fill.avg_price == Decimal("0.4")


def test_half_of_the_rows_is_no_fill_yet():
    assert not after_looks(an_attempt(), look(20, row(40), held=40)).concluded


@pytest.mark.parametrize("status", ["MATCHED", "RETRYING"])
def test_a_row_that_can_still_fail_concludes_nothing(status):
    assert not after_looks(an_attempt(), look(20, row(60, status=status), held=40)).concluded


def test_a_row_that_failed_is_not_sold():
    verdict = after_looks(an_attempt(order_id="ours"), look(20, row(40), row(20, status="FAILED"), held=60))
    assert verdict.concluded
    assert verdict.sold == 40


def test_rows_that_all_failed_sold_nothing():
    verdict = after_looks(an_attempt(), look(20, row(60, status="FAILED")))
    assert verdict.concluded
    assert verdict.sold == 0


def test_a_repeated_row_counts_once():
    twice = row(30, id="same")
    assert not after_looks(an_attempt(), look(20, twice, twice, held=40)).concluded


@pytest.mark.parametrize(
    "stranger",
    [
        row(60, id="old"),  # was there before
        row(60, after=-6),  # matched before we sent
        row(60, side="BUY"),
        row(60, order="another attempt's"),
        row(60, order="resting"),
        row(59),
        row(61),
    ],
)
def test_somebody_elses_trade_is_not_taken_for_ours(stranger):
    resting = replace(an_attempt().baseline, resting_ids=("resting",))
    verdict = after_looks(an_attempt(baseline=resting), look(20, stranger), claimed={"another attempt's"})
    assert not verdict.concluded


def test_an_order_seen_resting_later_is_not_ours_either():
    verdict = after_looks(
        an_attempt(), look(10, resting=["theirs"]), look(20, row(60, order="theirs"), held=40)
    )
    assert not verdict.concluded


def test_with_a_known_order_id_time_and_size_do_not_matter():
    verdict = after_looks(an_attempt(order_id="ours"), look(20, row(60, after=-50), held=40))
    assert verdict.concluded
    assert not verdict.by_size


def test_holdings_alone_never_prove_a_fill():
    assert not after_looks(an_attempt(), *(look(t, held=40) for t in (20, 130, 150, 4000, 4020))).concluded


def test_nothing_is_concluded_before_the_horizon():
    assert not after_looks(an_attempt(), look(100), look(119), look(120)).concluded


def test_two_clear_looks_15_s_apart_after_the_horizon_mean_that_nothing_was_sold():
    verdict = after_looks(an_attempt(), look(121), look(136))
    assert verdict.concluded
    assert verdict.sold == 0


def test_one_clear_look_is_not_enough_nor_are_two_close_ones():
    assert not after_looks(an_attempt(), look(121)).concluded
    assert not after_looks(an_attempt(), look(121), look(135)).concluded


def test_holdings_that_dip_between_clear_looks_start_the_count_anew():
    assert not after_looks(an_attempt(), look(121), look(130, held=40), look(140)).concluded


def test_holdings_lower_by_a_listed_sale_of_the_user_are_explained():
    sale = row(30, order="theirs", after=5)
    assert after_looks(an_attempt(), look(121, sale, held=70), look(140, sale, held=70)).concluded


def test_holdings_lower_than_the_listed_sales_are_not_explained():
    sale = row(30, order="theirs", after=5)
    assert not after_looks(an_attempt(), look(121, sale, held=10), look(140, sale, held=10)).concluded


def test_a_sale_just_before_the_baseline_that_holdings_show_late_is_explained():
    earlier = row(30, order="theirs", id="old", after=-20)
    assert after_looks(an_attempt(), look(121, earlier, held=70), look(140, earlier, held=70)).concluded
    assert not after_looks(an_attempt(), look(121, earlier, held=60), look(140, earlier, held=60)).concluded


def test_a_sale_long_before_the_baseline_explains_nothing():
    earlier = row(30, order="theirs", id="old", after=-70)
    assert not after_looks(an_attempt(), look(121, earlier, held=70), look(140, earlier, held=70)).concluded


def test_a_full_page_that_hides_the_token_explains_nothing():
    hidden = [look(t, held=0, page_full=True) for t in (121, 140, 160)]
    assert not after_looks(an_attempt(), *hidden).concluded


def test_an_unknown_baseline_explains_nothing():
    unknown = replace(an_attempt().baseline, held=None)
    assert not after_looks(an_attempt(baseline=unknown), look(121), look(140)).concluded


@pytest.mark.parametrize(
    ("heard", "action", "never", "seconds"),
    [
        (Heard.VINCENT, ActionType.SELL_PARTIAL, False, 120),
        (Heard.NOBODY, ActionType.SELL_PARTIAL, False, 2160),
        (Heard.NOBODY, ActionType.SELL_ALL, False, 120),
        (Heard.NOBODY, ActionType.SELL_PARTIAL, True, 120),
        (Heard.ACCEPTED, ActionType.SELL_PARTIAL, False, 2160),
        (Heard.ACCEPTED, ActionType.SELL_ALL, False, 2160),
        (Heard.ACCEPTED, ActionType.SELL_ALL, True, 2160),
    ],
)
def test_how_long_an_order_may_still_fill_depends_on_who_answered(heard, action, never, seconds):
    attempt = an_attempt(heard=heard, action=action)
    assert horizon_seconds(attempt, asks_never=never) == seconds
    assert not after_looks(attempt, look(seconds), asks_never=never).watch.clear_looks
    assert after_looks(attempt, look(seconds + 1), look(seconds + 20), asks_never=never).concluded


def test_a_wrong_local_clock_expires_nothing():
    hour = timedelta(hours=1)
    looks = [replace(look(t), at=SENT + hour + timedelta(seconds=t)) for t in (15, 30, 45)]
    assert after_looks(an_attempt(), *looks).watch.waited == 45


def test_a_look_without_a_date_counts_for_30_s_at_most():
    verdict = after_looks(
        an_attempt(), look(3600, dated=False), look(3590, dated=False), look(7200, dated=False)
    )
    assert verdict.watch.waited == 60


def test_our_resting_order_is_to_be_canceled_and_the_horizon_starts_anew():
    ours = an_attempt(order_id="ours")
    verdict = after_looks(ours, look(130, resting=["ours"]))
    assert verdict.cancel_order_id == "ours"
    looks = [look(130, resting=["ours"]), look(140), look(200), look(250)]
    assert not after_looks(ours, *looks).concluded
    assert after_looks(ours, *looks, look(251), look(270)).concluded


def test_an_order_cut_short_is_concluded_with_what_it_sold():
    ours = an_attempt(order_id="ours")
    part = row(25)
    verdict = after_looks(ours, look(121, part, held=75), look(140, part, held=75))
    assert verdict.concluded
    assert verdict.sold == 25


def test_a_person_is_asked_for_after_15_minutes_and_looks_go_on():
    verdict = after_looks(an_attempt(), look(121, held=40), look(901, held=40))
    assert verdict.needs_operator
    assert after_looks(an_attempt(watch=verdict.watch), look(916, row(60), held=40)).concluded
