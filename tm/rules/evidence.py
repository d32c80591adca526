"""What became of an order: judged from looks at trades, holdings and open orders, never from hope.

A look never sends. It can conclude that shares were sold (their trade rows are complete and settled), or
that none were (the horizon has passed, twice, and nothing is missing). Until then the attempt stays open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from tm.market import Look, OpenOrder, Trade
from tm.model import ActionType, Attempt, Heard, Watch
from tm.numbers import SHARE_STEP

HORIZON = Decimal(120)  # seconds in which an order that Vincent answered can still show up
APPROVAL_HORIZON = Decimal(36 * 60)  # a human can grant for 30 minutes, also what we never heard of
CLEAR_LOOKS_APART = Decimal(15)
UNDATED_LOOK = Decimal(30)  # what a look without Vincent's Date may count for at most
TELL_UNKNOWN_AFTER = Decimal(120)
NEEDS_OPERATOR_AFTER = Decimal(15 * 60)
CLOCK_TOLERANCE = timedelta(seconds=5)
HOLDINGS_LAG = timedelta(seconds=60)
SETTLED = frozenset({"CONFIRMED", "MINED", "FAILED"})


@dataclass(frozen=True, slots=True)
class Fill:
    """The trade rows of one order. Sizes in shares, price in USD per share (of what was sold)."""

    order_id: str
    sold: Decimal
    failed: Decimal
    avg_price: Decimal | None
    tx_hash: str | None
    settled: bool

    @property
    def size(self) -> Decimal:
        return self.sold + self.failed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look allows to say. `concluded` means that `sold` shares were sold and no more will be."""

    concluded: bool
    sold: Decimal
    watch: Watch
    fill: Fill | None = None
    cancel_order_id: str | None = None  # our own order rests: cancel it, then look on
    by_size: bool = False  # the fill was recognised by its size, not by an order id
    needs_operator: bool = False
    tell_unknown: bool = False


def judge(attempt: Attempt, look: Look, *, claimed: Collection[str], asks_never: bool) -> Verdict:
    """Given an open sell and a look, return what may be concluded.

    `claimed`: order ids known to belong to other attempts. `asks_never`: the user vouches that the wallet's
    policy never asks a human.
    """
    watch = with_look(attempt, look)
    trades = _distinct(look.trades)
    fill = _fill_of(attempt, watch, trades, claimed)
    by_size = attempt.order_id is None
    if fill is not None and fill.settled and fill.size == attempt.shares:
        return Verdict(True, fill.sold, watch, fill, by_size=by_size)
    if _rests(attempt, look.open_orders):
        watch = replace(watch, horizon_from=watch.waited, clear_looks=())
        return _still_open(watch, fill, cancel_order_id=attempt.order_id)
    horizon = watch.horizon_from + horizon_seconds(attempt, asks_never=asks_never)
    doubtful = _has_lookalike(attempt, watch, trades, claimed)
    if watch.waited > horizon and not doubtful and _nothing_missing(attempt, look, trades, fill):
        looks = (watch.clear_looks[:1] or (watch.waited,)) + (watch.waited,)
        watch = replace(watch, clear_looks=looks)
        if looks[-1] - looks[0] >= CLEAR_LOOKS_APART:
            return Verdict(True, fill.sold if fill else Decimal(0), watch, fill)
    else:
        watch = replace(watch, clear_looks=())
    return _still_open(watch, fill)


def _still_open(watch: Watch, fill: Fill | None, cancel_order_id: str | None = None) -> Verdict:
    return Verdict(
        False,
        Decimal(0),
        watch,
        fill,
        cancel_order_id=cancel_order_id,
        needs_operator=watch.waited > NEEDS_OPERATOR_AFTER,
        tell_unknown=watch.waited >= TELL_UNKNOWN_AFTER,
    )


def horizon_seconds(attempt: Attempt, *, asks_never: bool) -> Decimal:
    """Given an attempt, return for how many seconds it may still fill unseen.

    A 202 is a promise that a human is asked, whatever the configuration vouches for. An answer that never
    came may have been one, except that a late approval of SELL_ALL finds nothing left to sell.
    """
    if attempt.heard is Heard.ACCEPTED:
        return APPROVAL_HORIZON
    if attempt.heard is Heard.VINCENT or asks_never or attempt.action is ActionType.SELL_ALL:
        return HORIZON
    return APPROVAL_HORIZON


def with_look(attempt: Attempt, look: Look) -> Watch:
    """Given a look, move the watch on, on Vincent's clock: a wrong local clock must not expire anything.

    Nor may a wrong Date: no more time counts than has passed here since the look before. A local clock that
    went back says nothing of that, and a Date from before the sending is none.
    """
    watch = attempt.watch
    here = _seconds(look.at - (watch.looked_at or attempt.created_at))
    sent_at = attempt.baseline.venue_at
    there = None if sent_at is None or look.venue_at is None else _seconds(look.venue_at - sent_at)
    if there is None or there < 0:
        passed = min(here, UNDATED_LOOK)
    else:
        passed = min(there - watch.waited, here if here > 0 else UNDATED_LOOK)
    waited = watch.waited + max(passed, Decimal(0))
    resting = {
        order.id
        for order in look.open_orders
        if order.token_id == attempt.token_id and order.id != attempt.order_id
    }
    return replace(
        watch,
        waited=waited,
        looked_at=look.at,
        resting_seen=tuple(sorted(resting.union(watch.resting_seen))),
    )


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1)) / 1000


def _distinct(trades: Iterable[Trade]) -> list[Trade]:
    """Rows by id, the later one of a repeated row: a listing may repeat itself while it grows."""
    return list({trade.id: trade for trade in trades}.values())


def _fill_of(attempt: Attempt, watch: Watch, trades: list[Trade], claimed: Collection[str]) -> Fill | None:
    """Given all rows, return the fill of this attempt as far as it can be told, or None."""
    if attempt.order_id is not None:
        rows = [trade for trade in trades if trade.order_id == attempt.order_id]
        return _sum(rows) if rows else None
    groups: dict[str, list[Trade]] = {}
    for trade in trades:
        if _may_be_ours(attempt, watch, trade, claimed):
            groups.setdefault(trade.order_id, []).append(trade)
    # FOK is all or nothing: another sum is incomplete, or somebody else's.
    whole = [rows for rows in groups.values() if sum(row.size for row in rows) == attempt.shares]
    return _sum(min(whole, key=lambda rows: min(row.matched_at for row in rows))) if whole else None


def _may_be_ours(attempt: Attempt, watch: Watch, trade: Trade, claimed: Collection[str]) -> bool:
    since = attempt.baseline.venue_at
    in_time = since is None or trade.matched_at >= since - CLOCK_TOLERANCE
    return in_time and _is_unexplained(attempt, watch, trade, claimed)


def _is_unexplained(attempt: Attempt, watch: Watch, trade: Trade, claimed: Collection[str]) -> bool:
    """Say whether a row is a sell of the token that nothing but its time could tell from ours."""
    baseline = attempt.baseline
    return (
        trade.token_id == attempt.token_id
        and trade.side == "SELL"
        and trade.id not in baseline.trade_ids
        and trade.order_id not in claimed
        and trade.order_id not in baseline.resting_ids
        and trade.order_id not in watch.resting_seen
    )


def _has_lookalike(attempt: Attempt, watch: Watch, trades: list[Trade], claimed: Collection[str]) -> bool:
    """Say whether an unexplained sell of our size is listed, whatever its time, give or take a rounding.

    It may be ours where Vincent's clock and the exchange's differ, or where our order is listed under another
    id than we were told: it proves no sale, and it must not be taken for somebody else's either, because then
    the same shares would be sent again.
    """
    sizes: dict[str, Decimal] = {}
    for trade in trades:
        if trade.order_id != attempt.order_id and _is_unexplained(attempt, watch, trade, claimed):
            sizes[trade.order_id] = sizes.get(trade.order_id, Decimal(0)) + trade.size
    return any(abs(size - attempt.shares) < SHARE_STEP for size in sizes.values())


def _sum(rows: list[Trade]) -> Fill:
    sold = [row for row in rows if row.status != "FAILED"]
    shares = sum((row.size for row in sold), Decimal(0))
    usd = sum((row.size * row.price for row in sold), Decimal(0))
    return Fill(
        order_id=rows[0].order_id,
        sold=shares,
        failed=sum((row.size for row in rows if row.status == "FAILED"), Decimal(0)),
        avg_price=usd / shares if shares else None,
        tx_hash=next((row.tx_hash for row in sold if row.tx_hash), None),
        settled=all(row.status in SETTLED for row in rows),
    )


def _rests(attempt: Attempt, orders: Iterable[OpenOrder]) -> bool:
    return attempt.order_id is not None and any(order.id == attempt.order_id for order in orders)


def _nothing_missing(attempt: Attempt, look: Look, trades: list[Trade], fill: Fill | None) -> bool:
    """Say whether holdings are explained without a sale that we do not see.

    Holdings must not be lower than the baseline less the sells listed since (give or take half of the least
    size that an order can carry). Holdings lag trades by up to 30 s, so the latest sells before the baseline
    may show only now: then they must fit exactly. Unknown holdings explain nothing.
    """
    if fill is not None and (not fill.settled or attempt.order_id is None):
        return False
    held = attempt.baseline.held
    holding = look.holdings.by_token.get(attempt.token_id)
    if held is None or (holding is None and look.holdings.page_full):
        return False
    now_held = holding.shares if holding is not None else Decimal(0)
    sells = [
        trade
        for trade in trades
        if trade.token_id == attempt.token_id and trade.side == "SELL" and trade.status != "FAILED"
    ]
    known = attempt.baseline.trade_ids
    expected = held - sum((sell.size for sell in sells if sell.id not in known), Decimal(0))
    if now_held >= expected - min(SHARE_STEP, attempt.shares) / 2:  # the feed rounds its sizes
        return True
    before = [sell for sell in sells if sell.id in known]
    return any(abs(now_held - (expected - late)) <= SHARE_STEP for late in _unshown(attempt, before))


def _unshown(attempt: Attempt, before: list[Trade]) -> Iterator[Decimal]:
    """Given the token's sells listed at sending, yield how many shares holdings may not have shown then.

    That is the last sell, the last two, and so on: an older one shows no later than a newer one. Where
    Vincent's clock at sending is not known, the last sell stands in for it.
    """
    latest = sorted(before, key=lambda sell: sell.matched_at, reverse=True)
    sent_at = attempt.baseline.venue_at or (latest[0].matched_at if latest else None)
    shares = Decimal(0)
    for sell in latest:
        if sent_at is None or sell.matched_at < sent_at - HOLDINGS_LAG:
            return
        shares += sell.size
        yield shares
