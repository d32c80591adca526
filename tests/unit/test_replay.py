"""What a replay counts, and that what it remembers changes nothing of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm.errors import Invalid, Unprocessable
from tm.market import Top
from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.numbers import canonical
from tm.rules.replay import Manner, Replay
from tm.service.ledger import Summary, record
from tm.service.replay import Trial, run
from tm.service.sources import Source
from tm.service.terms import Terms

D = Decimal
START = datetime(2026, 7, 1, 12, tzinfo=UTC)
MANNER = Manner(D("0.10"), 1, D(10))
STOP, TARGET, TRAIL = RuleType.STOP_LOSS, RuleType.TAKE_PROFIT, RuleType.TRAILING_STOP


def rule(kind: RuleType, price: str | None, *, sell: str | None = None, **fields: Any) -> Rule:
    action = Action(ActionType.SELL_ALL) if sell is None else Action(ActionType.SELL_PARTIAL, D(sell))
    made = Rule("", kind, "m", "t", price and D(price), None, action, RuleStatus.ACTIVE, START, START)  # type: ignore[arg-type]
    return replace(made, **{"id": f"{kind}-{price}", **fields})


def quotes(
    *bids: str | None, every: float = 60, ask: str | None = "+", depth: str | None = None
) -> list[Top]:
    """One row a minute; the ask is a cent above the bid."""
    rows = []
    for number, text in enumerate(bids):
        bid = None if text is None else D(text)
        above = (None if bid is None else bid + D("0.01")) if ask == "+" else ask and D(ask)
        at = START + timedelta(seconds=every * number)
        rows.append(Top(at, bid, above, None if depth is None else D(depth)))  # type: ignore[arg-type]
    return rows


def replayed(rules: list[Rule], rows: list[Top], manner: Manner = MANNER, **more: Any) -> Replay:
    found = Replay(rules, D(100), manner, **more)
    found.feed(rows)
    found.finish()
    return found


def sales(found: Replay) -> list[tuple[int, str, str]]:
    return [(firing.row, canonical(firing.sold), f"{firing.bid:.2f}") for firing in found.firings]


def test_a_stop_sells_at_the_row_that_reaches_it_and_the_rest_is_only_watched() -> None:
    found = replayed([rule(STOP, "0.40")], quotes("0.50", "0.41", "0.40", "0.30"))
    assert sales(found) == [(2, "100", "0.40")]
    assert (found.rows, found.held, found.proceeds, found.last_bid) == (4, 0, D(40), D("0.30"))


@pytest.mark.parametrize(
    ("bids", "false"),
    [
        (["0.50", "0.40", "0.41"], True),
        (["0.50", "0.40", "0.40"], False),  # at the trigger is not above it
        (["0.50", "0.40", *["0.39"] * 9, "0.41"], True),  # ten minutes later
        (["0.50", "0.40", *["0.39"] * 10, "0.41"], False),  # eleven
        (["0.50", "0.40", None, "0.41"], True),
    ],
)
def test_a_stop_was_false_when_the_bid_is_back_within_ten_minutes(
    bids: list[str | None], false: bool
) -> None:
    (firing,) = replayed([rule(STOP, "0.40")], quotes(*bids)).firings
    assert firing.false_stop is false


def test_a_target_is_never_a_false_stop() -> None:
    (firing,) = replayed([rule(TARGET, "0.60")], quotes("0.50", "0.60", "0.90")).firings
    assert not firing.false_stop


def test_what_said_nothing_is_counted_by_reason() -> None:
    rows = quotes("0.50") + quotes("0.50", ask="0.90")[0:1] * 3 + quotes(None) + quotes("0.50", ask=None)
    found = replayed([rule(STOP, "0.40")], rows)
    assert found.skipped == {"wide_spread": 3, "no_bid": 1, "no_ask": 1}
    target = replayed([rule(TARGET, "0.60")], rows)
    assert target.skipped == {"no_bid": 1}


def test_the_longest_time_without_a_price_is_told() -> None:
    rows = quotes("0.50", None, None, "0.50", None)
    assert replayed([rule(STOP, "0.40")], rows).longest_blind == timedelta(minutes=2)
    assert replayed([rule(STOP, "0.40")], quotes("0.5", None, None, None)).longest_blind == timedelta(
        minutes=2
    )


def test_a_rule_that_expired_sells_nothing() -> None:
    ends = rule(STOP, "0.40", expires_at=START + timedelta(minutes=2))
    assert sales(replayed([ends], quotes("0.50", "0.41", "0.30", "0.30"))) == []
    assert sales(replayed([ends], quotes("0.50", "0.40", "0.30"))) == [(1, "100", "0.40")]


def test_several_rules_share_the_position() -> None:
    rules = [rule(STOP, "0.40"), rule(TARGET, "0.60", sell="50"), rule(TARGET, "0.70")]
    assert sales(replayed(rules, quotes("0.50", "0.65", "0.40"))) == [(1, "50", "0.65"), (2, "50", "0.40")]
    assert sales(replayed(rules, quotes("0.50", "0.75", "0.75"))) == [(1, "50", "0.75"), (2, "50", "0.75")]


bids = st.sampled_from([None, *(D(number) / 100 for number in (30, 38, 40, 42, 45, 50, 55, 60, 66, 70))])
gaps = st.sampled_from([D("0.01"), D("0.02"), D("0.10"), D("0.11"), D("0.4"), None])
tops = st.tuples(st.sampled_from([15, 30, 600]), bids, gaps, st.sampled_from([None, None, D(0), D(3), D(60)]))
kinds = st.sampled_from(
    [
        rule(STOP, "0.40"),
        rule(STOP, "0.55", sell="30"),
        rule(TARGET, "0.60", sell="50"),
        rule(TARGET, "0.66"),
        rule(TRAIL, None, trailing_percent=D(10)),
        rule(TRAIL, "0.38", trailing_amount=D("0.05"), activation_price=D("0.55"), id="sleeper"),
        rule(STOP, "0.42", expires_at=START + timedelta(minutes=5), id="ends"),
    ]
)


def led(steps: list[tuple[int, Any, Any, Any]]) -> Iterator[Top]:
    at = START
    for seconds, bid, gap, depth in steps:
        at += timedelta(seconds=seconds)
        ask = None if gap is None else (D("0.5") if bid is None else bid) + gap
        yield Top(at, bid, ask, depth, None)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(tops, min_size=1, max_size=60),
    st.lists(kinds, min_size=1, max_size=4, unique_by=lambda each: each.id),
    st.integers(1, 3),
    st.integers(1, 60),
)
def test_what_is_remembered_changes_nothing(
    steps: list[Any], rules: list[Rule], confirm: int, cut: int
) -> None:
    manner = replace(MANNER, confirm_ticks=confirm)
    rows = list(led(steps))
    said: list[list[Any]] = [[], []]
    found = []
    for remembers in (True, False):

        def trace(row: int, judgements: Any, kept: list[Any] = said[remembers]) -> None:
            kept.append((row, {each: (j.decision, j.evaluation) for each, j in judgements.items()}))

        one = Replay(rules, D(100), manner, trace, remembers)
        one.feed(rows[:cut])  # in two chunks, as a long series comes
        one.feed(rows[cut:])
        one.finish()
        found.append(one)
    assert said[True] == said[False]
    for name in ("rows", "skipped", "longest_blind", "held", "proceeds", "firings", "last_bid", "last_at"):
        assert getattr(found[0], name) == getattr(found[1], name)


# ---- over sources --------------------------------------------------------------------------------


def source(name: str, rows: list[Top], **known: Any) -> Source:
    return Source(name, lambda: iter(rows), **known)


def trial(*terms: Terms, **place: str) -> Trial:
    return Trial(MANNER, terms, (), tuple(place.items()))


def stop(percent: str) -> Terms:
    return Terms(STOP, "m", "t", trigger_percent=D(percent))


def results(sources: list[Source], trials: list[Trial], **more: Any) -> list[list[Any]]:
    return list(run(sources, trials, max_spread=MANNER.max_spread, **more))


def test_what_was_paid_is_the_first_ask_that_counts_and_percentages_begin_there() -> None:
    rows = [*quotes(None, ask="0.2"), *quotes("0.10", ask="0.90"), *quotes("0.49", "0.45", "0.39", "0.60")]
    ((found,),) = results([source("a", rows)], [trial(stop("-20"))])
    told = record(found)
    assert (told["entryPrice"], told["rules"][0]["triggerPrice"], told["rows"]) == (0.5, 0.4, 4)
    assert (told["perShare"], told["holdPerShare"]) == (-0.11, 0.1)
    assert (told["worthUsd"], told["holdWorthUsd"], told["falseStops"]) == (39, 60, 1)


def test_what_is_told_of_the_entry_and_the_shares_wins() -> None:
    one = source("a", quotes("0.49", "0.30"), entry=D("0.6"), shares=D(10))
    ((known,),) = results([one], [trial(stop("-20"))])
    assert (known.entry, known.rules[0].trigger_price, known.replay.shares) == (D("0.6"), D("0.48"), 10)
    ((given_,),) = results([one], [trial(stop("-20"))], entry=D("0.4"), shares=D(5))
    assert (given_.entry, given_.rules[0].trigger_price, given_.replay.shares) == (D("0.4"), D("0.32"), 5)


def test_a_series_without_a_quote_is_worth_nobody_knows_what() -> None:
    ((found,),) = results([source("a", quotes(None, None))], [trial(stop("-20"))])
    told = record(found)
    assert (told["perShare"], told["holdPerShare"], told["worthUsd"], told["entryPrice"]) == (None,) * 4
    total = Summary()
    total.add(found)
    assert (total.record()["valued"], total.record()["meanPerShare"]) == (0, None)


def test_a_level_that_leaves_the_prices_is_refused_as_by_rule_add() -> None:
    with pytest.raises(Unprocessable, match="prices go from"):
        results([source("a", quotes("0.49"))], [trial(Terms(TARGET, "m", "t", trigger_percent=D(150)))])
    with pytest.raises(Invalid, match="is not below"):
        results(
            [source("a", quotes("0.49"))],
            [
                trial(
                    Terms(TARGET, "m", "t", trigger_price=D("0.3")),
                    Terms(STOP, "m", "t", trigger_price=D("0.4")),
                )
            ],
        )


def test_many_series_add_up_to_means_false_stops_and_the_worst() -> None:
    many = [
        source("false", quotes("0.49", "0.40", "0.60")),  # sold at 0.40: -0.10; held +0.10
        source("right", quotes("0.49", "0.30", "0.10")),  # sold at 0.30: -0.20; held -0.40
        source("still", quotes("0.49", "0.49")),  # held -0.01
    ]
    total = Summary()
    for (found,) in results(many, [trial(stop("-20"))]):
        total.add(found)
    told = total.record()
    assert (told["sources"], told["fired"], told["stops"], told["falseStops"]) == (3, 2, 2, 1)
    assert told["falseStopShare"] == 0.5
    assert told["meanPerShare"] == pytest.approx(-0.31 / 3, abs=1e-6)
    assert told["meanHoldPerShare"] == pytest.approx(-0.31 / 3, abs=1e-6)
    assert (told["worstPerShare"], told["worstSource"]) == (-0.2, "right")


def test_a_series_longer_than_what_is_in_memory_at_once_is_one_series() -> None:
    rows = quotes(*["0.50"] * 45_000, "0.30", every=15)
    seen: list[tuple[int, int]] = []
    ((found,),) = results(
        [source("a", rows)], [trial(stop("-20"))], progress=lambda done, rows: seen.append((done, rows))
    )
    assert (found.replay.rows, sales(found.replay)) == (45_001, [(45_000, "100", "0.30")])
    assert seen == [(0, 20_000), (0, 40_000), (0, 45_001), (1, 0)]
