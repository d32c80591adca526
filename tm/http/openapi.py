"""The OpenAPI document, made of the routes and the models. `python -m tm.http.openapi` rewrites it."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from tm import __version__
from tm.http import schemas
from tm.http.guard import Access
from tm.http.headers import REQUEST_ID
from tm.http.routes import NAMED, ROUTES, Route
from tm.service.new_alert import NewOrder
from tm.service.shape import where

FILE = Path(__file__).with_name("openapi.json")
_REF = "#/components/schemas/{model}"

DESCRIPTION = """\
Guards Polymarket positions: stops, targets and alerts, each sold once.

No order is sent within a request: what is asked for is recorded, and the next tick acts on it. Lists are
bare arrays, newest first. Prices are USD per share. Requests from pages of other sites are refused.
"""

SECURITY = {
    "apiToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "apiToken of the configuration; where none is set, none is asked for",
    },
    "alertsSecret": {
        "type": "http",
        "scheme": "bearer",
        "description": "alertsSharedSecret of the configuration; never apiToken",
    },
    "alertsSecretHeader": {"type": "apiKey", "in": "header", "name": "X-Alerts-Secret"},
}
NEEDS: dict[Access, list[dict[str, list[str]]]] = {
    Access.OPEN: [],
    Access.API: [{"apiToken": []}],
    Access.ALERTS: [{"alertsSecret": []}, {"alertsSecretHeader": []}],
}

ERROR = "#/components/responses/Error"
HEADERS = {
    REQUEST_ID: {"description": "names this request in the log", "schema": {"type": "string"}},
    "Location": {"description": "where the new record is", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "true: this key was handed in before, and nothing new was done",
        "schema": {"const": "true"},
    },
}

KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "in place of idempotencyKey in the body; where both are given they must be the same",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}


def document() -> dict[str, Any]:
    """Return the document for the routes as they are."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trade Manager", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "http://127.0.0.1:19000"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "headers": HEADERS,
            "responses": {"Error": _error()},
            "securitySchemes": SECURITY,
        },
    }


def text() -> str:
    """Return the document as the file holds it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


@cache
def committed() -> Any:
    """Return the document in the file."""
    return json.loads(FILE.read_text("utf-8"))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "security": NEEDS[route.access],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        needed = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {"required": needed, "content": _json(_ref(route.body))}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = []
    for name, pattern in NAMED.items():
        if f"{{{name}}}" in route.path:
            schema = {"type": "string", "pattern": f"^{pattern}$"}
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    shape = route.query.model_json_schema(by_alias=True, ref_template=_REF)
    for name, schema in shape.get("properties", {}).items():
        found.append(_parameter(name, schema))
    return [*found, KEY_HEADER] if route.access is Access.ALERTS else found


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Given a field of a query's model, return the parameter: one that is absent is not null."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "description", "anyOf")}
    if "anyOf" in schema:
        kept = next(choice for choice in schema["anyOf"] if choice != {"type": "null"})
    return {"name": name, "in": "query", "description": schema["description"], "schema": kept}


def _responses(route: Route) -> dict[str, Any]:
    shape = TypeAdapter(route.shows).json_schema(mode="serialization", ref_template=_REF)
    shape.pop("$defs", None)
    shown = _ref(route.shows) if _is_model(route.shows) else shape
    good = {
        "description": HTTPStatus(route.status).phrase,
        "headers": _headers(REQUEST_ID, *route.headers),
        "content": {route.media: {"schema": shown}},
    }
    return {str(route.status): good} | {str(code): {"$ref": ERROR} for code in _errors(route)}


def _errors(route: Route) -> list[int]:
    """The statuses of errors that a route may answer: the guard's, the reader's, its own, the store's."""
    found = {400, 403, 413, 415, 500, 503, *route.errors}
    if route.access is not Access.OPEN:
        found |= {401, 429}
    return sorted(found)


def _error() -> dict[str, Any]:
    return {
        "description": "What went wrong, and what to do.",
        "headers": _headers(REQUEST_ID),
        "content": _json(_ref(schemas.Error)),
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schemas() -> dict[str, Any]:
    models: list[tuple[Any, JsonSchemaMode]] = [(schemas.Error, "serialization"), (NewOrder, "validation")]
    for route in ROUTES:
        if route.body is not None:
            models.append((route.body, "validation"))
        models += [
            (model, "serialization") for model in (route.shows, *get_args(route.shows)) if _is_model(model)
        ]
    _, shapes = models_json_schema(models, by_alias=True, ref_template=_REF)
    found: dict[str, Any] = shapes["$defs"]
    ordering = {"required": ["payload"], "properties": {"payload": _ref(NewOrder)}}
    found["NewAlert"]["oneOf"] = [
        {"allOf": [where("mode", "EXECUTE_TXN"), ordering]},
        where("mode", "WAKE_AGENT", "IGNORE"),
    ]
    return dict(sorted(found.items()))


def _is_model(shown: Any) -> bool:
    return isinstance(shown, type) and issubclass(shown, BaseModel)


def _ref(model: Any) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
