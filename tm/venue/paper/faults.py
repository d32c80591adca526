"""What a script may make the exchange do to chosen requests.

A Fault names an endpoint (or "*"), a kind, and which requests it hits: it lets `skip` of them through, then
hits the next `count` (None: all, until it is cleared). `token` narrows bet and book to requests for that
token; on lists and on books it names the rows that are touched. A restart forgets all faults.

Of the faults that are due a request takes one answer, and one of each other kind (and token); two of a kind
take turns. So "a 202 whose answer is lost" is an `approval` and a `drop` with after=True.

Endpoints: holdings, open_orders (also /positions), trades, markets, market, book, books, balance, bet,
cancel, cancel_all, redeem, transfer, swap.

before
| delay         | the exchange waits `seconds` of real time before it acts |

answer
| drop          | the connection closes without a byte (after) |
| hang          | no answer; closed after `seconds`, None: when the server stops (after) |
| status        | `status` (500) with an envelope of `code` and `message`, or `body` (headers, after) |
| page          | `status` (502) with an HTML page, as a proxy's, or `body` (headers, after) |
| text          | `status` (503) with plain text, or `body` (headers, after) |
| rate_limit    | 429 RATE_LIMIT_EXCEEDED, Retry-After `seconds` (None: no such header) |
| unauthorized  | 401 UNAUTHORIZED |
| denied        | 403 `{"status": "denied"}`, success true: a policy refused, with `message` |
| bet_failed    | 500 BET_FAILED "Polymarket bet failed: " + `message` ("timeout") (after) |
| garbage       | `status` (200) and bytes that are not JSON, or `body` (after, by default) |
| wrong         | `status` (200) and JSON of another shape, or `body` (after, by default) |
| truncated     | the true answer's first half, framed as if it were whole |
| broken        | the true answer's first half, then the connection closes |
| drip          | the true answer, one byte every `seconds` (1) |
| nan           | the true answer with NaN for its prices, sizes and other fractions |

course: bet only
| approval      | 202; granted `seconds` later, executed at the price of then, or with `deny` denied; |
|               | None: waits for the control client, and expires after 30 minutes |
| delayed       | 200 `delayed`; matched `seconds` (0) later, or with `deny` unmatched then |
| live          | 200 `live`; a market sell rests at `price` (0.99) |
| unmatched     | 200 `unmatched`; nothing is filled |
| partial       | 200 `matched`, but for `shares` only (None: half) |
| split         | the fill has `rows` (2) trade rows, listed `seconds` (None: the setting) apart |
| late_trades   | the trade rows are listed `seconds` later (None: never) |
| fail_trades   | the rows, or the first `rows`, turn FAILED after `seconds` (0): the shares come back |
| late_holdings | /holdings and /balance show the fill `seconds` later |

view: reads only
| empty         | holdings, trades, open_orders, markets: an empty list |
| missing       | holdings, trades, open_orders, books: without the rows of `token` (None: any) |
| stale         | holdings, trades, balance: as they were `seconds` ago |
| thin          | book, books: `shares` (1) at the best bid, no other bid |
| one_sided     | book, books: no asks, or with side="bid" no bids |
| crossed       | book, books: the best ask lies below the best bid |
| wide          | book, books: the best ask is 0.99 |
| no_book       | book: 404; books: the token is left out |

A view changes what is shown, not what trades: for the latter set the book itself. `after`: the request
is acted on first, and its answer lost or spoiled ("accepted, then dropped").
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ENDPOINTS = [
    "holdings",
    "open_orders",
    "trades",
    "markets",
    "market",
    "book",
    "books",
    "balance",
    "bet",
    "cancel",
    "cancel_all",
    "redeem",
    "transfer",
    "swap",
]

BEFORE, ANSWER, COURSE, VIEW = "before", "answer", "course", "view"
STAGES = {
    BEFORE: ["delay"],
    ANSWER: [
        "drop",
        "hang",
        "status",
        "page",
        "text",
        "rate_limit",
        "unauthorized",
        "denied",
        "bet_failed",
        "garbage",
        "wrong",
        "truncated",
        "broken",
        "drip",
        "nan",
    ],
    COURSE: [
        "approval",
        "delayed",
        "live",
        "unmatched",
        "partial",
        "split",
        "late_trades",
        "fail_trades",
        "late_holdings",
    ],
    VIEW: ["empty", "missing", "stale", "thin", "one_sided", "crossed", "wide", "no_book"],
}
STAGE_OF = {kind: stage for stage, kinds in STAGES.items() for kind in kinds}
_ACTS = {"garbage", "wrong", "truncated", "broken", "drip", "nan"}  # unless `after` says otherwise
_NEVER_ACTS = {"rate_limit", "unauthorized", "denied"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour; the module's table says which fields a kind reads. Shares, USD per share."""

    endpoint: str
    kind: str
    count: int | None = 1
    skip: int = 0
    token: str | None = None
    after: bool | None = None  # None: as the kind does by itself
    seconds: float | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    shares: str | None = None
    price: str | None = None
    rows: int | None = None
    deny: bool = False
    side: str = "ask"

    def __post_init__(self) -> None:
        if self.endpoint != "*" and self.endpoint not in ENDPOINTS:
            raise ValueError(f"no endpoint {self.endpoint!r}; there are * {' '.join(ENDPOINTS)}")
        if self.kind not in STAGE_OF:
            raise ValueError(f"no fault {self.kind!r}; there are {' '.join(STAGE_OF)}")
        if self.after and (self.kind in _NEVER_ACTS or self.stage != ANSWER):
            raise ValueError(f"a {self.kind} has no after")
        if self.stage == COURSE and self.endpoint != "bet":
            raise ValueError(f"a {self.kind} belongs to bet")

    @property
    def stage(self) -> str:
        return STAGE_OF[self.kind]

    @property
    def turn(self) -> tuple[str | None, ...]:
        """Faults with the same turn strike one request each, in the order in which they were added."""
        return (ANSWER,) if self.stage == ANSWER else (self.kind, self.token)

    @property
    def acts(self) -> bool:
        """Whether the request is acted on before its answer is spoiled."""
        return self.kind in _ACTS if self.after is None else self.after

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Struck:
    """The faults that one request takes."""

    delay: float = 0.0  # seconds
    answer: Fault | None = None
    course: tuple[Fault, ...] = ()
    view: tuple[Fault, ...] = ()

    @property
    def kinds(self) -> list[str]:
        return [
            *(["delay"] if self.delay else []),
            *(fault.kind for fault in self.course + self.view),
            *([self.answer.kind] if self.answer is not None else []),
        ]


@dataclass(slots=True)
class _Line:
    fault: Fault
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.count is not None and self.hits >= self.fault.count

    def concerns(self, endpoint: str, token: str | None) -> bool:
        if self.fault.endpoint not in ("*", endpoint):
            return False
        return self.fault.token is None or token is None or self.fault.token == token

    def due(self) -> bool:
        """Count a request that this concerns; say whether the skipped ones are behind."""
        self.seen += 1
        return self.seen > self.fault.skip


class Script:
    """The faults still to come, in the order in which they were added. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[_Line] = []

    def add(self, faults: list[Fault]) -> None:
        with self._lock:
            self._lines += [_Line(fault) for fault in faults]

    def clear(self, endpoint: str | None = None) -> None:
        with self._lock:
            self._lines = [
                line for line in self._lines if endpoint is not None and line.fault.endpoint != endpoint
            ]

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{**line.fault.to_wire(), "hits": line.hits} for line in self._lines]

    def take(self, endpoint: str, token: str | None) -> Struck:
        """Given a request's endpoint and the token it is for (None: a list), return what strikes it."""
        with self._lock:
            taken: dict[tuple[str | None, ...], Fault] = {}
            for line in self._lines:
                if line.concerns(endpoint, token) and line.due() and line.fault.turn not in taken:
                    taken[line.fault.turn] = line.fault
                    line.hits += 1
            self._lines = [line for line in self._lines if not line.spent]
        return Struck(
            delay=sum(fault.seconds or 0.0 for fault in taken.values() if fault.stage == BEFORE),
            answer=taken.get((ANSWER,)),
            course=tuple(fault for fault in taken.values() if fault.stage == COURSE),
            view=tuple(fault for fault in taken.values() if fault.stage == VIEW),
        )
