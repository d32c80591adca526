"""What JSON Schema can say of a body: the ranges of its numbers, and which fields go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]  # JSON Schema

_DECIMALS = r"(\.[0-9]{0,4})?"
_BELOW_ONE = r"0?\.([1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|00[1-9][0-9]?|000[1-9])"


def number(pattern: str, decimals: int, **limits: float) -> Schema:
    """A number within limits, of at most so many decimals; or its text."""
    step = {"multipleOf": float(f"1e-{decimals}")}
    return {"anyOf": [{"type": "number", **limits, **step}, {"type": "string", "pattern": f"^{pattern}$"}]}


def text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


PRICE = number(rf"\+?{_BELOW_ONE}", 4, exclusiveMinimum=0, exclusiveMaximum=1)
PERCENT = number(rf"\+?([1-9][0-9]?{_DECIMALS}|{_BELOW_ONE})", 4, exclusiveMinimum=0, exclusiveMaximum=100)
PART_PERCENT = number(rf"\+?(100|[1-9][0-9]?{_DECIMALS}|{_BELOW_ONE})", 4, exclusiveMinimum=0, maximum=100)
ENTRY_PERCENT = number(rf"[+-]?(0|[1-9][0-9]?){_DECIMALS}", 4, exclusiveMinimum=-100, maximum=100_000)
SHARES = number(r"\+?[1-9][0-9]{0,8}(\.[0-9]{0,6})?", 6, minimum=0.01, maximum=1_000_000_000)
INSTANT: Schema = {"type": "string", "format": "date-time"}


def given(*names: str) -> Schema:
    """These fields are there, and not null."""
    return {"required": list(names), "properties": {name: {"not": {"type": "null"}} for name in names}}


def absent(*names: str) -> Schema:
    """These fields are not there, or null."""
    return {"properties": {name: {"type": "null"} for name in names}}


def one_of(*names: str) -> Schema:
    """Exactly one of these fields is there."""
    return {"oneOf": [{"allOf": [given(name), absent(*_others(names, name))]} for name in names]}


def one_at_most(*names: str) -> Schema:
    """One of these fields is there, or none."""
    return {"anyOf": [absent(*_others(names, name)) for name in names]}


def where(field: str, *values: str) -> Schema:
    """The field has one of these values."""
    return {"required": [field], "properties": {field: {"enum": list(values)}}}


def _others(names: Sequence[str], name: str) -> list[str]:
    return [other for other in names if other != name]
