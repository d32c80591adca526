"""The use cases of rules: add, list, show, edit, cancel. Nothing here asks anyone outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from tm.errors import Conflict, Invalid, NotFound
from tm.ids import new_id
from tm.logs import log
from tm.model import Attempt, EventType, JobType, Position, Rule, RuleStatus
from tm.numbers import canonical
from tm.service import levels
from tm.service.body import page
from tm.service.context import Context
from tm.service.ids import full_id
from tm.service.terms import Terms
from tm.store import attempts, events, positions
from tm.store import rules as table

QUOTE_COUNTS_FOR = timedelta(seconds=60)  # how old a cached quote may be to say "it would fire at once"


def add_rule(ctx: Context, new: Terms, *, label: str | None = None) -> Rule:
    """Add one rule and return it. Raise Conflict `would_trigger_now`, or Invalid."""
    (rule,) = add_rules(ctx, [new], label=label)
    return rule


def add_rules(
    ctx: Context, wanted: Sequence[Terms], *, label: str | None = None, dry_run: bool = False
) -> list[Rule]:
    """Add all of these rules, or none; return them. `label`: market and outcome, where they are known.

    Percentages become prices and shares here, from holdings as last read. Raise Unprocessable where they
    cannot; Conflict `would_trigger_now` where a quote of the last 60 s already meets a condition, unless
    that rule allows it; Invalid where one expires in the past, or where rules of one position contradict
    each other. `dry_run` checks, and writes nothing.
    """
    now = ctx.clock()
    known = {new.token_id: positions.get(ctx.conn, new.token_id) for new in wanted}
    made = [_rule(new, known[new.token_id], label, now) for new in wanted]
    for token_id, position in known.items():
        together = [rule for rule in made if rule.token_id == token_id]
        levels.check_together(together, levels.known_quantity(position, now))
    for new, rule in zip(wanted, made, strict=True):
        if rule.expires_at is not None and rule.expires_at <= now:
            raise Invalid(f"expiresAt: {rule.expires_at:%Y-%m-%d %H:%M:%S}Z is in the past")
        if not new.allow_immediate:
            _refuse_if_it_would_fire(ctx, rule, now)
    if dry_run:
        return made
    with ctx.store.write("rules.add") as conn:
        for rule in made:
            table.insert(conn, rule)
            events.add(conn, rule.id, EventType.RULE_CREATED, now, _terms(rule))
    for rule in made:
        log("rule_created", rule_id=rule.id, token_id=rule.token_id, rule_type=rule.rule_type)
    return made


def list_rules(
    ctx: Context, status: RuleStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[tuple[Rule, Attempt | None]]:
    """Rules, newest first, each with its latest attempt."""
    limit, offset = page(limit, offset)
    found = table.listing(ctx.conn, status, limit=limit, offset=offset)
    latest = attempts.latest_of_rules(ctx.conn, [rule.id for rule in found])
    return [(rule, latest.get(rule.id)) for rule in found]


def get_rule(ctx: Context, given: str, *, exact: bool = False) -> tuple[Rule, Attempt | None]:
    """Given an id, or a prefix unless `exact`, return the rule and its latest attempt."""
    rule_id = full_id(ctx.conn, "rule", given, exact=exact)
    rule = table.get(ctx.conn, rule_id)
    if rule is None:
        raise NotFound(f"no rule {given!r}")
    return rule, attempts.latest_of_rules(ctx.conn, [rule_id]).get(rule_id)


def edit_rule(ctx: Context, given: str, trigger_price: Decimal, *, exact: bool = False) -> Rule:
    """Move an ACTIVE rule's trigger (USD per share) and return the rule. Raise Conflict if not ACTIVE.

    It is then no longer a percentage of the entry.
    """
    rule, _ = get_rule(ctx, given, exact=exact)
    now = ctx.clock()
    with ctx.store.write("rules.edit") as conn:
        rule = table.get(conn, rule.id) or rule
        if rule.status is not RuleStatus.ACTIVE:
            raise _not_active(rule, "only an ACTIVE rule can be changed; add a new one")
        if rule.trigger_price == trigger_price:
            return rule
        fields = {"trigger_price": trigger_price, "trigger_percent": None, "confirm_count": 0}
        table.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.ACTIVE, now, **fields)
        change = {"triggerPriceBefore": rule.trigger_price, "triggerPrice": trigger_price}
        events.add(conn, rule.id, EventType.RULE_UPDATED, now, change)
    log("rule_updated", rule_id=rule.id, trigger_price=trigger_price)
    return replace(rule, trigger_price=trigger_price, trigger_percent=None, confirm_count=0, updated_at=now)


def cancel_rule(ctx: Context, given: str, *, exact: bool = False) -> Rule:
    """Cancel an ACTIVE rule and return it; one that is CANCELED is returned as it is.

    Raise Conflict `not_active` for any other. While an order of it is out the wish is remembered: should
    that order sell nothing, the rule is CANCELED and not armed again.
    """
    rule, _ = get_rule(ctx, given, exact=exact)
    now = ctx.clock()
    remembered = False
    with ctx.store.write("rules.cancel") as conn:
        rule = table.get(conn, rule.id) or rule
        if rule.status is RuleStatus.ACTIVE:
            table.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.CANCELED, now)
            events.add(conn, rule.id, EventType.RULE_CANCELED, now, {"reason": "asked"})
        elif rule.status is RuleStatus.TRIGGERED and _order_is_out(ctx, rule):
            remembered = True
            table.update(conn, rule.id, now, cancel_requested=True)
    if rule.status is RuleStatus.ACTIVE:
        log("rule_canceled", rule_id=rule.id)
        return replace(rule, status=RuleStatus.CANCELED, updated_at=now)
    if rule.status is RuleStatus.CANCELED:
        return rule
    if remembered:
        raise Conflict(
            f"rule {rule.id} is TRIGGERED and its order is out",
            code="not_active",
            hint="remembered: what that order does not sell is not armed again; `tm rule show` follows it",
        )
    raise _not_active(rule, "there is nothing left to cancel")


def _rule(new: Terms, position: Position | None, label: str | None, now: datetime) -> Rule:
    level = levels.resolve(new, position, now)
    return Rule(
        id=new_id(),
        rule_type=new.rule_type,
        market_id=new.market_id,
        token_id=new.token_id,
        trigger_price=level.trigger_price,
        trailing_percent=new.trailing_percent,
        action=level.action,
        status=RuleStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        label=label or (None if position is None else position.label),
        expires_at=new.expires_at,
        trigger_percent=new.trigger_percent,
        entry_price=level.entry_price,
        trailing_amount=new.trailing_amount,
        activation_price=level.activation_price,
        activation_percent=new.activation_percent,
    )


def _refuse_if_it_would_fire(ctx: Context, rule: Rule, now: datetime) -> None:
    """A stop above the market sells at the next look: often a slip of the pen, so it must be meant."""
    position = positions.get(ctx.conn, rule.token_id)
    if position is None or position.best_bid is None or position.quote_at is None or position.quote_at > now:
        return
    from tm.rules.quote import Quote, why_no_information
    from tm.rules.trigger import would_trigger

    quote = Quote(rule.token_id, position.best_bid, position.best_ask, position.quote_at)
    oldest = now - QUOTE_COUNTS_FOR
    if why_no_information(rule.rule_type, quote, ctx.settings.max_spread, oldest) is not None:
        return
    if would_trigger(rule, position.best_bid):
        raise Conflict(
            f"it would fire at once: the best bid is {canonical(position.best_bid)}, "
            f"the {rule.rule_type} trigger {canonical(rule.trigger_price or Decimal(0))}",
            code="would_trigger_now",
            hint='if that is meant: --allow-immediate, or "allowImmediate": true',
            details=[{"bestBid": float(position.best_bid), "tokenId": rule.token_id}],
        )


def _order_is_out(ctx: Context, rule: Rule) -> bool:
    """Say whether an order of this rule is being sent, or its outcome is not yet known."""
    from tm.store import jobs

    if any(attempt.rule_id == rule.id for attempt in attempts.open_ones(ctx.conn)):
        return True
    waiting = [*jobs.running(ctx.conn), *jobs.pending(ctx.conn)]
    return any(job.rule_id == rule.id and job.job_type is JobType.EXECUTE_TXN for job in waiting)


def _not_active(rule: Rule, hint: str) -> Conflict:
    return Conflict(f"rule {rule.id} is {rule.status}, not ACTIVE", code="not_active", hint=hint)


def _terms(rule: Rule) -> dict[str, object]:
    """What RULE_CREATED says."""
    action = {"type": rule.action.type, "amount": rule.action.amount, "percent": rule.action.percent}
    terms = {
        "ruleType": rule.rule_type,
        "tokenId": rule.token_id,
        "triggerPrice": rule.trigger_price,
        "triggerPercent": rule.trigger_percent,
        "entryPrice": rule.entry_price,
        "trailingPercent": rule.trailing_percent,
        "trailingAmount": rule.trailing_amount,
        "activationPrice": rule.activation_price,
        "activationPercent": rule.activation_percent,
        "action": {name: value for name, value in action.items() if value is not None},
        "expiresAt": rule.expires_at,
    }
    return {name: value for name, value in terms.items() if value is not None}
