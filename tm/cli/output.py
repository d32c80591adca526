"""The one way out: a table for people, JSON for programs. stdout is data, stderr is messages.

JSON lists have one record a line (valid JSON, and greppable); a single record is one line.
rich is imported only where a table is drawn.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tm.cli.session import session
from tm.errors import TradeManagerError

Record = Mapping[str, Any]
Column = tuple[str, str | Callable[[Record], Any]]  # a heading, and a key or what to show of the record

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}Z")
SHORT_ID = 10  # characters of an id in a table; 6 are enough to name it
LONG = frozenset({"POSITION", "REASON", "DATA", "LAST ERROR", "VALUE", "SOURCE", "MEANING", "TOKEN"})

PAPER = "PAPER: no real money; orders go to the paper exchange"


def emit(record: Record, text: str | None = None, *, paper: bool = False) -> None:
    """Write one record; on a terminal `text`, or else all its fields, one a line.

    `paper` says PAPER first.
    """
    if session.as_json:
        _write(_json(_marked(record, paper)))
        return
    if paper:
        _write(PAPER)
    _write(clean(text)) if text is not None else _draw_fields(record)


def emit_all(
    records: Iterable[Record], columns: Sequence[Column], *, empty: str, paper: bool = False
) -> None:
    """Write records: an array, or on a terminal a table of `columns`; `empty` is said when there are none."""
    shown = list(records)
    if session.as_json:
        _write("[" + ",\n ".join(_json(_marked(record, paper)) for record in shown) + "]")
        return
    if paper:
        _write(PAPER)
    if not shown:
        message(empty)
        return
    _draw_table([heading for heading, _ in columns], [[_cell(r, what) for _, what in columns] for r in shown])


def emit_text(text: str, record: Record) -> None:
    """Write what other programs read as it is (a path, a script); JSON only where --json asks for it."""
    _write(_json(record) if session.json_asked else text)


def message(text: str) -> None:
    """Tell people something on stderr; never data."""
    _to_stderr(clean(text))


def fail(error: TradeManagerError) -> int:
    """Write an error in the form of this run, and return its exit code."""
    if session.as_json:
        wire = {**error.to_wire(), "exitCode": error.exit_code, "retryable": error.retryable}
        _to_stderr(_json(wire, sys.stderr))
        return error.exit_code
    lines = [f"error: {error.message}"]
    lines += [f"  - {_detail(detail)}" for detail in error.details]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    _to_stderr("\n".join(clean(line) for line in lines))
    return error.exit_code


def short(key: str) -> Callable[[Record], Any]:
    """Given the key of an id, return what a table shows of it: its beginning, which names it as well."""
    return lambda record: None if record[key] is None else str(record[key])[:SHORT_ID]


def clean(text: str) -> str:
    """Given text that may come from a market's title, return it without what could drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _marked(record: Record, paper: bool) -> Record:
    return {"paper": True, **record} if paper else record


def _json(record: Record, stream: Any = None) -> str:
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode(getattr(stream or sys.stdout, "encoding", None) or "ascii")
    except UnicodeError:
        return json.dumps(record)
    return text


def _write(text: str) -> None:
    stream = sys.stdout
    if stream is None:  # closed by the caller: what was done is done, and the exit code tells
        return
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:  # a terminal that knows no such letter
        stream.write(text.encode("ascii", "replace").decode() + "\n")
    stream.flush()


def _to_stderr(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # nobody listens; the exit code still tells
        return


def _detail(detail: Any) -> str:
    if isinstance(detail, Mapping):
        return "  ".join(str(value) for value in detail.values() if value is not None)
    return str(detail)


def _cell(record: Record, what: str | Callable[[Record], Any]) -> str:
    return _shown(what(record) if callable(what) else record.get(what))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list):
        return clean(json.dumps(value, ensure_ascii=False))
    return clean(_INSTANT.sub(r"\1 \2Z", str(value)))


def _draw_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        if heading in LONG:
            table.add_column(heading, overflow="fold")
        else:  # an id or a number broken in two cannot be read
            table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _console().print(table)


def _draw_fields(record: Record) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for key, value in record.items():
        grid.add_row(Text(key), Text(_shown(value)))
    _console().print(grid)


def _console() -> Any:
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False)
