"""Which order books a tick reads, from where, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from tm.engine.context import BASELINE_READS, Engine
from tm.engine.reading import Books
from tm.errors import NotFound, RateLimited, TradeManagerError
from tm.market import Book
from tm.model import Position, Rule
from tm.rules.quote import quote_of
from tm.rules.trigger import distance
from tm.store import positions

AT_ONCE = 8  # of Vincent's books read in parallel
CLOB_SECONDS = 20.0  # for all batches of a tick: the rest is for orders


def read_books(engine: Engine, rules: list[Rule]) -> Books:
    """Given rules, read the books of their tokens from the price source.

    `auto` takes the CLOB, which gives 500 books a call, where one tick may not ask Vincent for so many.
    """
    tokens = list(dict.fromkeys(rule.token_id for rule in rules))
    if not tokens:
        return Books()
    source = engine.settings.price_source
    too_many = len(tokens) > engine.budget.left - BASELINE_READS
    if source == "clob" or (source == "auto" and too_many):
        try:
            return _from_clob(engine, tokens)
        except TradeManagerError as error:
            engine.report.problem(error, reading="books from the CLOB; Vincent's are read instead")
    return _from_vincent(engine, rules, len(tokens))


def order_of_need(rules: Iterable[Rule], cached: Mapping[str, Position], limit: int) -> list[str]:
    """Given rules, return their tokens: in turn the nearest to a trigger and the longest not looked at.

    Where all fit, that is simply nearest first; where not, no token waits for ever.
    """
    gap: dict[str, Decimal | None] = {}
    for rule in rules:
        position = cached.get(rule.token_id)
        bid = position.best_bid if position else None
        away = None if bid is None else distance(rule, bid)
        known = gap.get(rule.token_id)
        gap[rule.token_id] = away if known is None else min(known, away) if away is not None else known
    nearest = sorted(gap, key=lambda token: (gap[token] is not None, gap[token] or Decimal(0)))
    if len(nearest) <= limit:
        return nearest

    def looked_at(token: str) -> float:
        position = cached.get(token)
        return position.quote_at.timestamp() if position and position.quote_at else 0.0

    longest = sorted(gap, key=looked_at)
    mixed = (token for pair in zip(nearest, longest, strict=True) for token in pair)
    return list(dict.fromkeys(mixed))


def _from_clob(engine: Engine, tokens: list[str]) -> Books:
    from tm.venue.clob import read_books as clob_books

    deadline = min(engine.deadline, engine.monotonic() + CLOB_SECONDS)
    found = clob_books(engine.settings.clob_url, tokens, deadline=deadline, clock=engine.clock)
    if found.trouble is not None:
        engine.report.problem(found.trouble, reading="some of the books from the CLOB")
    return Books(
        quotes={token: quote_of(book) for token, book in found.books.items()},
        missing={
            token: "unreadable_book" if token in found.unanswered else "no_book"
            for token in tokens
            if token not in found.books
        },
        asked=len(tokens),
    )


def _from_vincent(engine: Engine, rules: list[Rule], wanted: int) -> Books:
    granted = engine.budget.for_reading(wanted, keep=BASELINE_READS)
    cached = positions.by_token(engine.store.conn)
    tokens = order_of_need(rules, cached, granted)[:granted]
    books = Books(asked=granted)
    limited = False

    def read(token: str) -> Book | TradeManagerError | None:
        if limited or engine.seconds_left() <= 0:
            return None
        try:
            return engine.venue.book(token, deadline=engine.deadline).value
        except TradeManagerError as error:
            return error

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for token, answer in zip(tokens, pool.map(read, tokens), strict=True):
            if isinstance(answer, Book):
                books.quotes[token] = quote_of(answer)
            elif isinstance(answer, NotFound):
                books.missing[token] = "no_book"
            elif answer is not None:
                books.missing[token] = "unreadable_book"
                books.error = answer
                limited = limited or isinstance(answer, RateLimited)
    return books
