"""What rules would have done over recorded quotes: each row is a tick, judged as a tick judges it.

Gate, triggers, confirmation (`judge`) and size (`size_order`) are the functions that a tick calls. What is
assumed here is the exchange: an order of that size is filled at once at the recorded bid, nobody else sells,
and its trades have settled by the next row. A depth that was not recorded takes any size.

A look at a quote that was looked at before, by rules in the same state, gives what it gave before. So what
changes nothing is remembered by quote, and a series of a million rows is judged some thousand times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tm.market import Book, Level, Top
from tm.model import Rule, RuleStatus, RuleType
from tm.numbers import MAX_AMOUNT, is_dust
from tm.rules.backoff import rearm_delay
from tm.rules.judgement import Judgement, judge
from tm.rules.quote import Quote, quote_of
from tm.rules.sizing import NoSize, promise, size_order
from tm.rules.trigger import Decision, is_expired

SEEN_FROM = Decimal(1)  # shares; holdings hide a position that is smaller
BACK_WITHIN = timedelta(minutes=10)  # a stop was false when the bid is back above its trigger within these
MOST_FIRINGS = 1000  # kept of one replay; the rest is counted
MOST_REMEMBERED = 10_000  # quotes

Trace = Callable[[int, dict[str, Judgement]], None]  # row number, judgements by rule id


@dataclass(frozen=True, slots=True)
class Manner:
    """The settings that decide: as in `tm.config`."""

    max_spread: Decimal
    confirm_ticks: int
    max_slippage_percent: Decimal


@dataclass(slots=True)
class Firing:
    """A rule that fired, and what its order would have become. Prices in USD per share."""

    rule: Rule  # as it was then
    row: int
    at: datetime
    bid: Decimal
    sold: Decimal  # shares; 0: nothing could be sold
    reason: str  # filled, partial, or why nothing was sold
    false_stop: bool = False


@dataclass(slots=True)
class Seen:
    """What a quote said to rules that it did not change."""

    judgements: dict[str, Judgement]
    reasons: tuple[str, ...]  # why it was no information; empty: it was some to every rule
    rows: int = 0


@dataclass(slots=True)
class Replay:
    """One position of `shares` and its rules, led through quotes row by row."""

    rules: Sequence[Rule]
    shares: Decimal
    manner: Manner
    trace: Trace | None = None
    remembers: bool = True  # False: judge each row anew
    # what has been seen
    rows: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    last_bid: Decimal | None = None
    last_bid_at: datetime | None = None
    skipped: Counter[str] = field(default_factory=Counter)  # reason: rows that a rule could not use
    longest_blind: timedelta = timedelta(0)
    # what came of it
    held: Decimal = Decimal(0)
    proceeds: Decimal = Decimal(0)  # USD
    firings: list[Firing] = field(default_factory=list)
    fired: int = 0
    # between two rows
    _state: list[Rule] = field(default_factory=list)  # ACTIVE, in the order in which they are judged
    _settling: Rule | None = None  # sold in part in the row before
    _memory: dict[tuple[Decimal | None, Decimal | None], Seen] = field(default_factory=dict)
    _blind_since: datetime | None = None
    _watched: list[Firing] = field(default_factory=list)  # stops that may yet prove false
    _expires: datetime | None = None

    def __post_init__(self) -> None:
        self._state = [rule for rule in self.rules if rule.status is RuleStatus.ACTIVE]
        self.held = self.shares
        ends = [rule.expires_at for rule in self._state if rule.expires_at is not None]
        self._expires = min(ends, default=None)

    @property
    def is_over(self) -> bool:
        """Say whether nothing more can happen: no rule stands, or nothing is held."""
        return not (self._state or self._settling) or self.held <= 0

    def feed(self, rows: Iterable[Top]) -> None:
        """Go through more rows, which follow those that were fed before."""
        recall = self._memory.get
        for row in rows:
            at, bid, ask, bid_depth, ask_depth = row
            if bid_depth == 0:
                bid = None
            if ask_depth == 0:
                ask = None
            number = self.rows
            self.rows = number + 1
            if number == 0:
                self.first_at = at
            self.last_at = at
            if bid is not None and 0 < bid < 1:
                self.last_bid, self.last_bid_at = bid, at
            if self._watched:
                self._watch(at, bid)
            seen = recall((bid, ask))
            if seen is None or (self._expires is not None and at >= self._expires):
                seen = self._look(number, row._replace(bid=bid, ask=ask))
                recall = self._memory.get
            if seen is None:
                continue
            seen.rows += 1
            if seen.reasons:
                if self._blind_since is None:
                    self._blind_since = at
            elif self._blind_since is not None:
                self._see_again(at)
            if self.trace is not None:
                self.trace(number, seen.judgements)

    def finish(self) -> None:
        """Count what is still open; no more rows follow."""
        self._forget()
        if self._blind_since is not None and self.last_at is not None:
            self._see_again(self.last_at)

    # ---- one row, judged

    def _look(self, number: int, row: Top) -> Seen | None:
        """Judge the rules by a row as a tick would; return what it said, None where no rule stands."""
        self._settle(row.at)
        self._expire(row.at)
        if self.is_over:
            self._forget()
            return None
        quote = quote_of(_book(row))
        sellable = self.held >= SEEN_FROM
        judged = {rule.id: self._judge(rule, quote, sellable, row.at) for rule in self._state}
        changed = False
        for index, rule in enumerate(self._state):
            learned = {k: v for k, v in judged[rule.id].learned.items() if k not in _UNUSED}
            if learned:
                self._state[index] = replace(rule, **learned)
                changed = True
        reasons = {j.evaluation.reason for j in judged.values() if j.decision == Decision.NO_INFORMATION}
        seen = Seen(judged, tuple(sorted(reasons)))
        firing = next((rule for rule in self._state if judged[rule.id].fires), None)
        if firing is not None:
            self._fire(number, firing, quote, row.at)
        if changed or firing is not None:
            self._forget()
            self._count(seen)
        elif self.remembers and all(j.decision in _QUIET for j in judged.values()):
            if len(self._memory) >= MOST_REMEMBERED:
                self._forget()
            self._memory[row.bid, row.ask] = seen
        else:
            self._count(seen)
        return seen

    def _judge(self, rule: Rule, quote: Quote, sellable: bool, at: datetime) -> Judgement:
        return judge(
            rule,
            quote,
            max_spread=self.manner.max_spread,
            confirm_ticks=self.manner.confirm_ticks,
            tick_started=at,
            now=at,
            sellable=sellable,
            busy=False,  # the order of the row before has settled
        )

    def _fire(self, number: int, rule: Rule, quote: Quote, at: datetime) -> None:
        """Size the order as the engine does, and fill it."""
        assert quote.best_bid is not None
        left = None if rule.promised_shares is None else rule.promised_shares - rule.sold_shares
        size = size_order(
            action=rule.action,
            promised_left=left,
            held=self.held,
            own_open_sells=Decimal(0),
            quote=quote,
            rule_type=rule.rule_type,
            trigger_price=rule.trigger_price,
            max_slippage_percent=self.manner.max_slippage_percent,
        )
        index = self._state.index(rule)
        rule = replace(rule, unsold_since=rule.unsold_since or at, confirm_count=0, updated_at=at)
        if isinstance(size, NoSize):
            count = rule.rearm_count + 1
            wait = timedelta(seconds=rearm_delay(count))
            self._state[index] = replace(rule, rearm_count=count, not_before=at + wait)
            self._note(Firing(rule, number, at, quote.best_bid, Decimal(0), size.reason))
            return
        promised = rule.promised_shares if left is not None else promise(rule.action, self.held)
        assert promised is not None
        sold = rule.sold_shares + size.shares
        self.held -= size.shares
        self.proceeds += size.shares * quote.best_bid
        whole = is_dust(promised - sold, quote.best_bid)
        self._note(Firing(rule, number, at, quote.best_bid, size.shares, "filled" if whole else "partial"))
        del self._state[index]
        if not whole:
            self._settling = replace(rule, promised_shares=promised, sold_shares=sold)

    def _settle(self, at: datetime) -> None:
        """What was sold in part in the row before is armed again for the rest."""
        rule = self._settling
        if rule is None:
            return
        self._settling = None
        self._forget()
        fresh = replace(rule, rearm_count=0, not_before=None, unsold_since=None, updated_at=at)
        order = [each.id for each in self.rules]
        self._state = sorted([*self._state, fresh], key=lambda each: order.index(each.id))

    def _expire(self, at: datetime) -> None:
        if self._expires is None or at < self._expires:
            return
        self._forget()
        self._state = [rule for rule in self._state if not is_expired(rule, at)]
        ends = [rule.expires_at for rule in self._state if rule.expires_at is not None]
        self._expires = min(ends, default=None)

    # ---- counting

    def _note(self, firing: Firing) -> None:
        self.fired += 1
        if len(self.firings) < MOST_FIRINGS:
            self.firings.append(firing)
        if firing.sold > 0 and firing.rule.rule_type is not RuleType.TAKE_PROFIT:
            self._watched.append(firing)

    def _watch(self, at: datetime, bid: Decimal | None) -> None:
        self._watched = [each for each in self._watched if at - each.at <= BACK_WITHIN]
        for firing in self._watched:
            trigger = firing.rule.trigger_price
            if bid is not None and trigger is not None and trigger < bid < 1:
                firing.false_stop = True

    def _see_again(self, at: datetime) -> None:
        assert self._blind_since is not None
        self.longest_blind = max(self.longest_blind, at - self._blind_since)
        self._blind_since = None

    def _forget(self) -> None:
        """The rules are in another state now: what was remembered is counted, and holds no more."""
        for seen in self._memory.values():
            self._count(seen, seen.rows)
        self._memory = {}

    def _count(self, seen: Seen, rows: int = 1) -> None:
        for reason in seen.reasons:
            self.skipped[reason] += rows


_UNUSED = frozenset({"blind_since", "blind_told", "unsold_told"})  # what people are told of, and when
_QUIET = frozenset({str(Decision.HOLD), str(Decision.NO_INFORMATION)})


def _book(row: Top) -> Book:
    """Given a row, return it as a book with one level a side."""
    depth = MAX_AMOUNT if row.bid_depth is None else row.bid_depth
    bids = () if row.bid is None else (Level(row.bid, depth),)
    asks = () if row.ask is None else (Level(row.ask, MAX_AMOUNT),)
    return Book("", bids, asks, row.at)
