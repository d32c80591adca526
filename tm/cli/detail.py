"""A record with records within it, as people read it: fields first, then each of the others on a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tm.cli.output import SHORT_ID, Record


def detail(record: Record, **sections: str) -> str:
    """Given a record, return its fields one a line, and its jobs and executions below.

    `sections`: more to say under a heading, at the end.
    """
    plain = {key: value for key, value in record.items() if key not in LINES and value is not None}
    width = max((len(key) for key in plain), default=0)
    lines = [f"{key:<{width}}  {_shown(value)}" for key, value in plain.items()]
    for key, line in LINES.items():
        if record.get(key):
            lines += ["", key, *(f"  {line(each)}" for each in record[key])]
    for heading, text in sections.items():
        lines += ["", heading.replace("_", " "), *(f"  {each}" for each in text.splitlines())]
    return "\n".join(lines)


def _job(record: Record) -> str:
    reason = f": {record['lastError']}" if record["lastError"] else ""
    return f"{record['id'][:SHORT_ID]}  {record['jobType']}  {record['status']}{reason}"


def _execution(record: Record) -> str:
    sold = record["filledShares"]
    filled = "" if sold is None else f", {sold} filled"
    price = "" if record["avgPrice"] is None else f" at {record['avgPrice']}"
    reason = f": {record['reason']}" if record["reason"] else ""
    return (
        f"{record['id'][:SHORT_ID]}  {record['createdAt']}  {record['action']} {record['shares']} shares"
        f"{filled}{price}  {record['outcome']}{reason}"
    )


LINES: dict[str, Callable[[Record], str]] = {"jobs": _job, "executions": _execution}


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
