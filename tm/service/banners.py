"""What must not be overlooked: each banner is one sentence, how much it matters, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tm.errors import TradeManagerError
from tm.model import Attempt, Outcome, Position, Rule, RuleStatus
from tm.numbers import canonical

Record = dict[str, Any]
BLIND_IS_ALARMING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the banners are made from."""

    status: Mapping[str, Any]  # as `tm status` has it
    paper: bool
    rules: Sequence[Rule]
    orders: Sequence[Attempt]  # open ones
    positions: Mapping[str, Position]
    trouble: TradeManagerError | None  # in reading holdings just now
    now: datetime


def banners(facts: Facts) -> list[Record]:
    """Given how it stands, return the banners, the gravest first."""
    makers: tuple[Callable[[Facts], list[Record]], ...] = (
        _paper,
        _ticks,
        _paused,
        _reading,
        _blind,
        _not_looked_at,
        _orders,
    )
    found = [banner for make in makers for banner in make(facts)]
    grave = ("alarm", "warning", "info")
    return sorted(found, key=lambda banner: grave.index(banner["level"]))


def _banner(kind: str, level: str, text: str, hint: str | None = None) -> Record:
    return {"kind": kind, "level": level, "text": text, "hint": hint}


def _paper(facts: Facts) -> list[Record]:
    if not facts.paper:
        return []
    return [_banner("paper", "info", "PAPER: no real money; orders go to the paper exchange")]


def _ticks(facts: Facts) -> list[Record]:
    if facts.status["running"]:
        return []
    last = facts.status["lastTickAt"]
    when = "no tick has ended yet" if last is None else f"no tick since {_clock_of(last)}"
    guarding = facts.status["activeRulesCount"] > 0
    text = f"not running: {when}" + ("; nothing is guarded" if guarding else "")
    return [_banner("not_running", "alarm" if guarding else "warning", text, "tm doctor")]


def _paused(facts: Facts) -> list[Record]:
    pause = facts.status["pause"]
    if pause is None:
        return []
    reason = f" ({pause['reason']})" if pause.get("reason") else ""
    text = f"PAUSED since {_clock_of(pause['since'])}: nothing is guarded{reason}"
    hint = "tm resume --restored, after comparing the trades" if pause.get("restored") else "tm resume"
    return [_banner("paused", "alarm", text, hint)]


def _reading(facts: Facts) -> list[Record]:
    failures, until = facts.status["consecutiveFailures"], facts.status["circuitBreakerUntil"]
    if until is not None:
        text = (
            f"Vincent did not answer in {failures} ticks in a row; it is left alone until {_clock_of(until)}"
        )
        return [_banner("breaker", "alarm", text, "tm doctor")]
    if failures:
        times = "last tick" if failures == 1 else f"last {failures} ticks"
        return [_banner("reading", "warning", f"the {times} could not read Vincent", "tm doctor")]
    if facts.trouble is not None:
        return [
            _banner("reading", "warning", f"holdings not read: {facts.trouble.message}", facts.trouble.hint)
        ]
    return []


def _blind(facts: Facts) -> list[Record]:
    """One banner a token: rules of it that see no price, or whose position is not shown."""
    found: dict[tuple[str, str], Record] = {}
    for rule in facts.rules:
        if rule.status is not RuleStatus.ACTIVE:
            continue
        for kind, since, what in (
            ("blind", rule.blind_since, "has no usable price"),
            ("unseen", rule.unseen_since, "is not shown by holdings"),
        ):
            if since is None or (kind, rule.token_id) in found:
                continue
            level = "alarm" if facts.now - since >= BLIND_IS_ALARMING else "warning"
            text = f"{_name(facts, rule.token_id, rule.label)} {what} since {_clock(since)}"
            found[kind, rule.token_id] = _banner(kind, level, text) | {"tokenId": rule.token_id}
    return list(found.values())


def _not_looked_at(facts: Facts) -> list[Record]:
    """Where ticks run, a token that none of them reaches."""
    if not facts.status["running"]:
        return []
    blind = {rule.token_id for rule in facts.rules if rule.blind_since is not None}
    return [
        _banner("stale", "alarm", f"{_name(facts, token, None)} is not looked at any more", "tm doctor")
        | {"tokenId": token}
        for token in facts.status["staleTokens"]
        if token not in blind
    ]


def _orders(facts: Facts) -> list[Record]:
    found = []
    for order in facts.orders:
        if order.outcome is Outcome.MATCHED and not order.needs_operator:
            continue
        name = _name(facts, order.token_id, None)
        what = f"order for {canonical(order.shares)} shares of {name}, sent {_clock(order.created_at)}"
        if order.needs_operator:
            hint = f"tm job show {order.job_id[:10]}"
            found.append(
                _banner("needs_operator", "alarm", f"{what}: outcome unknown, it needs a look", hint)
            )
        elif order.outcome is Outcome.PENDING_APPROVAL:
            found.append(_banner("approval", "warning", f"{what}: a person must approve it"))
        else:
            found.append(_banner("unknown", "warning", f"{what}: outcome not known yet"))
        found[-1]["tokenId"] = order.token_id
    return found


def _name(facts: Facts, token_id: str, label: str | None) -> str:
    position = facts.positions.get(token_id)
    return label or (position.label if position is not None else None) or token_id


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


def _clock_of(wire_instant: str) -> str:
    return f"{wire_instant[11:19]} UTC"
