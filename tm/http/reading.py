"""What came with a request: its body and its query, read in one way or refused."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tm.errors import Invalid
from tm.http.guard import Environ, has_body
from tm.model import AlertStatus, EventType, JobStatus, RuleStatus
from tm.service.body import LARGEST_PAGE, parse_json, refusal
from tm.service.new_rule import Instant

DEEPEST = 16  # objects and lists within each other
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)


def _whole(value: object) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number")
    return int(value)


Whole = Annotated[int, BeforeValidator(_whole)]
Id = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,64}$")]


class Query(BaseModel):
    """The parameters of a route that has none; any other route's are a model below this one."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Page(Query):
    """The parameters of a list."""

    limit: Whole = Field(100, ge=1, le=LARGEST_PAGE, description="at most so many, newest first")
    offset: Whole = Field(0, ge=0, le=10**18 - 1, description="leave out so many of the newest")


class RulesQuery(Page):
    status: RuleStatus | None = Field(None, description="only rules of this status")


class HistoryQuery(Page):
    since: Instant | None = Field(None, description="only quotes that began then or later")


class EventsQuery(Page):
    rule_id: Id | None = Field(None, description="only events of this rule")
    event_type: EventType | None = Field(None, alias="type", description="only events of this type")


class JobsQuery(Page):
    status: JobStatus | None = Field(None, description="only jobs of this status")


class AlertsQuery(Page):
    status: AlertStatus | None = Field(None, description="only alerts of this status")


class ExecutionsQuery(Page):
    alert_id: Id | None = Field(None, description="only executions of this alert")
    rule_id: Id | None = Field(None, description="only executions of this rule")


def read_query(environ: Environ, model: type[Query]) -> Any:
    """Given a request, return its parameters. Raise Invalid for an unknown, a repeated or a wrong one."""
    text = environ["QUERY_STRING"]
    try:
        if not text.isascii():
            raise ValueError
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=20
        )
    except ValueError:
        raise Invalid("the query is not of the form name=value&name=value") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        raise Invalid("a parameter is given twice")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise refusal(error, model) from None


def read_body(environ: Environ) -> dict[str, Any] | None:
    """Given a request, return the JSON object in its body, fractions as Decimals; None where there is none.

    Raise Invalid for what is not JSON, or not JSON that everybody reads in the same way.
    """
    if not has_body(environ):
        return None
    try:
        text = environ["wsgi.input"].read().decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8", code="invalid_json") from None
    value = parse_json(text)
    _refuse_odd(value, DEEPEST)
    if not isinstance(value, dict):
        raise Invalid("the body must be one JSON object")
    return value


def _refuse_odd(value: Any, depth: int) -> None:
    """Raise Invalid for nesting without end, and for halves of surrogate pairs, which are no text."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise Invalid("a string holds half of a surrogate pair", code="invalid_json")
    elif isinstance(value, (dict, list)):
        if depth == 0:
            raise Invalid(f"nested deeper than {DEEPEST} levels", code="invalid_json")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _refuse_odd(item, depth - 1)
