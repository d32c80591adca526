"""Where a replay's quotes come from: CSV files, the recordings of the package, or the own price history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tm.errors import Invalid, NotFound
from tm.market import Top
from tm.service.context import Context

OpenContext = Callable[[], Context]


@dataclass(frozen=True, slots=True)
class Source:
    """Quotes that can be read from their beginning, again and again; `entry` and `shares` where known."""

    name: str
    rows: Callable[[], Iterator[Top]]
    size: int = 0  # bytes; 0: not a file
    token_id: str | None = None  # of the own history
    entry: Decimal | None = None  # what was paid on average, USD per share
    shares: Decimal | None = None


def sources(given: Sequence[str], context: OpenContext, *, since: datetime | None = None) -> list[Source]:
    """Given paths, recordings' names, token ids or words that name a position, return the sources.

    A directory stands for the CSV files in it and below. The database is opened only for the own history,
    which begins at `since`. Raise NotFound for what is none of these.
    """
    found: list[Source] = []
    for text in given:
        found += _files(Path(text)) or _recordings(text) or [_own(text, context(), since)]
    return found


def _files(path: Path) -> list[Source]:
    if path.is_dir():
        inside = sorted(path.rglob("*.csv"))
        if not inside:
            raise NotFound(f"no CSV file in {path}")
        return [_file(each) for each in inside]
    if path.is_file():
        return [_file(path)]
    if path.suffix == ".csv":
        raise NotFound(f"no file {path}")
    return []


def _file(path: Path) -> Source:
    return Source(str(path), lambda: _rows_of_file(path), path.stat().st_size)


def _rows_of_file(path: Path) -> Iterator[Top]:
    from tm.venue.paper.series import read_series

    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from read_series(lines)
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text", code="invalid_series") from None
    except ValueError as trouble:
        raise Invalid(f"{path}: {trouble}", code="invalid_series") from None


def _recordings(text: str) -> list[Source]:
    from tm.venue.paper.series import read_series, recorded_names, recorded_text

    if text not in recorded_names():
        return []
    return [Source(text, lambda: read_series(recorded_text(text).splitlines()))]


def _own(text: str, ctx: Context, since: datetime | None) -> Source:
    """The own history of a token; what was paid and is held is what holdings last told."""
    from tm.service.history import named_token
    from tm.store import history, positions

    try:
        token_id = named_token(ctx, text)
    except NotFound as trouble:
        raise NotFound(
            f"{text[:80]!r} is no file, no recording, and names no position",
            hint=f"recordings: {', '.join(_names())}; positions: `tm position list`",
        ) from trouble
    if not history.is_known(ctx.conn, token_id):
        raise NotFound(
            f"no price history of token {token_id[:24]} yet",
            hint="ticks write down the quotes of tokens that have an ACTIVE rule",
        )
    every = timedelta(seconds=ctx.settings.poll_interval_seconds)
    position = positions.get(ctx.conn, token_id)
    held = position is not None and position.absent_since is None
    return Source(
        name=(position.label if position is not None else None) or token_id,
        rows=lambda: _rows_of_history(ctx, token_id, since, every),
        token_id=token_id,
        entry=position.avg_entry_price if position is not None and held else None,
        shares=position.quantity if position is not None and held else None,
    )


def _names() -> list[str]:
    from tm.venue.paper.series import recorded_names

    return recorded_names()


def _rows_of_history(ctx: Context, token_id: str, since: datetime | None, every: timedelta) -> Iterator[Top]:
    """One row for each tick that read the quote: a quote that stood was read once every poll interval."""
    from tm.store import history

    for stretch in history.oldest_first(ctx.conn, token_id, since):
        at = stretch.at
        while at <= stretch.until:
            yield Top(at, stretch.bid, stretch.ask)
            at += every
