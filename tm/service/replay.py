"""What rules would have done: over one series, over many, and over a grid of levels and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice

from tm.market import Top
from tm.model import Position, Rule, RuleStatus, RuleType
from tm.numbers import PRICE_STEP
from tm.rules.quote import Quote, why_no_information
from tm.rules.replay import Firing, Manner, Replay
from tm.service import levels
from tm.service.sources import Source
from tm.service.terms import Terms

CHUNK = 20_000  # rows; what is in memory of a series at one time
SHARES = Decimal(100)  # of a position whose size nobody told

Progress = Callable[[int, int], None]  # sources done, rows read


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of rules, under settings of its own. `rules` stand as they are; `terms` become rules."""

    manner: Manner
    terms: tuple[Terms, ...] = ()
    rules: tuple[Rule, ...] = ()
    name: tuple[tuple[str, str], ...] = ()  # which place in a grid it has

    @property
    def needs_entry(self) -> bool:
        return any(new.needs_entry for new in self.terms)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one trial over one source."""

    source: str
    trial: Trial
    rules: tuple[Rule, ...]
    replay: Replay
    entry: Decimal | None  # USD per share; None: there was no quote to buy at

    @property
    def worth(self) -> Decimal | None:
        """USD at the end: what was sold for, and the rest at the last bid. None: there never was a bid."""
        if self.replay.held <= 0:
            return self.replay.proceeds
        last = self.replay.last_bid
        return None if last is None else self.replay.proceeds + self.replay.held * last

    @property
    def per_share(self) -> Decimal | None:
        """USD that a share made or lost."""
        if self.worth is None or self.entry is None:
            return None
        return self.worth / self.replay.shares - self.entry

    @property
    def hold_per_share(self) -> Decimal | None:
        """USD that a share had made or lost at the last bid, with no rule."""
        last = self.replay.last_bid
        return None if last is None or self.entry is None else last - self.entry

    @property
    def stops(self) -> list[Firing]:
        """The firings of stops that sold."""
        return [f for f in self.replay.firings if f.sold > 0 and f.rule.rule_type is not RuleType.TAKE_PROFIT]


def run(
    sources: Sequence[Source],
    trials: Sequence[Trial],
    *,
    max_spread: Decimal,
    entry: Decimal | None = None,
    shares: Decimal | None = None,
    progress: Progress = lambda done, rows: None,
) -> Iterator[list[Result]]:
    """Run all trials over each source in turn; yield the results of each source, in the order of the trials.

    `entry` (USD per share) and `shares` win over what a source knows. Where nobody knows what was paid, it
    is the ask of the first quote whose spread is `max_spread` at most: percentages of it count from that
    row on.
    """
    for number, source in enumerate(sources):
        paid = _Paid(entry if entry is not None else source.entry, max_spread)
        yield _over(source, trials, paid, shares, partial(progress, number))
        progress(number + 1, 0)


def _over(
    source: Source,
    trials: Sequence[Trial],
    paid: _Paid,
    shares: Decimal | None,
    progress: Callable[[int], None],
) -> list[Result]:
    held = shares if shares is not None else source.shares if source.shares is not None else SHARES
    rows = paid.noticed(source.rows())
    if paid.price is None and any(trial.needs_entry for trial in trials):
        rows = paid.from_then(rows)
    replays: list[Replay] = []
    done = 0
    while chunk := list(islice(rows, CHUNK)):
        if not replays:
            replays = [
                Replay(rules_of(trial, paid.price, held, chunk[0].at), held, trial.manner) for trial in trials
            ]
        for each in replays:
            each.feed(chunk)
        done += len(chunk)
        progress(done)
    if not replays:
        replays = [Replay((), held, trial.manner) for trial in trials]
    for each in replays:
        each.finish()
    return [
        Result(source.name, trial, tuple(each.rules), each, paid.price)
        for trial, each in zip(trials, replays, strict=True)
    ]


class _Paid:
    """What was paid: as told, or the ask of the first quote that says enough to buy at."""

    def __init__(self, price: Decimal | None, max_spread: Decimal) -> None:
        self.price = price
        self._max_spread = max_spread

    def noticed(self, rows: Iterator[Top]) -> Iterator[Top]:
        for row in rows:
            if self.price is None and self._is_enough(row):
                self.price = row.ask
            yield row

    def from_then(self, rows: Iterator[Top]) -> Iterator[Top]:
        for row in rows:
            if self.price is not None:
                yield row

    def _is_enough(self, row: Top) -> bool:
        quote = Quote("", row.bid, row.ask, row.at)
        return why_no_information(RuleType.STOP_LOSS, quote, self._max_spread, row.at) is None


def rules_of(trial: Trial, entry: Decimal | None, shares: Decimal, at: datetime) -> tuple[Rule, ...]:
    """Given a trial, return its rules as they would be made at `at` for a position of so many shares.

    Raise Invalid or Unprocessable as the adding of them would.
    """
    position = Position("", "", "", shares, entry, None, at, at, at, tick_size=PRICE_STEP)
    made: list[Rule] = []
    for number, new in enumerate(trial.terms):
        level = levels.resolve(new, position, at)
        made.append(
            Rule(
                id=f"rule-{number + 1}",
                rule_type=new.rule_type,
                market_id=new.market_id,
                token_id=new.token_id,
                trigger_price=level.trigger_price,
                trailing_percent=new.trailing_percent,
                action=level.action,
                status=RuleStatus.ACTIVE,
                created_at=at,
                updated_at=at,
                trigger_percent=new.trigger_percent,
                entry_price=level.entry_price,
                trailing_amount=new.trailing_amount,
                activation_price=level.activation_price,
                activation_percent=new.activation_percent,
            )
        )
    levels.check_together(made, shares)
    return (*(as_new(rule, at) for rule in trial.rules), *made)


def as_new(rule: Rule, at: datetime) -> Rule:
    """Given a rule that stands, return it as it was before its first tick; a trail begins anew."""
    trails = rule.rule_type is RuleType.TRAILING_STOP
    return Rule(
        id=rule.id,
        rule_type=rule.rule_type,
        market_id=rule.market_id,
        token_id=rule.token_id,
        trigger_price=None if trails else rule.trigger_price,
        trailing_percent=rule.trailing_percent,
        action=rule.action,
        status=RuleStatus.ACTIVE,
        created_at=at,
        updated_at=at,
        label=rule.label,
        trigger_percent=rule.trigger_percent,
        entry_price=rule.entry_price,
        trailing_amount=rule.trailing_amount,
        activation_price=rule.activation_price,
        activation_percent=rule.activation_percent,
    )
