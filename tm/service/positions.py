"""What is held: listing it, keeping the list fresh, and finding a position by its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from tm.errors import Conflict, NotFound, RateLimited, TradeManagerError, Unreachable
from tm.market import Holding, Holdings
from tm.model import Position
from tm.rules import breaker
from tm.rules.backoff import is_due
from tm.service.body import page
from tm.service.context import Context
from tm.store import history, rules, state
from tm.store import positions as table

if TYPE_CHECKING:
    from tm.venue.vincent import Vincent

T = TypeVar("T")

REFRESH_SECONDS = 3.0  # a list must not wait longer for Vincent
_LONGEST_RETRY_AFTER = 900  # seconds, as the engine stores it


def list_positions(
    ctx: Context, *, limit: int = 50, offset: int = 0
) -> tuple[list[Position], TradeManagerError | None]:
    """Positions, newest first, and why they are not fresh (None: they are).

    A cache older than `pollIntervalSeconds` is refreshed first, within 3 s; where that fails, what was
    last read is served with its age. Raise what failed where nothing was ever read: unknown is not none.
    """
    limit, offset = page(limit, offset)
    trouble = None
    if not _is_fresh(ctx):
        try:
            refresh(ctx, timeout=REFRESH_SECONDS)
        except TradeManagerError as error:
            trouble = error
    found = table.listing(ctx.conn, limit=limit, offset=offset)
    if trouble is not None and state.get(ctx.conn, state.LAST_SYNC) is None:
        raise trouble
    return found, trouble


def refresh(ctx: Context, *, tries: int = 1, timeout: float = 10.0) -> Holdings:
    """Read holdings (each try at most `timeout` seconds), remember them, and return them."""
    from tm.engine.positions import tracked
    from tm.engine.reading import Books, Reading

    started = ctx.clock()
    read = _ask(ctx, lambda venue: venue.holdings(tries=tries, timeout=timeout), tries)
    now = ctx.clock()
    reading = Reading(read.value, read.venue_at, Books(), started)
    with ctx.store.write("positions.refresh") as conn:
        cached = table.by_token(conn)
        if all(position.last_updated_at <= started for position in cached.values()):  # else a tick was here
            watched = {token: cached[token].market_id for token in rules.tokens_open(conn) if token in cached}
            table.save_all(conn, tracked(cached, reading, watched, now))
        state.put(conn, state.LAST_SYNC, now)
    return read.value


def refresh_quote(ctx: Context, token_id: str) -> None:
    """Read the book of a token that is cached, and remember its best prices and its tick size.

    Where it cannot be read now, what is known stays as it is: no rule is refused for it.
    """
    from tm.rules.quote import quote_of

    old = table.get(ctx.conn, token_id)
    try:
        quote = quote_of(
            _ask(ctx, lambda venue: venue.book(token_id, tries=1, timeout=REFRESH_SECONDS)).value
        )
    except TradeManagerError:
        return
    if old is None:
        return
    new = replace(
        old,
        best_bid=quote.best_bid,
        best_ask=quote.best_ask,
        quote_at=quote.fetched_at,
        tick_size=quote.tick_size or old.tick_size,
        updated_at=ctx.clock(),
    )
    with ctx.store.write("positions.quote") as conn:
        if table.get(conn, token_id) == old:  # else a tick was here
            table.save_all(conn, [new])
            gap = history.longest_gap(ctx.settings.poll_interval_seconds)
            history.record(conn, history.news({token_id: old}, [new], gap))


def find_position(words: str, holdings: Holdings) -> Holding:
    """Given words ("trump yes") or a token id, return the one held position that they name.

    Every word must be found in the market's title or its outcome: as a whole word, else as the beginning
    of one, else anywhere; the first of these that finds something decides. Raise NotFound if nothing does,
    Conflict with the candidates if several do, or if the market has been resolved.
    """
    exact = holdings.by_token.get(words.strip())
    found = [exact] if exact is not None else _matches(words, holdings.by_token.values())
    tradable = [holding for holding in found if not holding.redeemable]
    if len(tradable) == 1:
        return tradable[0]
    if tradable:
        raise Conflict(
            f"{words!r} names {len(tradable)} positions",
            code="ambiguous",
            hint="add a word, or give the token id",
            details=[_candidate(holding) for holding in tradable],
        )
    if found:
        raise Conflict(
            f"{found[0].label}: the market is resolved, there is nothing left to sell",
            code="market_resolved",
            hint="redeem it with Vincent",
        )
    raise _none_held(words, holdings)


def _none_held(words: str, holdings: Holdings) -> NotFound:
    hint = "`tm position list` shows what is held"
    if holdings.page_full:
        hint += "; Vincent shows 100 positions at most: give --market-id and --token-id for another"
    return NotFound(
        f"no held position matches {words[:80]!r}",
        hint=hint,
        details=[_candidate(holding) for holding in list(holdings.by_token.values())[:5]],
    )


def _candidate(holding: Holding) -> dict[str, object]:
    return {"label": holding.label, "tokenId": holding.token_id, "marketId": holding.market_id}


def _matches(words: str, held: Iterable[Holding]) -> list[Holding]:
    wanted = _words(words)
    if not wanted:
        return []
    named = [(holding, _words(f"{holding.title} {holding.outcome}")) for holding in held]
    for fits in (_is_one_of, _begins_one_of, _is_within_one_of):
        found = [holding for holding, own in named if all(fits(word, own) for word in wanted)]
        if found:
            return found
    return []


def _is_one_of(word: str, own: list[str]) -> bool:
    return word in own


def _begins_one_of(word: str, own: list[str]) -> bool:
    return any(each.startswith(word) for each in own)


def _is_within_one_of(word: str, own: list[str]) -> bool:
    return any(word in each for each in own)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


# ---- asking Vincent ------------------------------------------------------------------------------


def _is_fresh(ctx: Context) -> bool:
    """Say whether holdings were read within the last poll interval."""
    at = state.instant(ctx.conn, state.LAST_SYNC)
    if at is None:
        return False
    return timedelta(0) <= ctx.clock() - at <= timedelta(seconds=ctx.settings.poll_interval_seconds)


def _ask(ctx: Context, read: Callable[[Vincent], T], tries: int = 1) -> T:
    """Make one read, where the breaker, Vincent's own wishes and this minute's requests allow it."""
    from tm.config import vincent_key
    from tm.engine.budget import Budget
    from tm.venue.vincent import Vincent

    now = ctx.clock()
    _respect(ctx, now)
    budget = Budget(ctx.store, ctx.clock, tries)
    if not budget.for_reading(1):
        raise RateLimited("this minute's requests to Vincent are used up", hint="try again in a few seconds")
    try:
        with Vincent(
            ctx.settings.vincent_api_url, vincent_key(ctx.settings), clock=ctx.clock, permit=budget.permit
        ) as venue:
            return read(venue)
    finally:
        budget.settle()


def _respect(ctx: Context, now: datetime) -> None:
    """Raise Unreachable while the breaker is open, RateLimited while Vincent asked to wait."""
    circuit = state.breaker(ctx.conn)
    if breaker.state(circuit, now, ctx.settings.breaker_cooldown_seconds) == "open":
        raise Unreachable(
            f"Vincent did not answer in {circuit.failures} ticks in a row, and is left alone for a moment",
            code="breaker_open",
            hint="`tm status` shows until when; with --market-id and --token-id nothing is read",
        )
    not_before = state.instant(ctx.conn, state.READS_NOT_BEFORE)
    if not_before is not None and not is_due(not_before, now, _LONGEST_RETRY_AFTER):
        wait = (not_before - now).total_seconds()
        raise RateLimited("Vincent asked to wait", retry_after=wait, hint=f"try again in {wait:.0f} s")
