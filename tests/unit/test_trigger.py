"""When a rule fires, and when it must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.rules.quote import Quote, why_no_information
from tm.rules.trigger import (
    Decision,
    Evaluation,
    distance,
    evaluate,
    is_expired,
    trailing_candidate,
    would_trigger,
)

TICK = datetime(2026, 1, 31, 12, tzinfo=UTC)
MAX_SPREAD = Decimal("0.10")

prices = st.integers(1, 9999).map(lambda ticks: Decimal(ticks) / 10000)
percents = st.integers(1, 9999).map(lambda hundredths: Decimal(hundredths) / 100)
quotes = (
    st.builds(
        Quote,
        st.just("t"),
        st.none() | prices,
        st.none() | prices,
        st.sampled_from([TICK - timedelta(seconds=15), TICK, TICK + timedelta(seconds=2)]),
    )
    | st.none()
)


def rule(
    rule_type: RuleType = RuleType.STOP_LOSS,
    trigger: str | Decimal | None = "0.40",
    percent: str | Decimal | None = None,
    confirm_count: int = 0,
) -> Rule:
    return Rule(
        id="r",
        rule_type=rule_type,
        market_id="m",
        token_id="t",
        trigger_price=None if trigger is None else Decimal(trigger),
        trailing_percent=None if percent is None else Decimal(percent),
        action=Action(ActionType.SELL_ALL),
        status=RuleStatus.ACTIVE,
        created_at=TICK,
        updated_at=TICK,
        confirm_count=confirm_count,
    )


def trailing(trigger: str | None = None, percent: str = "10") -> Rule:
    return rule(RuleType.TRAILING_STOP, trigger, percent)


def narrow(bid: str | Decimal, fetched_at: datetime = TICK) -> Quote:
    return Quote("t", Decimal(bid), min(Decimal(bid) + Decimal("0.01"), Decimal("0.9999")), fetched_at)


def judge(given_rule: Rule, quote: Quote | None, confirm_ticks: int = 1) -> Evaluation:
    return evaluate(given_rule, quote, max_spread=MAX_SPREAD, confirm_ticks=confirm_ticks, tick_started=TICK)


@pytest.mark.parametrize(
    ("bid", "decision"), [("0.41", "HOLD"), ("0.4001", "HOLD"), ("0.40", "FIRE"), ("0.02", "FIRE")]
)
def test_a_stop_fires_when_the_bid_is_at_its_trigger_or_below(bid: str, decision: str) -> None:
    seen = judge(rule(), narrow(bid))
    assert (seen.decision, seen.best_bid, seen.trigger_price) == (decision, Decimal(bid), Decimal("0.40"))
    assert seen.reason == ("reached" if decision == "FIRE" else "not_reached")


@pytest.mark.parametrize(
    ("bid", "decision"), [("0.39", "HOLD"), ("0.3999", "HOLD"), ("0.40", "FIRE"), ("0.97", "FIRE")]
)
def test_a_target_fires_when_the_bid_is_at_its_trigger_or_above(bid: str, decision: str) -> None:
    assert judge(rule(RuleType.TAKE_PROFIT), narrow(bid)).decision == decision


def test_a_target_fires_on_a_bid_without_any_ask() -> None:
    lonely = Quote("t", Decimal("0.97"), None, TICK)
    assert judge(rule(RuleType.TAKE_PROFIT, "0.95"), lonely).decision is Decision.FIRE


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (Quote("t", Decimal("0.01"), None, TICK), "no_ask"),
        (Quote("t", Decimal("0.16"), Decimal("0.97"), TICK), "wide_spread"),
        (Quote("t", None, Decimal("0.42"), TICK), "no_bid"),
        (narrow("0.01", TICK - timedelta(seconds=15)), "stale"),
        (None, "no_book"),
    ],
)
def test_no_disaster_of_the_book_fires_a_stop(quote: Quote | None, reason: str) -> None:
    seen = judge(rule(confirm_count=1), quote, confirm_ticks=2)
    assert (seen.decision, seen.reason) == (Decision.NO_INFORMATION, reason)
    assert (seen.trigger_price, seen.confirm_count) == (Decimal("0.40"), 1)


def test_two_ticks_in_a_row_confirm_and_a_blind_one_between_them_does_not_reset() -> None:
    watched = rule()
    steps = [narrow("0.39"), None, narrow("0.38")]
    decisions = []
    for quote in steps:
        seen = judge(watched, quote, confirm_ticks=2)
        decisions.append(seen.decision)
        watched = replace(watched, confirm_count=seen.confirm_count)
    assert decisions == [Decision.CONFIRMING, Decision.NO_INFORMATION, Decision.FIRE]


def test_a_bid_back_above_the_trigger_starts_the_count_anew() -> None:
    assert judge(rule(confirm_count=1), narrow("0.41"), confirm_ticks=2).confirm_count == 0


def test_the_count_stops_where_it_is_enough() -> None:
    seen = judge(rule(confirm_count=2), narrow("0.30"), confirm_ticks=2)
    assert (seen.decision, seen.confirm_count) == (Decision.FIRE, 2)


def test_the_first_valid_quote_sets_a_trailing_trigger() -> None:
    seen = judge(trailing(), narrow("0.50"))
    assert (seen.decision, seen.trigger_price, seen.raised) == (Decision.HOLD, Decimal("0.4500"), True)


def test_a_given_trailing_trigger_stands_until_the_trail_is_above_it() -> None:
    low = judge(trailing("0.46"), narrow("0.50"))
    assert (low.trigger_price, low.raised) == (Decimal("0.46"), False)
    high = judge(trailing("0.46"), narrow("0.60"))
    assert (high.trigger_price, high.raised) == (Decimal("0.5400"), True)


def test_a_quote_that_says_nothing_does_not_move_a_trailing_trigger() -> None:
    wide = Quote("t", Decimal("0.80"), Decimal("0.95"), TICK)
    assert judge(trailing("0.40"), wide).trigger_price == Decimal("0.40")
    assert judge(trailing(), wide).trigger_price is None


def test_a_trailing_stop_fires_on_the_way_down_at_the_highest_trigger() -> None:
    watched = trailing()
    seen = None
    for bid in ("0.50", "0.60", "0.55", "0.54"):
        seen = judge(watched, narrow(bid))
        watched = replace(watched, trigger_price=seen.trigger_price)
    assert seen is not None
    assert (seen.decision, seen.trigger_price) == (Decision.FIRE, Decimal("0.5400"))


def test_a_trail_in_usd_follows_at_its_amount_and_never_below_zero() -> None:
    cents = replace(trailing(), trailing_percent=None, trailing_amount=Decimal("0.05"))
    seen = judge(cents, narrow("0.50"))
    assert (seen.trigger_price, seen.raised) == (Decimal("0.45"), True)
    assert judge(replace(cents, trigger_price=Decimal("0.45")), narrow("0.45")).decision == Decision.FIRE
    low = judge(cents, narrow("0.05"))
    assert (low.decision, low.trigger_price) == (Decision.HOLD, None)


@pytest.mark.parametrize(("bid", "wakes"), [("0.59", False), ("0.60", True), ("0.75", True)])
def test_a_trailing_stop_sleeps_until_the_bid_is_at_its_activation(bid: str, wakes: bool) -> None:
    sleeper = replace(trailing(), activation_price=Decimal("0.60"))
    seen = judge(sleeper, narrow(bid))
    assert (seen.activated, seen.trigger_price is not None) == (wakes, wakes)
    assert seen.reason == ("not_reached" if wakes else "asleep")
    assert distance(sleeper, Decimal(bid)) == Decimal("0.60") - Decimal(bid)


def test_asleep_it_never_fires_and_awake_it_stays_so() -> None:
    sleeper = replace(trailing("0.40"), activation_price=Decimal("0.60"))
    assert judge(sleeper, narrow("0.30")).decision == Decision.HOLD
    assert not would_trigger(sleeper, Decimal("0.30"))
    awake = replace(sleeper, activated_at=TICK)
    assert judge(awake, narrow("0.30")).decision == Decision.FIRE
    assert would_trigger(awake, Decimal("0.30"))


def test_a_quote_that_says_nothing_wakes_no_trailing_stop() -> None:
    sleeper = replace(trailing(), activation_price=Decimal("0.60"))
    wide = Quote("t", Decimal("0.80"), Decimal("0.95"), TICK)
    assert not judge(sleeper, wide).activated


def test_a_trail_is_rounded_down_and_never_to_zero() -> None:
    assert trailing_candidate(Decimal("0.333"), Decimal("7.5")) == Decimal("0.3080")
    assert trailing_candidate(Decimal("0.0005"), Decimal("50")) == Decimal("0.0002")
    assert trailing_candidate(Decimal("0.0001"), Decimal("50")) is None
    seen = judge(trailing(percent="99"), narrow("0.001"))
    assert (seen.decision, seen.trigger_price, seen.raised) == (Decision.HOLD, None, False)


@pytest.mark.parametrize("broken", [rule(trigger=None), rule(RuleType.TRAILING_STOP, None, None)])
def test_a_rule_without_its_price_is_an_error_and_never_a_trigger(broken: Rule) -> None:
    with pytest.raises(ValueError, match="without a"):
        judge(broken, narrow("0.40"))


def test_would_trigger_asks_only_the_condition() -> None:
    assert would_trigger(rule(), Decimal("0.40"))
    assert not would_trigger(rule(), Decimal("0.41"))
    assert would_trigger(rule(RuleType.TAKE_PROFIT), Decimal("0.40"))
    assert would_trigger(trailing("0.40"), Decimal("0.40"))
    assert not would_trigger(trailing(), Decimal("0.01"))


def test_distance_is_what_the_price_must_still_move_and_unknown_is_not_zero() -> None:
    assert distance(rule(), Decimal("0.45")) == Decimal("0.05")
    assert distance(rule(RuleType.TAKE_PROFIT), Decimal("0.35")) == Decimal("0.05")
    assert distance(rule(), Decimal("0.30")) == Decimal("-0.10")
    assert distance(rule(), None) is None
    assert distance(trailing(), Decimal("0.30")) is None


def test_a_rule_expires_at_its_instant_and_not_before() -> None:
    ends = replace(rule(), expires_at=TICK)
    assert not is_expired(rule(), TICK)
    assert not is_expired(ends, TICK - timedelta(milliseconds=1))
    assert is_expired(ends, TICK)


@settings(max_examples=150)
@given(st.sampled_from(RuleType), prices, percents, st.integers(0, 3), st.integers(1, 4), quotes)
def test_a_gate_that_fails_never_triggers_and_changes_nothing(
    rule_type: RuleType, trigger: Decimal, percent: Decimal, count: int, ticks: int, quote: Quote | None
) -> None:
    watched = rule(rule_type, trigger, percent, count)
    seen = judge(watched, quote, ticks)
    blind = why_no_information(rule_type, quote, MAX_SPREAD, TICK)
    assert (seen.decision is Decision.NO_INFORMATION) == (blind is not None)
    if blind is not None:
        assert (seen.reason, seen.trigger_price, seen.confirm_count, seen.raised) == (
            blind,
            trigger,
            count,
            False,
        )


@settings(max_examples=150)
@given(prices, prices, st.integers(0, 3), st.integers(1, 4))
def test_a_stop_and_a_target_fire_exactly_when_the_bid_has_reached_the_trigger_often_enough(
    trigger: Decimal, bid: Decimal, count: int, ticks: int
) -> None:
    for rule_type, reached in ((RuleType.STOP_LOSS, bid <= trigger), (RuleType.TAKE_PROFIT, bid >= trigger)):
        seen = judge(rule(rule_type, trigger, None, count), narrow(bid), ticks)
        assert (seen.decision is Decision.FIRE) == (reached and count + 1 >= ticks)
        assert (seen.decision is Decision.HOLD) == (not reached)


@settings(max_examples=100)
@given(percents, st.none() | prices, st.lists(quotes, max_size=12))
def test_a_trailing_trigger_never_falls_and_fires_exactly_at_or_below_it(
    percent: Decimal, trigger: Decimal | None, series: list[Quote | None]
) -> None:
    watched = rule(RuleType.TRAILING_STOP, trigger, percent)
    for quote in series:
        seen = judge(watched, quote)
        before, after = watched.trigger_price, seen.trigger_price
        assert before is None or (after is not None and after >= before)
        assert seen.raised == (after != before)
        if seen.decision is not Decision.NO_INFORMATION:
            assert seen.best_bid is not None
            assert (seen.decision is Decision.FIRE) == (before is not None and seen.best_bid <= before)
        watched = replace(watched, trigger_price=after)
