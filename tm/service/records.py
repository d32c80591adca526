"""Looking at what happened: events, jobs, executions, alerts."""

from __future__ import annotations

from collections.abc import Iterable

from tm.errors import NotFound
from tm.model import Alert, AlertStatus, Attempt, EventType, Job, JobStatus, Rule, RuleEvent
from tm.service.body import page
from tm.service.context import Context
from tm.service.ids import full_id
from tm.store import alerts, attempts, events, jobs, positions, rules


def list_events(
    ctx: Context,
    *,
    rule: str | None = None,
    event_type: EventType | None = None,
    limit: int = 50,
    offset: int = 0,
    exact: bool = False,
) -> list[RuleEvent]:
    """Events, newest first; of one rule (an id, or a prefix unless `exact`), of one type."""
    limit, offset = page(limit, offset)
    rule_id = None if rule is None else full_id(ctx.conn, "rule", rule, exact=exact)
    return events.listing(ctx.conn, rule_id=rule_id, event_type=event_type, limit=limit, offset=offset)


def rules_of(ctx: Context, found: Iterable[RuleEvent]) -> dict[str, Rule]:
    """The rules that these events are of, by id."""
    named = (rules.get(ctx.conn, rule_id) for rule_id in {event.rule_id for event in found})
    return {rule.id: rule for rule in named if rule is not None}


def labels_of(ctx: Context, found: Iterable[Attempt]) -> dict[str, str]:
    """What the tokens of these attempts are called, as far as it is known, by token id."""
    known = {token: positions.get(ctx.conn, token) for token in {attempt.token_id for attempt in found}}
    return {token: held.label for token, held in known.items() if held is not None and held.label}


def list_jobs(
    ctx: Context, status: JobStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[Job]:
    """Jobs, newest first."""
    limit, offset = page(limit, offset)
    return jobs.listing(ctx.conn, status, limit=limit, offset=offset)


def get_job(ctx: Context, given: str, *, exact: bool = False) -> tuple[Job, list[Attempt]]:
    """Given an id, or a prefix unless `exact`, return the job and its attempts, newest first."""
    job_id = full_id(ctx.conn, "job", given, exact=exact)
    job = jobs.get(ctx.conn, job_id)
    if job is None:
        raise NotFound(f"no job {given!r}")
    return job, attempts.listing(ctx.conn, job_id=job_id, limit=1000)


def list_executions(
    ctx: Context,
    *,
    rule: str | None = None,
    alert: str | None = None,
    limit: int = 50,
    offset: int = 0,
    exact: bool = False,
) -> list[Attempt]:
    """Attempts, newest first; of one rule, of one alert."""
    limit, offset = page(limit, offset)
    rule_id = None if rule is None else full_id(ctx.conn, "rule", rule, exact=exact)
    alert_id = None if alert is None else full_id(ctx.conn, "alert", alert, exact=exact)
    return attempts.listing(ctx.conn, rule_id=rule_id, alert_id=alert_id, limit=limit, offset=offset)


def get_execution(ctx: Context, given: str, *, exact: bool = False) -> Attempt:
    """Given an id, or a prefix unless `exact`, return the attempt."""
    attempt = attempts.get(ctx.conn, full_id(ctx.conn, "execution", given, exact=exact))
    if attempt is None:
        raise NotFound(f"no execution {given!r}")
    return attempt


def list_alerts(
    ctx: Context, status: AlertStatus | None = None, *, limit: int = 50, offset: int = 0
) -> list[Alert]:
    """Alerts, newest first."""
    limit, offset = page(limit, offset)
    return alerts.listing(ctx.conn, status, limit=limit, offset=offset)


def get_alert(ctx: Context, given: str, *, exact: bool = False) -> tuple[Alert, list[Job], list[Attempt]]:
    """Given an id, or a prefix unless `exact`, return the alert, its jobs and its attempts."""
    alert_id = full_id(ctx.conn, "alert", given, exact=exact)
    alert = alerts.get(ctx.conn, alert_id)
    if alert is None:
        raise NotFound(f"no alert {given!r}")
    made = attempts.listing(ctx.conn, alert_id=alert_id, limit=1000)
    return alert, jobs.of_alert(ctx.conn, alert_id), made
