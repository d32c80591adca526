"""Polymarket's public order books, many at a time.

POST /books only reads, needs no key, and takes 500 tokens a call (500 calls per 10 s).
Source: docs.polymarket.com.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from tm import errors
from tm.market import Book
from tm.points import point
from tm.reply import NoReply, parse_json
from tm.times import Clock, utc_now
from tm.venue.patience import patiently

if TYPE_CHECKING:
    from tm.transport import Line

BATCH = 500  # tokens a call
AT_ONCE = 4  # calls in parallel: 10,000 books one call after another would take most of an interval
_CAP = 64 * 2**20  # bytes: 500 books with thousands of levels


@dataclass(frozen=True, slots=True)
class Found:
    """What was read. A token in neither has no book that makes sense."""

    books: dict[str, Book]  # by token
    unanswered: frozenset[str]  # tokens whose batch met trouble
    trouble: errors.Unreachable | None  # the last, where there was any


def read_books(
    clob_url: str,
    token_ids: Sequence[str],
    *,
    tries: int = 3,
    timeout: float = 10.0,
    deadline: float | None = None,
    clock: Clock = utc_now,
) -> Found:
    """Given tokens, return the books that could be read; some batches may fail, and the others count.

    `timeout` bounds one try of one batch, `deadline` (of time.monotonic()) the whole, in seconds. Raise
    Unreachable or RateLimited only if no batch was answered, ConfigError for an unusable URL.
    """
    from tm.transport import Line, checked_url

    try:
        url = checked_url(clob_url).rstrip("/") + "/books"
    except ValueError as trouble:
        raise errors.ConfigError(
            f"clobUrl {trouble}", hint="for example https://clob.polymarket.com"
        ) from None

    def read(batch: list[str]) -> dict[str, Book] | errors.Unreachable:
        try:
            rows = patiently(
                lambda: _ask(line, url, batch, timeout, deadline, clock), tries=tries, deadline=deadline
            )
        except errors.Unreachable as trouble:
            return trouble
        return _understood(rows, batch, clock)

    found: dict[str, Book] = {}
    unanswered: set[str] = set()
    trouble_met: errors.Unreachable | None = None
    batches = list(_batches(token_ids))
    with Line() as line, ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for batch, answer in zip(batches, pool.map(read, batches), strict=True):
            if isinstance(answer, errors.Unreachable):
                trouble_met = answer
                unanswered.update(batch)
            else:
                found.update(answer)
    if trouble_met is not None and len(unanswered) == sum(map(len, batches)):
        raise trouble_met
    return Found(found, frozenset(unanswered), trouble_met)


def _batches(token_ids: Sequence[str]) -> Iterator[list[str]]:
    distinct = list(dict.fromkeys(token_ids))
    for start in range(0, len(distinct), BATCH):
        yield distinct[start : start + BATCH]


def _ask(
    line: Line, url: str, batch: list[str], timeout: float, deadline: float | None, clock: Clock
) -> list[Any]:
    asked = f"Polymarket at {url}"
    seconds = timeout if deadline is None else min(timeout, deadline - monotonic())
    if seconds <= 0:
        raise errors.Unreachable(f"{asked} was not asked: no time is left for it")
    point("clob.books.before")
    reply = line.send(
        "POST",
        url,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=json.dumps([{"token_id": token_id} for token_id in batch]),
        read=seconds,
        total=seconds,
        cap=_CAP,
    )
    point("clob.books.after")
    if isinstance(reply, NoReply):
        raise errors.Unreachable(
            f"{asked} failed: {reply.words}", hint="is this machine online, and clobUrl right?"
        )
    if reply.status == 429:
        raise errors.RateLimited(
            f"{asked} was refused: too many requests", retry_after=reply.retry_after(clock())
        )
    if reply.status != 200:
        raise errors.Unreachable(
            f"{asked} answered {reply.status}", hint="does clobUrl point to Polymarket's CLOB?"
        )
    return _list_of(reply.body, reply.trouble, asked)


def _list_of(body: bytes, trouble: str | None, asked: str) -> list[Any]:
    try:
        if trouble is not None:
            raise ValueError(trouble)
        rows = parse_json(body)
        if not isinstance(rows, list):
            raise ValueError("it is not a list")
    except ValueError as why:
        raise errors.Unreachable(f"{asked} gave an answer that did not make sense: {why}") from None
    return rows


def _understood(rows: list[Any], batch: list[str], clock: Clock) -> dict[str, Book]:
    """The books that make sense. One that does not must not blind the rules of the other tokens.

    Two books of one token contradict each other: neither is believed.
    """
    from tm.venue import payloads

    asked, found, twice, now = set(batch), {}, set(), clock()
    for row in rows:
        token_id = row.get("asset_id") if isinstance(row, dict) else None
        if not isinstance(token_id, str) or token_id not in asked:
            continue
        if token_id in found:
            twice.add(token_id)
        try:
            found[token_id] = payloads.book(row, token_id, now)
        except payloads.Nonsense:
            twice.add(token_id)
    return {token_id: book for token_id, book in found.items() if token_id not in twice}
