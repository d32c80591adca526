"""How one order goes, beyond the ordinary: what its faults say, kept with the order in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from tm.venue.paper.faults import Fault
from tm.venue.paper.units import maybe_micro, micro

REST_PRICE = "0.99"


@dataclass(frozen=True, slots=True)
class Course:
    """Seconds count from the fill, those of `due_after` from acceptance; None: as the manners say."""

    status: str = "matched"  # or pending_approval, delayed, live, unmatched
    due_after: float | None = None
    deny: bool = False
    partial: bool = False
    shares: int | None = None
    rest_price: int | None = None
    rows: int = 1
    row_lag: float | None = None
    trade_lag: float | None = None
    unlisted: bool = False
    fail_after: float | None = None
    fail_rows: int | None = None
    holdings_lag: float | None = None

    def to_text(self) -> str:
        return json.dumps(asdict(self))


def course_from_text(text: str) -> Course:
    return Course(**json.loads(text))


def course_of(faults: Iterable[Fault]) -> Course:
    """Given the course faults of a bet, return what they add up to."""
    course = Course()
    for fault in faults:
        course = _bent(course, fault)
    return course


def _bent(course: Course, fault: Fault) -> Course:
    seconds = fault.seconds
    match fault.kind:
        case "approval":
            return replace(course, status="pending_approval", due_after=seconds, deny=fault.deny)
        case "delayed":
            return replace(course, status="delayed", due_after=seconds or 0.0, deny=fault.deny)
        case "live":
            return replace(course, status="live", rest_price=micro(fault.price or REST_PRICE))
        case "unmatched":
            return replace(course, status="unmatched")
        case "partial":
            return replace(course, partial=True, shares=maybe_micro(fault.shares))
        case "split":
            return replace(course, rows=fault.rows or 2, row_lag=seconds)
        case "late_trades":
            return replace(course, trade_lag=seconds, unlisted=seconds is None)
        case "fail_trades":
            return replace(course, fail_after=seconds or 0.0, fail_rows=fault.rows)
        case _:
            return replace(course, holdings_lag=seconds)
