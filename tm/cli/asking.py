"""What `tm rule add` was asked for, as the rules that the service knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.errors import Invalid
from tm.model import Action, ActionType, RuleType
from tm.service.body import parse_json, shown
from tm.service.terms import SELL_ALL, Terms, opaque_id, percent, price, shares

if TYPE_CHECKING:
    from tm.service.context import Context

_LARGEST_BODY = 65536  # characters


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line of `tm rule add`, as it was typed."""

    position: str | None
    stop_loss: str | None
    take_profit: str | None
    trailing_stop: str | None
    trigger_price: str | None
    market_id: str | None
    token_id: str | None
    sell: str
    expires: str | None
    allow_immediate: bool
    from_json: str | None

    def check(self) -> None:
        """Raise Invalid where options contradict each other, before anything is opened or read."""
        given = [
            name for name in ("stop_loss", "take_profit", "trailing_stop") if getattr(self, name) is not None
        ]
        if self.from_json is not None:
            others = [self.position, self.market_id, self.token_id, self.expires, self.trigger_price]
            if given or any(other is not None for other in others) or self.sell != "all":
                raise _usage("--from-json holds the whole rule: give no POSITION and no other option of it")
            return
        if not given:
            raise _usage("what is it to do? give --stop-loss, --take-profit or --trailing-stop")
        if "trailing_stop" in given and len(given) > 1:
            raise _usage("--trailing-stop stands alone: add a --take-profit as a rule of its own")
        if self.trigger_price is not None and "trailing_stop" not in given:
            raise _usage("--trigger-price belongs to --trailing-stop; a stop's price follows --stop-loss")
        if self.position is not None and (self.market_id is not None or self.token_id is not None):
            raise _usage("give POSITION, or --market-id and --token-id, not both")
        if self.position is None and (self.market_id is None or self.token_id is None):
            raise _usage('which position? words such as "trump yes", or --market-id and --token-id')


def asked_rules(asked: Asked, ctx: Context) -> tuple[list[Terms], str | None]:
    """Given what was asked for, return the rules and the position's label where it became known.

    Everything that can be wrong without asking Vincent is found before Vincent is asked.
    """
    if asked.from_json is not None:
        from tm.service.new_rule import new_rule

        body = parse_json(_read(asked.from_json))
        if asked.allow_immediate and isinstance(body, dict):
            body = {**body, "allowImmediate": True}
        return [new_rule(body)], None
    triggers = _triggers(asked)
    action = _action(asked.sell)
    expires_at = _expiry(asked, ctx)
    market_id, token_id, label = _position(asked, ctx)
    return [
        Terms(rule_type, market_id, token_id, trigger, distance, action, expires_at, asked.allow_immediate)
        for rule_type, trigger, distance in triggers
    ], label


def asked_price(option: str, text: str) -> Decimal:
    """Given an option's text, return the price, or raise Invalid naming the option."""
    return _number(option, text, price)


def _triggers(asked: Asked) -> list[tuple[RuleType, Decimal | None, Decimal | None]]:
    """(type, trigger price, trailing percent) of each rule that is asked for."""
    if asked.trailing_stop is not None:
        distance = _number("--trailing-stop", asked.trailing_stop, percent)
        start = None if asked.trigger_price is None else asked_price("--trigger-price", asked.trigger_price)
        return [(RuleType.TRAILING_STOP, start, distance)]
    stop = None if asked.stop_loss is None else asked_price("--stop-loss", asked.stop_loss)
    target = None if asked.take_profit is None else asked_price("--take-profit", asked.take_profit)
    if stop is not None and target is not None and stop >= target:
        raise Invalid(
            f"--stop-loss {asked.stop_loss} is not below --take-profit {asked.take_profit}",
            hint="one of them would fire at once",
        )
    both = ((RuleType.STOP_LOSS, stop, None), (RuleType.TAKE_PROFIT, target, None))
    return [each for each in both if each[1] is not None]


def _action(text: str) -> Action:
    if text.lower() == "all":
        return SELL_ALL
    return Action(ActionType.SELL_PARTIAL, _number("--sell", text, shares, ' or "all"'))


def _expiry(asked: Asked, ctx: Context) -> datetime | None:
    if asked.expires is None:
        return None
    from tm.cli.when import parse_when

    return parse_when(asked.expires, ctx.clock())


def _position(asked: Asked, ctx: Context) -> tuple[str, str, str | None]:
    """(market id, token id, label): as given, as cached for a token id, or as Vincent's holdings say."""
    if asked.market_id is not None and asked.token_id is not None:
        return _id("--market-id", asked.market_id), _id("--token-id", asked.token_id), None
    from tm.service.positions import find_position, refresh
    from tm.store import positions

    words = asked.position or ""
    cached = positions.get(ctx.conn, words.strip())
    if cached is not None and cached.market_id:
        return cached.market_id, cached.token_id, cached.label
    held = find_position(words, refresh(ctx, tries=3))
    return held.market_id, held.token_id, held.label


def _id(option: str, text: str) -> str:
    try:
        return opaque_id(text)
    except ValueError as problem:
        raise Invalid(f"{option}: {shown(text)}: {problem}") from None


def _number(option: str, text: str, read: Callable[[object], Decimal], also: str = "") -> Decimal:
    try:
        return read(text)
    except ValueError as problem:
        raise Invalid(f"{option}: {shown(text)}: {problem}{also}") from None


def _read(place: str) -> str:
    try:
        if place == "-":
            text = sys.stdin.read(_LARGEST_BODY + 1)
        else:
            with open(place, encoding="utf-8-sig") as stream:
                text = stream.read(_LARGEST_BODY + 1)
    except UnicodeDecodeError:
        raise Invalid(f"{place} is not UTF-8 text", code="invalid_json") from None
    except OSError as problem:
        raise Invalid(f"cannot read {place}: {problem.strerror}") from None
    if len(text) > _LARGEST_BODY:
        raise Invalid(f"{place} is too long to be a rule", code="invalid_json")
    return text


def _usage(text: str) -> Invalid:
    return Invalid(text, code="usage", hint="`tm rule add --help` shows how")
