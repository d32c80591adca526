"""The one way out: a table for people, JSON for programs. stdout is data, stderr is messages.

JSON lists have one record a line (valid JSON, and greppable); a single record is one line.
On a terminal an instant reads as in `tm.cli.instants`, and a price has at least two decimals.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tm.cli.instants import humane
from tm.cli.session import is_terminal, session
from tm.errors import TradeManagerError

Record = Mapping[str, Any]
Column = tuple[str, str | Callable[[Record], Any]]  # a heading, and a key or what to show of the record

_SAID = frozenset({"config_unknown_key", "would_trigger_now"})  # errors whose text says their only detail
SHORT_ID = 10  # characters of an id in a table; 6 are enough to name it

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
    if text is not None:
        _write(_wrapped(clean(humane(text)), sys.stdout))
        return
    from tm.cli.table import draw_fields

    draw_fields([(key, _shown(value)) for key, value in record.items() if value is not None])


def emit_all(
    records: Iterable[Record],
    columns: Sequence[Column],
    *,
    empty: str,
    spare: Sequence[str] = (),
    paper: bool = False,
) -> None:
    """Write records: an array, or on a terminal a table of `columns`; `empty` is said when there are none.

    Columns in which nothing stands are left out; `spare` names those that go first where width lacks.
    """
    shown = list(records)
    if session.as_json:
        _write("[" + ",\n ".join(_json(_marked(record, paper)) for record in shown) + "]")
        return
    if paper:
        _write(PAPER)
    if not shown:
        message(empty)
        return
    from tm.cli.table import draw

    headings = [heading for heading, _ in columns]
    draw(headings, [[_cell(each, *column) for column in columns] for each in shown], spare)


def emit_text(text: str, record: Record) -> None:
    """Write what other programs read as it is (a path, a script); JSON only where --json asks for it."""
    _write(_json(record) if session.json_asked else text)


def message(text: str) -> None:
    """Tell people something on stderr; never data."""
    _to_stderr(_wrapped(clean(humane(text)), sys.stderr))


def fail(error: TradeManagerError) -> int:
    """Write an error in the form of this run, and return its exit code."""
    if session.as_json:
        wire = {**error.to_wire(), "exitCode": error.exit_code, "retryable": error.retryable}
        _to_stderr(_json(wire, sys.stderr))
        return error.exit_code
    lines = [f"error: {error.message}"]
    if error.code not in _SAID or len(error.details) > 1:
        lines += [f"  - {_detail(detail)}" for detail in error.details]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    _to_stderr(_wrapped(clean(humane("\n".join(lines))), sys.stderr))
    return error.exit_code


def short(key: str) -> Callable[[Record], Any]:
    """Given the key of an id, return what a table shows of it: its beginning, which names it as well."""
    return lambda record: None if record[key] is None else str(record[key])[:SHORT_ID]


def price(key: str) -> Callable[[Record], Any]:
    """Given the key of a price, return what a table shows of it."""
    return lambda record: dollars(record[key])


def dollars(value: float | None) -> str | None:
    """Given USD per share from a record, return it with at least two decimals: 0.4 as 0.40."""
    if value is None:
        return None
    exact = Decimal(repr(value))
    return f"{exact:.2f}" if exact == round(exact, 2) else f"{exact:f}"


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


def _wrapped(text: str, stream: Any) -> str:
    """Given text, return it with long lines broken between words where a terminal would break within one.

    What is to be copied (a command, a path) stays whole.
    """
    if not is_terminal(stream):
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    copied = line.startswith(("  tm ", "  export ")) or max(map(len, line.split()), default=0) > width // 2
    if len(line) <= width or copied:
        return line
    import textwrap

    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return "\n".join(
        textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False,
            drop_whitespace=True, replace_whitespace=False,
        )
    )  # fmt: skip


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


def _cell(record: Record, heading: str, what: str | Callable[[Record], Any]) -> str:
    zone = "" if heading.endswith("UTC") else " UTC"
    return _shown(what(record) if callable(what) else record.get(what), zone)


def _shown(value: Any, zone: str = " UTC") -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list):
        return clean(json.dumps(value, ensure_ascii=False))
    return clean(humane(str(value), zone))
