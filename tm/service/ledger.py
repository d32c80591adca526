"""What replays came to: one as a record, many added up. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tm import wire
from tm.model import Rule
from tm.rules.replay import Firing
from tm.service.replay import Result

RULE_FIELDS = (
    "id",
    "ruleType",
    "triggerPrice",
    "triggerPercent",
    "trailingPercent",
    "trailingAmount",
    "activationPrice",
    "activationPercent",
    "action",
)


def record(result: Result) -> dict[str, Any]:
    """Given a result, return it as users and agents see it."""
    replay, manner = result.replay, result.trial.manner
    return {
        "source": result.source,
        "rows": replay.rows,
        "from": wire.instant(replay.first_at),
        "to": wire.instant(replay.last_at),
        "entryPrice": wire.number(result.entry),
        "shares": wire.number(replay.shares),
        "maxSpread": wire.number(manner.max_spread),
        "confirmTicks": manner.confirm_ticks,
        "maxSlippagePercent": wire.number(manner.max_slippage_percent),
        "rules": [_rule(rule) for rule in result.rules],
        "fired": replay.fired,
        "firings": [_firing(firing) for firing in replay.firings],
        "skipped": dict(sorted(replay.skipped.items())),
        "longestBlindSeconds": int(replay.longest_blind.total_seconds()),
        "soldShares": wire.number(replay.shares - replay.held),
        "proceedsUsd": _rounded(replay.proceeds),
        "leftShares": wire.number(replay.held),
        "lastBid": wire.number(replay.last_bid),
        "lastBidAt": wire.instant(replay.last_bid_at),
        "worthUsd": _rounded(result.worth),
        "perShare": _rounded(result.per_share),
        "holdWorthUsd": _rounded(None if replay.last_bid is None else replay.shares * replay.last_bid),
        "holdPerShare": _rounded(result.hold_per_share),
        "stops": len(result.stops),
        "falseStops": sum(firing.false_stop for firing in result.stops),
    }


@dataclass(slots=True)
class Summary:
    """Many results of one trial, added up. Per share in USD."""

    sources: int = 0
    rows: int = 0
    fired: int = 0  # sources in which something was sold
    stops: int = 0
    false_stops: int = 0
    valued: int = 0  # sources with quotes to value it by
    made: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    worst: Decimal | None = None
    worst_source: str | None = None

    def add(self, result: Result) -> None:
        self.sources += 1
        self.rows += result.replay.rows
        self.fired += result.replay.held < result.replay.shares
        self.stops += len(result.stops)
        self.false_stops += sum(firing.false_stop for firing in result.stops)
        made, held = result.per_share, result.hold_per_share
        if made is None or held is None:
            return
        self.valued += 1
        self.made += made
        self.held += held
        if self.worst is None or made < self.worst:
            self.worst, self.worst_source = made, result.source

    def record(self) -> dict[str, Any]:
        known = self.valued > 0
        return {
            "sources": self.sources,
            "rows": self.rows,
            "fired": self.fired,
            "stops": self.stops,
            "falseStops": self.false_stops,
            "falseStopShare": _rounded(Decimal(self.false_stops) / self.stops) if self.stops else None,
            "valued": self.valued,
            "meanPerShare": _rounded(self.made / self.valued) if known else None,
            "meanHoldPerShare": _rounded(self.held / self.valued) if known else None,
            "worstPerShare": _rounded(self.worst),
            "worstSource": self.worst_source,
        }


def _rule(rule: Rule) -> dict[str, Any]:
    shown = wire.rule(rule)
    return {name: shown[name] for name in RULE_FIELDS}


def _firing(firing: Firing) -> dict[str, Any]:
    return {
        "ruleId": firing.rule.id,
        "ruleType": str(firing.rule.rule_type),
        "row": firing.row,
        "at": wire.instant(firing.at),
        "bestBid": wire.number(firing.bid),
        "triggerPrice": wire.number(firing.rule.trigger_price),
        "soldShares": wire.number(firing.sold),
        "reason": firing.reason,
        "falseStop": firing.false_stop,
    }


def _rounded(value: Decimal | None) -> int | float | None:
    return None if value is None else wire.number(value.quantize(Decimal("0.000001")))
