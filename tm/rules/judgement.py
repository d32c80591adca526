"""How a rule stands after one look: the one road from a quote to a decision, of a tick and of a replay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tm.model import Rule
from tm.rules.backoff import MAX_REARM_SECONDS, is_due
from tm.rules.quote import Quote
from tm.rules.trigger import Decision, Evaluation, evaluate


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a rule was judged, what becomes of it, and the fields of the rule that are to change."""

    evaluation: Evaluation
    decision: str  # the evaluation's, or why a rule that fires has to wait
    learned: dict[str, Any]

    @property
    def fires(self) -> bool:
        return self.decision == Decision.FIRE


def judge(
    rule: Rule,
    quote: Quote | None,
    *,
    max_spread: Decimal,
    confirm_ticks: int,
    tick_started: datetime,
    now: datetime,
    sellable: bool,
    busy: bool,
    why_missing: str | None = None,
) -> Judgement:
    """Given a rule and its token's quote (None: no book, `why_missing` says why), return how it stands.

    `sellable`: its position is seen, or may be hidden by a full page and the amount is fixed. `busy`: an
    order of its token is open. Raise ValueError where `evaluate` does.
    """
    evaluation = evaluate(
        rule, quote, max_spread=max_spread, confirm_ticks=confirm_ticks, tick_started=tick_started
    )
    if why_missing is not None:
        evaluation = replace(evaluation, reason=why_missing)
    decision = str(evaluation.decision)
    if evaluation.decision is Decision.FIRE:
        if not sellable:
            decision = "POSITION_NOT_SEEN"
        elif busy:
            decision = "ORDER_OPEN"
        elif not _back_off_is_over(rule, now):
            decision = "BACK_OFF"
    return Judgement(evaluation, decision, _learned(rule, evaluation, now))


def _back_off_is_over(rule: Rule, now: datetime) -> bool:
    """Say whether a rule may fire again; a wait noted under a clock that since went back is over."""
    return rule.updated_at > now or is_due(rule.not_before, now, MAX_REARM_SECONDS)


def _learned(rule: Rule, evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if evaluation.decision is Decision.NO_INFORMATION:
        if rule.blind_since is None:
            fields["blind_since"] = now
        return fields
    if rule.blind_since is not None:
        fields.update(blind_since=None, blind_told=False)
    if evaluation.activated:
        fields["activated_at"] = now
    if evaluation.trigger_price != rule.trigger_price:
        fields["trigger_price"] = evaluation.trigger_price
    if evaluation.confirm_count != rule.confirm_count:
        fields["confirm_count"] = evaluation.confirm_count
    if evaluation.decision is Decision.HOLD and rule.unsold_since is not None:
        # The condition has passed: the next trigger is a new one, with a promise of its own.
        fields.update(unsold_since=None, unsold_told=False, rearm_count=0, not_before=None)
        if rule.sold_shares == 0:
            fields["promised_shares"] = None
    return fields
