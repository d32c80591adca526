"""The table of routes, and what each one calls: parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from tm import __version__, wire
from tm.errors import Invalid
from tm.http import glance, page, schemas
from tm.http.guard import Access
from tm.http.reading import (
    AlertsQuery,
    EventsQuery,
    ExecutionsQuery,
    HistoryQuery,
    JobsQuery,
    Page,
    Query,
    RulesQuery,
)
from tm.http.schemas import AlertEvent, TradeRule
from tm.service import records, rules
from tm.service.body import refusal
from tm.service.context import Context
from tm.service.new_alert import NewAlert
from tm.service.new_rule import NewRule

JSON = "application/json"
NAMED = {"id": "[A-Za-z0-9]{1,64}", "tokenId": "[A-Za-z0-9._-]{1,128}"}  # what a path may hold, by its name


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the guard let through."""

    ctx: Context  # not there for a route that says `stored=False`
    query: Any  # the route's own model
    body: Any  # JSON, not yet checked; None where there is none
    id: str = ""
    idempotency_key: str | None = None  # of the header
    asks_token: bool = False  # an apiToken is set


@dataclass(frozen=True, slots=True)
class Answer:
    data: Any  # bytes are sent as they are
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    name: str  # operationId
    summary: str
    answer: Callable[[Call], Answer]
    shows: Any  # what a good answer holds
    access: Access = Access.API
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    status: int = 200
    errors: tuple[int, ...] = ()  # beside those that any route may answer
    headers: tuple[str, ...] = ()  # of a good answer
    stored: bool = True  # False: answers even where the database does not
    media: str = JSON


def health(call: Call) -> Answer:
    return Answer({"status": "ok", "version": __version__})


def status(call: Call) -> Answer:
    from tm.service.control import status as current

    paper = {"paper": True} if call.ctx.settings.paper else {}
    return Answer({**paper, **wire.plain(current(call.ctx))})


def add_rule(call: Call) -> Answer:
    from tm.service.new_rule import new_rule

    rule = rules.add_rule(call.ctx, new_rule(call.body))
    return Answer(wire.rule(rule), (("Location", f"/api/rules/{rule.id}"),))


def list_rules(call: Call) -> Answer:
    page = {"limit": call.query.limit, "offset": call.query.offset}
    return Answer([wire.rule(*each) for each in rules.list_rules(call.ctx, call.query.status, **page)])


def show_rule(call: Call) -> Answer:
    return Answer(wire.rule(*rules.get_rule(call.ctx, call.id, exact=True)))


def change_rule(call: Call) -> Answer:
    try:
        change = schemas.RuleChange.model_validate({} if call.body is None else call.body)
    except ValidationError as error:
        raise refusal(error, schemas.RuleChange) from None
    rules.edit_rule(call.ctx, call.id, change.trigger_price, exact=True)
    return show_rule(call)


def cancel_rule(call: Call) -> Answer:
    rules.cancel_rule(call.ctx, call.id, exact=True)
    return show_rule(call)


def list_positions(call: Call) -> Answer:
    from tm.service.positions import list_positions as current

    found, _ = current(call.ctx, limit=call.query.limit, offset=call.query.offset)
    return Answer([wire.position(each) for each in found])


def list_history(call: Call) -> Answer:
    from tm.service.history import list_history as quotes

    query = call.query
    found = quotes(call.ctx, call.id, since=query.since, limit=query.limit, offset=query.offset)
    return Answer([wire.stretch(each) for each in found])


def list_events(call: Call) -> Answer:
    query = call.query
    found = records.list_events(
        call.ctx, rule=query.rule_id, event_type=query.event_type, limit=query.limit, offset=query.offset,
        exact=True,
    )  # fmt: skip
    return Answer([wire.event(each) for each in found])


def list_jobs(call: Call) -> Answer:
    page = {"limit": call.query.limit, "offset": call.query.offset}
    return Answer([wire.job(each) for each in records.list_jobs(call.ctx, call.query.status, **page)])


def list_executions(call: Call) -> Answer:
    query = call.query
    found = records.list_executions(
        call.ctx, rule=query.rule_id, alert=query.alert_id, limit=query.limit, offset=query.offset, exact=True
    )
    return Answer([wire.execution(each) for each in found])


def add_alert(call: Call) -> Answer:
    from tm.service.alerts import ingest_alert
    from tm.service.new_alert import new_alert

    alert, replayed = ingest_alert(call.ctx, new_alert(_with_key(call)))
    headers = [("Location", f"/api/alerts/{alert.id}")]
    if replayed:
        headers.append(("Idempotency-Replayed", "true"))
    return Answer(wire.alert(alert), tuple(headers))


def _with_key(call: Call) -> Any:
    """Given an alert's body, return it with the key of the header. Raise Invalid where they differ."""
    if call.idempotency_key is None or not isinstance(call.body, dict):
        return call.body
    within = call.body.get("idempotencyKey", call.idempotency_key)
    if within != call.idempotency_key:
        raise Invalid(
            "idempotencyKey: the header Idempotency-Key says another",
            hint="give it in one place, or the same",
        )
    return {**call.body, "idempotencyKey": call.idempotency_key}


def list_alerts(call: Call) -> Answer:
    page = {"limit": call.query.limit, "offset": call.query.offset}
    return Answer([wire.alert(each) for each in records.list_alerts(call.ctx, call.query.status, **page)])


def show_alert(call: Call) -> Answer:
    return Answer(wire.alert(*records.get_alert(call.ctx, call.id, exact=True)))


def overview(call: Call) -> Answer:
    from tm.service.overview import overview as seen

    return Answer(seen(call.ctx, hours=call.query.hours, points=call.query.points))


def pause(call: Call) -> Answer:
    from tm.service.control import pause as switch

    try:
        wish = glance.PauseRequest.model_validate({} if call.body is None else call.body)
    except ValidationError as error:
        raise refusal(error, glance.PauseRequest) from None
    return Answer({"paused": True, "pause": wire.plain(switch(call.ctx, wish.reason))})


def resume(call: Call) -> Answer:
    """An old or copied database is not let go on from here: a person vouches for it on the host."""
    from tm.service.control import resume as switch

    was_paused = switch(call.ctx)
    return Answer({"paused": False, "wasPaused": was_paused})


def show_page(call: Call) -> Answer:
    return Answer(page.page(asks_token=call.asks_token), page.headers())


def openapi(call: Call) -> Answer:
    from tm.http.openapi import committed

    return Answer(committed())


ROUTES = (
    Route("GET", "/health", "health", "Say that the bridge answers.",
          health, schemas.Health, Access.OPEN, stored=False),
    Route("GET", "/status", "status", "Show how it stands.",
          status, schemas.Status, Access.OPEN),
    Route("POST", "/api/rules", "addRule", "Add a rule.",
          add_rule, TradeRule, body=NewRule, status=201, errors=(409, 422), headers=("Location",)),
    Route("GET", "/api/rules", "listRules", "List rules.",
          list_rules, list[TradeRule], query=RulesQuery),
    Route("GET", "/api/rules/{id}", "showRule", "Show a rule.",
          show_rule, TradeRule, errors=(404,)),
    Route("PATCH", "/api/rules/{id}", "changeRule", "Move the trigger of an ACTIVE rule.",
          change_rule, TradeRule, body=schemas.RuleChange, errors=(404, 409)),
    Route("DELETE", "/api/rules/{id}", "cancelRule", "Cancel a rule; one that is canceled stays so.",
          cancel_rule, TradeRule, errors=(404, 409)),
    Route("GET", "/api/positions", "listPositions", "List held positions, read anew where they are old.",
          list_positions, list[schemas.MonitoredPosition], query=Page),
    Route("GET", "/api/positions/{tokenId}/history", "listHistory",
          "List the quotes that ticks read of a token.",
          list_history, list[schemas.PriceStretch], query=HistoryQuery, errors=(404,)),
    Route("GET", "/api/events", "listEvents", "List what happened to the rules.",
          list_events, list[schemas.RuleEvent], query=EventsQuery, errors=(404,)),
    Route("GET", "/api/jobs", "listJobs", "List jobs.",
          list_jobs, list[schemas.HarnessJob], query=JobsQuery),
    Route("GET", "/api/executions", "listExecutions", "List orders.",
          list_executions, list[schemas.ExecutionAttempt], query=ExecutionsQuery, errors=(404,)),
    Route("POST", "/api/alerts", "addAlert", "Hand in an alert, once for ever per source and key.",
          add_alert, AlertEvent, Access.ALERTS, body=NewAlert, status=202, errors=(422,),
          headers=("Location", "Idempotency-Replayed")),
    Route("GET", "/api/alerts", "listAlerts", "List alerts.",
          list_alerts, list[AlertEvent], query=AlertsQuery),
    Route("GET", "/api/alerts/{id}", "showAlert", "Show an alert, its jobs and orders.",
          show_alert, schemas.AlertDetail, errors=(404,)),
    Route("GET", "/api/overview", "overview", "Show all at one glance.",
          overview, glance.Overview, query=glance.OverviewQuery),
    Route("POST", "/api/pause", "pause", "Let no order leave; already paused, it stays as it is.",
          pause, glance.Paused, body=glance.PauseRequest),
    Route("POST", "/api/resume", "resume", "Let orders leave again.",
          resume, glance.Resumed, errors=(409,)),
    Route("GET", "/", "page", "The page for people.",
          show_page, str, Access.OPEN, stored=False, media=page.TYPE),
    Route("GET", "/openapi.json", "openapi", "This document.",
          openapi, dict[str, Any], Access.OPEN, stored=False),
)  # fmt: skip
