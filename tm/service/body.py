"""What comes in as JSON: read exactly, refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

from tm.errors import Invalid
from tm.service.terms import ID_EXPECTS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

LARGEST_PAGE = 1000


def parse_json(text: str) -> Any:
    """Given JSON text, return its value with exact Decimals.

    Raise Invalid for anything else: NaN, a name that appears twice, numbers of a thousand digits.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            raise Invalid("a name appears twice in one JSON object", code="invalid_json")
        return content

    def constant(name: str) -> NoReturn:
        raise Invalid(f"{name} is not a JSON number", code="invalid_json")

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=constant, object_pairs_hook=unique)
    except json.JSONDecodeError as problem:
        raise Invalid(
            f"not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}", code="invalid_json"
        ) from None
    except (RecursionError, ValueError, ArithmeticError):
        raise Invalid("not JSON that makes sense", code="invalid_json") from None


def refusal(error: ValidationError, model: type[BaseModel]) -> Invalid:
    """Given what pydantic found wrong in a body, return the error that names field, value and remedy."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    found = [_explain(item, names) for item in error.errors(include_url=False)]
    first, hint = found[0]
    details = [message for message, _ in found] if len(found) > 1 else None
    return Invalid(first, hint=hint, details=details)


def _explain(item: Any, names: Iterable[str]) -> tuple[str, str | None]:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        from difflib import get_close_matches

        near = get_close_matches(where, list(names), n=1)
        return f"unknown field {where}", f"did you mean {near[0]}?" if near else "fields: " + ", ".join(names)
    if item["type"] == "missing":
        return f"{where} is missing", None
    said = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "string_pattern_mismatch":
        said = ID_EXPECTS
    if not where:
        return said, None
    return f"{where}: {shown(item['input'])}: {said}", None


def shown(value: object) -> str:
    """Given a value that was refused, return it short enough to be repeated."""
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def page(limit: int, offset: int) -> tuple[int, int]:
    """Given what a list was asked for, return it, or raise Invalid: limit 1 to 1,000, offset from 0."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"limit: {limit}: must be 1 to {LARGEST_PAGE}")
    if not 0 <= offset < 2**62:
        raise Invalid(f"offset: {offset}: must be 0 or more")
    return limit, offset
