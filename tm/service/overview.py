"""All that a person wants to see at one glance: what `tm watch` and the page draw, and nothing they decide.

What is shown is what the last ticks read. Only where they do not read holdings (no rule is ACTIVE, so none
needs to) are those asked for anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tm import wire
from tm.engine import files
from tm.errors import TradeManagerError
from tm.model import Attempt, Position, Rule, RuleStatus
from tm.rules.trigger import distance
from tm.service import control, gauges, wording
from tm.service.banners import Facts, banners
from tm.service.context import Context
from tm.service.positions import REFRESH_SECONDS, refresh
from tm.store import attempts, glance, positions, rules, state
from tm.store.glance import Happening
from tm.store.history import longest_gap

EVENTS = 20
POSITIONS = 100
RULES = 500
HOURS = 24  # of price history
POINTS = 120  # of price history, of one position
ALL_POINTS = 3000
_LONGEST_GAP = 180  # seconds; after a day one quote a minute is kept
STALE_AFTER = 3  # poll intervals since a price was read
ENDED_FOR = timedelta(hours=1)  # so long a rule that has ended is still shown ...
FAILED_FOR = timedelta(hours=24)  # ... and one that failed

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _View:
    """What the records below are made from."""

    ctx: Context
    now: datetime
    paused: bool
    stale_before: datetime
    since: datetime  # of the price history
    orders: Mapping[str, Attempt]  # the latest of each rule


def overview(
    ctx: Context, *, hours: int = HOURS, points: int = POINTS, read_anew: bool = True, at_once: bool = False
) -> Record:
    """Return the record of `GET /api/overview` and `tm watch --json`: status, banners, positions, events.

    `hours` of price history, at most about `points` of it for each position. `read_anew`: holdings that
    no tick keeps fresh are asked for first, within 3 s; `at_once`: also those that are fresh.
    """
    trouble = _freshen(ctx, at_once) if read_anew or at_once else None
    status = control.status(ctx)
    now = ctx.clock()
    open_orders = attempts.open_ones(ctx.conn)
    shown = _shown_rules(ctx, open_orders, now)
    interval = timedelta(seconds=ctx.settings.poll_interval_seconds)
    view = _View(
        ctx=ctx,
        now=now,
        paused=bool(status["paused"]),
        stale_before=now - STALE_AFTER * interval,
        since=now - timedelta(hours=hours),
        orders=attempts.latest_of_rules(ctx.conn, [rule.id for rule in shown]),
    )
    known = positions.by_token(ctx.conn)
    facts = Facts(status, ctx.settings.paper, shown, open_orders, known, trouble, now)
    records = _positions(view, known, shown, points)
    return {
        "paper": ctx.settings.paper,
        **wire.plain(status),
        "at": wire.instant(now),
        "pollIntervalSeconds": ctx.settings.poll_interval_seconds,
        "nextTickAt": _next_tick(ctx, interval),
        "historySince": wire.instant(view.since),
        "banners": banners(facts),
        **_totals(records),
        "positions": records[:POSITIONS],
        "positionsLeftOut": max(0, len(records) - POSITIONS),
        "events": [_event(each) for each in _folded(glance.happenings(ctx.conn, limit=5 * EVENTS))][:EVENTS],
    }


def mark(ctx: Context) -> tuple[int, float | None]:
    """Return what changes when another process has written, or a tick has ended.

    While it stays the same an overview differs only in its times.
    """
    return glance.data_version(ctx.conn), files.stamped_at(ctx.settings.state_dir)


def _freshen(ctx: Context, at_once: bool) -> TradeManagerError | None:
    """Read holdings where the ticks do not, or are late with it; return what went wrong."""
    read_at = state.instant(ctx.conn, state.LAST_SYNC)
    ticks_read = rules.count(ctx.conn, RuleStatus.ACTIVE) > 0
    patience = ctx.settings.poll_interval_seconds * (STALE_AFTER if ticks_read else 1)
    is_fresh = read_at is not None and timedelta(0) <= ctx.clock() - read_at <= timedelta(seconds=patience)
    if is_fresh and not at_once:
        return None
    try:
        refresh(ctx, timeout=REFRESH_SECONDS)
    except TradeManagerError as error:
        return error
    return None


def _shown_rules(ctx: Context, open_orders: Iterable[Attempt], now: datetime) -> list[Rule]:
    """The ACTIVE rules, those with an order out, and those that ended a moment ago."""
    active = rules.with_status(ctx.conn, RuleStatus.ACTIVE)[:RULES]
    ended = glance.ended_since(ctx.conn, now - FAILED_FOR)
    recent = [r for r in ended if r.status is RuleStatus.FAILED or r.updated_at >= now - ENDED_FOR]
    there = {rule.id for rule in (*active, *recent)}
    out = [order.rule_id for order in open_orders if order.rule_id is not None]
    with_order = [rules.get(ctx.conn, rule_id) for rule_id in out if rule_id not in there]
    return [*active, *recent, *(rule for rule in with_order if rule is not None)]


def _positions(
    view: _View, known: Mapping[str, Position], shown: Iterable[Rule], points: int
) -> list[Record]:
    """One record for each token that is held or has a rule, those under guard first, then by name."""
    by_token: dict[str, list[Rule]] = {}
    for rule in shown:
        by_token.setdefault(rule.token_id, []).append(rule)
    held = {token for token, position in known.items() if position.absent_since is None}
    tokens = held | set(by_token)
    room = max(2, min(points, ALL_POINTS // max(1, len(tokens))))
    marks: dict[str, list[Record]] = {}
    for each in glance.happenings(view.ctx.conn, view.since, limit=500):
        marks.setdefault(each.token_id, []).append(_event(each))
    found = [
        _position(view, token, known.get(token), by_token.get(token, []), token in held)
        | {"history": _history(view, token, known.get(token), room), "events": marks.get(token, [])}
        for token in tokens
    ]
    return sorted(
        found, key=lambda record: (not record["guarded"], record["label"] or "~", record["tokenId"])
    )


def _position(view: _View, token: str, position: Position | None, own: list[Rule], held: bool) -> Record:
    """Given a token, what is known of it, and its rules, return how it stands."""
    label = next((rule.label for rule in own if rule.label), None)
    price, price_at, source = _price(view, position)
    usd, percent = (None, None) if position is None or not held else gauges.profit(position, price)
    bid = None if position is None else position.best_bid
    entry = None if position is None else position.avg_entry_price
    ladder = sorted(
        own, key=lambda r: (r.status is not RuleStatus.ACTIVE, -(r.trigger_price or Decimal(0)), r.id)
    )
    return {
        "tokenId": token,
        "marketId": position.market_id if position is not None else own[0].market_id,
        "label": position.label if position is not None and position.label else label,
        "held": held,
        "guarded": any(rule.status is RuleStatus.ACTIVE for rule in own),
        "quantity": wire.number(position.quantity) if position is not None and held else None,
        "avgEntryPrice": wire.number(entry),
        "bestBid": wire.number(bid),
        "bestAsk": None if position is None else wire.number(position.best_ask),
        "quoteAt": None if position is None else wire.instant(position.quote_at),
        "tickSize": None if position is None else wire.number(position.tick_size),
        "redeemable": position is not None and position.redeemable,
        "price": wire.number(price),
        "priceAt": wire.instant(price_at),
        "priceSource": source,
        "stale": price_at is None or price_at < view.stale_before,
        "valueUsd": None if price is None or position is None or not held else wire.number(
            round(price * position.quantity, 2)
        ),
        "profitUsd": wire.number(usd),
        "profitPercent": wire.number(percent),
        "rules": [_rule(view, rule, bid, entry) for rule in ladder],
    }  # fmt: skip


def _price(view: _View, position: Position | None) -> tuple[Decimal | None, datetime | None, str | None]:
    """What a share is worth as far as is known: the best bid while it is fresh, else what holdings say."""
    if position is None:
        return None, None, None
    quoted = position.best_bid is not None and position.quote_at is not None
    fresh = quoted and position.quote_at is not None and position.quote_at >= view.stale_before
    if fresh or (quoted and position.current_price is None):
        return position.best_bid, position.quote_at, "bid"
    if position.current_price is None:
        return None, None, None
    return position.current_price, position.last_updated_at, "holdings"


def _rule(view: _View, rule: Rule, bid: Decimal | None, entry: Decimal | None) -> Record:
    """The TradeRule, and how far it is from firing."""
    order = view.orders.get(rule.id)
    active = rule.status is RuleStatus.ACTIVE
    left = distance(rule, bid) if active else None
    part = gauges.fraction(rule, bid, entry) if active else None
    near = gauges.nearness(left, part)
    text, level = wording.standing(rule, order, view.now, paused=view.paused, reached=near == "reached")
    return {
        **wire.rule(rule, order),
        "kind": wording.kind(rule.rule_type),
        "aim": wording.aim(rule),
        "distanceUsd": wire.number(left),
        "distancePercent": wire.number(gauges.percent_away(rule, bid) if active else None),
        "fraction": wire.number(part),
        "nearness": near,
        "standing": {"text": text, "level": level},
    }


def _history(view: _View, token: str, position: Position | None, room: int) -> list[Record]:
    """The best bid over time, oldest first; a null bid is a hole."""
    gap = max(_LONGEST_GAP, longest_gap(view.ctx.settings.poll_interval_seconds))
    points = glance.path(view.ctx.conn, token, view.since, view.now, room, gap)
    if not points and position is not None and position.quote_at is not None:
        points = [(position.quote_at, position.best_bid)]
    return [{"at": wire.instant(at), "bid": wire.number(bid)} for at, bid in points]


def _event(happening: Happening) -> Record:
    """The RuleEvent, where it happened, and what in words."""
    event = happening.event
    text, level = wording.event(happening.rule_type, event.event_type, event.event_data)
    return {
        **wire.event(event),
        "tokenId": happening.token_id,
        "label": happening.label,
        "text": text,
        "level": level,
    }


def _folded(found: Iterable[Happening]) -> list[Happening]:
    """Leave out each raise of a trailing trigger but the last of a row: a rising market makes hundreds."""
    kept: list[Happening] = []
    newest: dict[str, str] = {}  # by rule, the type of the event kept last
    for each in found:
        rule_id, kind = each.event.rule_id, str(each.event.event_type)
        if kind != "RULE_TRAILING_UPDATED" or newest.get(rule_id) != kind:
            kept.append(each)
        newest[rule_id] = kind
    return kept


def _totals(records: Iterable[Record]) -> Record:
    """Worth and profit of all that is held; null where that of one position is not known."""
    held = [record for record in records if record["held"]]
    totals: Record = {}
    for name in ("valueUsd", "profitUsd"):
        amounts = [record[name] for record in held]
        totals[name] = None if None in amounts or not amounts else round(sum(amounts), 2)
    return totals


def _next_tick(ctx: Context, interval: timedelta) -> str | None:
    stamp = files.stamped_at(ctx.settings.state_dir)
    if stamp is None:
        return None
    return wire.instant(datetime.fromtimestamp(stamp, UTC) + interval)
