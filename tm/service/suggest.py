"""Levels from a history's own movement, each with what a replay says of it. No rule is made here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tm import wire
from tm.errors import Unprocessable
from tm.market import Top
from tm.model import RuleType
from tm.rules.level import on_grid
from tm.rules.movement import Movement, Reach, movement, reach
from tm.rules.replay import Manner
from tm.service.ledger import Summary
from tm.service.replay import Trial, run
from tm.service.sources import Source
from tm.service.terms import Terms

LEAST_HOURS = 12
MOST_ROWS = 200_000  # the latest; about 35 days of ticks
STARTS = 48  # at which the replay buys
GOES_ON = timedelta(hours=24)  # after each start
SHARES = ((Decimal("0.80"), "near"), (Decimal("0.95"), "usual"), (Decimal("0.99"), "far"))
MEASURE = "largest fall (stop) or rise (target) of the best bid within a clock hour"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A level, how it was found, and what holding with it came to from many starts."""

    rule_type: RuleType
    name: str
    price: Decimal  # USD per share
    reach: Reach
    replayed: Summary


@dataclass(frozen=True, slots=True)
class Suggestions:
    source: Source
    moved: Movement
    rows: int
    starts: int
    found: tuple[Suggestion, ...]


def suggest(source: Source, manner: Manner) -> Suggestions:
    """Given quotes, return levels for the price of now.

    Raise Unprocessable `too_little_history` where fewer than 12 hours have quotes enough.
    """
    rows = list(deque(source.rows(), MOST_ROWS))
    moved = movement(rows, manner.max_spread)
    if moved.hours < LEAST_HOURS or moved.last_bid is None:
        raise Unprocessable(
            f"{source.name}: {moved.hours} hours have quotes enough, {LEAST_HOURS} are needed",
            code="too_little_history",
            hint="ticks write down the quotes of tokens that have an ACTIVE rule; until then, `tm replay` "
            "tries levels on other recordings",
        )
    reaches = _reaches(moved)
    starts = _starts(rows)
    replayed = _replayed(starts, [each[:2] for each in reaches], moved.tick, manner)
    found = tuple(
        Suggestion(kind, name, price, far, total)
        for (kind, far, name, price), total in zip(reaches, replayed, strict=True)
    )
    return Suggestions(source, moved, len(rows), len(starts), found)


def _reaches(moved: Movement) -> list[tuple[RuleType, Reach, str, Decimal]]:
    """(type, reach, name, price) of each level; one that is the same as a nearer one is left out."""
    found: dict[tuple[RuleType, Decimal], tuple[RuleType, Reach, str, Decimal]] = {}
    assert moved.last_bid is not None
    for kind, moves in ((RuleType.STOP_LOSS, moved.falls), (RuleType.TAKE_PROFIT, moved.rises)):
        for share, name in SHARES:
            far = reach(moves, share)
            price = _level(kind, moved.last_bid, far.distance, moved.tick)
            if price is not None:
                found.setdefault((kind, price), (kind, far, name, price))
    return list(found.values())


def record(said: Suggestions) -> dict[str, Any]:
    """Given suggestions, return them as users and agents see them."""
    return {
        "source": said.source.name,
        "tokenId": said.source.token_id,
        "bestBid": wire.number(said.moved.last_bid),
        "at": wire.instant(said.moved.last_at),
        "measure": MEASURE,
        "hours": said.moved.hours,
        "rows": said.rows,
        "starts": said.starts,
        "suggestions": [_suggestion(each) for each in said.found],
    }


def _suggestion(each: Suggestion) -> dict[str, Any]:
    told = each.replayed.record()
    return {
        "ruleType": str(each.rule_type),
        "name": each.name,
        "triggerPrice": wire.number(each.price),
        "distance": wire.number(each.reach.distance),
        "hoursWithinPercent": int(each.reach.share * 100),
        "surePercent": round(100 * each.reach.sure),
        "replay": {
            "starts": told["sources"],
            "fired": told["fired"],
            "falseStops": told["falseStops"],
            "meanPerShare": told["meanPerShare"],
            "meanHoldPerShare": told["meanHoldPerShare"],
        },
    }


def _level(kind: RuleType, bid: Decimal, distance: Decimal, tick: Decimal) -> Decimal | None:
    """One tick beyond the movement, so that it alone does not reach it; None where there is no such price."""
    up = kind is RuleType.TAKE_PROFIT
    try:
        return on_grid(bid + distance + tick if up else bid - distance - tick, tick, up=up)
    except ValueError:
        return None


def _starts(rows: Sequence[Top]) -> list[Source]:
    """Given quotes, return up to STARTS beginnings, evenly spread, each with the day that follows it."""
    last = rows[-1].at
    return [
        Source(f"{rows[index].at:%Y-%m-%d %H:%M}", _day_from(rows, index))
        for index in range(0, len(rows), -(-len(rows) // STARTS))
        if last - rows[index].at >= timedelta(hours=1)
    ]


def _day_from(rows: Sequence[Top], index: int) -> Any:
    def read() -> Iterator[Top]:
        until = rows[index].at + GOES_ON
        for number in range(index, len(rows)):
            if rows[number].at > until:
                return
            yield rows[number]

    return read


def _replayed(
    starts: Sequence[Source], levels: Sequence[tuple[RuleType, Reach]], tick: Decimal, manner: Manner
) -> list[Summary]:
    """What a rule so far from the bid would have done, set anew at each start; one sum for each level."""
    totals = [Summary() for _ in levels]
    for start in starts:
        first = next((row.bid for row in start.rows() if row.bid is not None), None)
        trials = []
        for kind, far in levels:
            price = None if first is None else _level(kind, first, far.distance, tick)
            terms = () if price is None else (Terms(kind, "suggest", "suggest", trigger_price=price),)
            trials.append(Trial(manner, terms))
        for results in run([start], trials, max_spread=manner.max_spread):
            for total, result in zip(totals, results, strict=True):
                total.add(result)
    return totals
