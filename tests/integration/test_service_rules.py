"""The use cases of rules over a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tm.config import load_settings
from tm.errors import Conflict, Invalid, NotFound
from tm.ids import new_id
from tm.model import (
    ActionType,
    Attempt,
    Baseline,
    EventType,
    Job,
    JobStatus,
    JobType,
    Outcome,
    Position,
    RuleStatus,
    RuleType,
)
from tm.service import records
from tm.service.context import Context, open_context
from tm.service.rules import add_rule, add_rules, cancel_rule, edit_rule, get_rule, list_rules
from tm.service.terms import Terms
from tm.store import attempts, events, jobs, positions, rules

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
STOP = Terms(RuleType.STOP_LOSS, "0xabc", "71", Decimal("0.4"))
TARGET = replace(STOP, rule_type=RuleType.TAKE_PROFIT, trigger_price=Decimal("0.8"))
TRAIL = Terms(RuleType.TRAILING_STOP, "0xabc", "71", trailing_percent=Decimal(10))


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    settings = load_settings(environ={"OPENCLAW_STATE_DIR": str(tmp_path)})
    with open_context(settings, lambda: NOW) as opened:
        yield opened


def quote(ctx: Context, bid: str | None, ask: str | None = None, age: float = 0) -> None:
    """Let the token's quote have been cached `age` seconds ago."""
    position = Position(
        id=new_id(),
        market_id="0xabc",
        token_id="71",
        quantity=Decimal(100),
        avg_entry_price=None,
        current_price=None,
        last_updated_at=NOW,
        created_at=NOW,
        updated_at=NOW,
        label="Will it rain? · Yes",
        best_bid=None if bid is None else Decimal(bid),
        best_ask=None if ask is None else Decimal(ask),
        quote_at=NOW - timedelta(seconds=age),
    )
    with ctx.store.write("test.quote") as conn:
        positions.save_all(conn, [position])


def trigger(ctx: Context, rule_id: str, *, job: bool = False, outcome: Outcome | None = None) -> None:
    """Let the rule have fired: with its job waiting, and an attempt of a given outcome."""
    status = JobStatus.RUNNING if job else JobStatus.FAILED
    made = Job(new_id(), JobType.EXECUTE_TXN, status, 0, 5, NOW, NOW, NOW, rule_id=rule_id)
    with ctx.store.write("test.trigger") as conn:
        assert rules.swap_status(conn, rule_id, RuleStatus.ACTIVE, RuleStatus.TRIGGERED, NOW)
        jobs.insert(conn, made)
        if outcome is None:
            return
        attempt = Attempt(
            id=new_id(),
            seq=0,
            job_id=made.id,
            rule_id=rule_id,
            market_id="0xabc",
            token_id="71",
            action=ActionType.SELL_ALL,
            shares=Decimal(10),
            outcome=Outcome.SENT,
            request={},
            baseline=Baseline(Decimal(10), (), (), None, None, None),
            created_at=NOW,
        )
        attempts.insert(conn, attempt)
        closed = None if outcome in (Outcome.SENT, Outcome.UNKNOWN) else NOW
        attempts.move(conn, attempt.id, [Outcome.SENT], outcome=outcome, closed_at=closed)


def event_types(ctx: Context, rule_id: str) -> list[str]:
    return [str(event.event_type) for event in reversed(events.listing(ctx.conn, rule_id=rule_id))]


def test_a_rule_is_added_with_its_terms_and_an_event(ctx: Context) -> None:
    quote(ctx, None)
    rule = add_rule(ctx, replace(STOP, expires_at=NOW + timedelta(hours=1)))
    assert get_rule(ctx, rule.id) == (rule, None)
    assert (rule.status, rule.trigger_price, rule.label) == (
        RuleStatus.ACTIVE,
        Decimal("0.4"),
        "Will it rain? · Yes",
    )
    (event,) = events.listing(ctx.conn, rule_id=rule.id)
    assert event.event_type is EventType.RULE_CREATED
    assert event.event_data["triggerPrice"] == "0.4"


def test_all_rules_are_added_or_none(ctx: Context) -> None:
    made = add_rules(ctx, [STOP, TARGET], label="x")
    assert [rule.label for rule in made] == ["x", "x"]
    late = replace(TARGET, expires_at=NOW - timedelta(seconds=1))
    with pytest.raises(Invalid, match="in the past"):
        add_rules(ctx, [STOP, late])
    assert len(list_rules(ctx)) == 2


def test_a_dry_run_checks_and_writes_nothing(ctx: Context) -> None:
    assert len(add_rules(ctx, [STOP, TARGET], dry_run=True)) == 2
    quote(ctx, "0.30", "0.31")
    with pytest.raises(Conflict):
        add_rules(ctx, [STOP], dry_run=True)
    assert list_rules(ctx) == []


@pytest.mark.parametrize(
    ("terms", "bid", "ask"),
    [(STOP, "0.40", "0.41"), (STOP, "0.10", "0.12"), (TARGET, "0.80", "0.81"), (TARGET, "0.95", None)],
)
def test_a_rule_that_would_fire_at_once_must_be_meant(ctx: Context, terms: Terms, bid: str, ask: str) -> None:
    quote(ctx, bid, ask, age=60)
    with pytest.raises(Conflict) as caught:
        add_rule(ctx, terms)
    assert caught.value.code == "would_trigger_now"
    assert caught.value.exit_code == 5
    assert list_rules(ctx) == []
    assert add_rule(ctx, replace(terms, allow_immediate=True)).status is RuleStatus.ACTIVE


def test_a_trailing_stop_with_a_start_above_the_market_must_be_meant(ctx: Context) -> None:
    quote(ctx, "0.50", "0.51")
    with pytest.raises(Conflict):
        add_rule(ctx, replace(TRAIL, trigger_price=Decimal("0.55")))
    add_rule(ctx, TRAIL)


@pytest.mark.parametrize(
    ("bid", "ask", "age"),
    [
        ("0.39", "0.40", 61),  # too old to know
        ("0.39", "0.40", -5),  # from the future: the clock went back
        ("0.10", "0.60", 0),  # a spread that the gate does not believe
        ("0.39", None, 0),  # one-sided
        ("0.39", "0.38", 0),  # crossed
        (None, "0.40", 0),
        ("0.41", "0.42", 0),  # not reached
    ],
)
def test_a_quote_that_says_nothing_refuses_no_rule(ctx: Context, bid: str, ask: str, age: float) -> None:
    quote(ctx, bid, ask, age)
    assert add_rule(ctx, STOP).status is RuleStatus.ACTIVE


def test_lists_are_newest_first_with_limit_offset_and_status(ctx: Context) -> None:
    made = [add_rule(ctx, STOP).id for _ in range(5)]
    cancel_rule(ctx, made[0])
    shown = [rule.id for rule, _ in list_rules(ctx, limit=2, offset=1)]
    assert shown == [made[3], made[2]]
    assert [rule.id for rule, _ in list_rules(ctx, RuleStatus.CANCELED)] == [made[0]]
    for limit, offset in ((0, 0), (1001, 0), (5, -1)):
        with pytest.raises(Invalid):
            list_rules(ctx, limit=limit, offset=offset)


def test_an_id_can_be_cut_to_its_first_six_characters(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    assert get_rule(ctx, rule.id[:6])[0].id == rule.id
    assert get_rule(ctx, f" {rule.id} ")[0].id == rule.id
    for unknown in (rule.id[:5], "c", "", rule.id + "x", "zzzzzz", "%" * 6, "______"):
        with pytest.raises(NotFound):
            get_rule(ctx, unknown)
    with pytest.raises(NotFound):
        get_rule(ctx, rule.id[:24], exact=True)


def test_a_prefix_of_several_ids_names_none_and_lists_them(ctx: Context) -> None:
    twins = [replace(add_rule(ctx, STOP), id=f"caaaaaa{end}") for end in ("1", "2", "")]
    with ctx.store.write("test.twins") as conn:
        for twin in twins:
            rules.insert(conn, twin)
    with pytest.raises(Conflict) as caught:
        get_rule(ctx, "caaaaa")
    assert caught.value.code == "ambiguous"
    assert {detail["id"] for detail in caught.value.details} == {twin.id for twin in twins}
    assert get_rule(ctx, "caaaaaa")[0].id == "caaaaaa", "a whole id is never ambiguous"


def test_editing_moves_the_trigger_and_starts_the_count_anew(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    with ctx.store.write("test.count") as conn:
        rules.update(conn, rule.id, NOW, confirm_count=1)
    edited = edit_rule(ctx, rule.id, Decimal("0.45"))
    assert edited == get_rule(ctx, rule.id)[0]
    assert (edited.trigger_price, edited.confirm_count) == (Decimal("0.45"), 0)
    edit_rule(ctx, rule.id, Decimal("0.45"))
    assert event_types(ctx, rule.id) == ["RULE_CREATED", "RULE_UPDATED"], (
        "the same price again changes nothing"
    )
    data = events.listing(ctx.conn, rule_id=rule.id)[0].event_data
    assert data == {"triggerPriceBefore": "0.4", "triggerPrice": "0.45"}


def test_only_an_active_rule_is_edited(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    cancel_rule(ctx, rule.id)
    with pytest.raises(Conflict) as caught:
        edit_rule(ctx, rule.id, Decimal("0.45"))
    assert caught.value.code == "not_active"
    assert get_rule(ctx, rule.id)[0].trigger_price == Decimal("0.4")


def test_cancelling_twice_is_no_fault_and_one_event(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    assert cancel_rule(ctx, rule.id).status is RuleStatus.CANCELED
    assert cancel_rule(ctx, rule.id).status is RuleStatus.CANCELED
    assert event_types(ctx, rule.id) == ["RULE_CREATED", "RULE_CANCELED"]


@pytest.mark.parametrize("status", [RuleStatus.EXPIRED, RuleStatus.FAILED])
def test_what_has_ended_is_not_cancelled(ctx: Context, status: RuleStatus) -> None:
    rule = add_rule(ctx, STOP)
    with ctx.store.write("test.end") as conn:
        rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, status, NOW)
    with pytest.raises(Conflict) as caught:
        cancel_rule(ctx, rule.id)
    assert caught.value.code == "not_active"
    assert get_rule(ctx, rule.id)[0].status is status


@pytest.mark.parametrize(
    "out",
    [
        {"job": True},
        {"outcome": Outcome.SENT},
        {"outcome": Outcome.UNKNOWN},
        {"job": True, "outcome": Outcome.SENT},
    ],
)
def test_a_cancel_while_an_order_is_out_is_refused_and_remembered(ctx: Context, out: dict[str, Any]) -> None:
    rule = add_rule(ctx, STOP)
    trigger(ctx, rule.id, **out)
    with pytest.raises(Conflict) as caught:
        cancel_rule(ctx, rule.id)
    assert caught.value.code == "not_active"
    assert "remembered" in (caught.value.hint or "")
    known, _ = get_rule(ctx, rule.id)
    assert (known.status, known.cancel_requested) == (RuleStatus.TRIGGERED, True)


def test_a_cancel_after_the_sale_remembers_nothing(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    trigger(ctx, rule.id, outcome=Outcome.FILLED)
    with pytest.raises(Conflict) as caught:
        cancel_rule(ctx, rule.id)
    assert caught.value.code == "not_active"
    assert not get_rule(ctx, rule.id)[0].cancel_requested


def test_records_are_found_by_rule_and_by_prefix(ctx: Context) -> None:
    rule = add_rule(ctx, STOP)
    other = add_rule(ctx, TARGET)
    trigger(ctx, rule.id, outcome=Outcome.FILLED)
    (made,) = records.list_executions(ctx, rule=rule.id[:8])
    assert records.list_executions(ctx, rule=other.id) == []
    assert records.get_execution(ctx, made.id[:8]).outcome is Outcome.FILLED
    assert get_rule(ctx, rule.id)[1] == made
    (job,) = records.list_jobs(ctx, JobStatus.FAILED)
    assert records.get_job(ctx, job.id[:8]) == (job, [made])
    assert {event.rule_id for event in records.list_events(ctx, rule=rule.id[:8])} == {rule.id}
    assert records.list_events(ctx, event_type=EventType.RULE_EXPIRED) == []
    for find in (records.get_execution, records.get_job, records.get_alert):
        with pytest.raises(NotFound):
            find(ctx, "nothing-like-it")
    with pytest.raises(NotFound):
        records.list_events(ctx, rule="nothing-like-it")
