"""What `tm rule add` was asked for, as the rules that the service knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tm.errors import Invalid
from tm.service.body import parse_json, shown
from tm.service.new_rule import NewRule, new_rule, percent, price, shares

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


def asked_rules(asked: Asked, ctx: Context) -> tuple[list[NewRule], str | None]:
    """Given what was asked for, return the rules and the position's label where it became known.

    Everything that can be wrong without asking Vincent is found before Vincent is asked.
    """
    if asked.from_json is not None:
        body = parse_json(_read(asked.from_json))
        if asked.allow_immediate and isinstance(body, dict):
            body = {**body, "allowImmediate": True}
        return [new_rule(body)], None
    terms = _terms(asked, ctx)
    market_id, token_id, label = _position(asked, ctx)
    return [new_rule({"marketId": market_id, "tokenId": token_id, **each}) for each in terms], label


def asked_price(option: str, text: str) -> Decimal:
    """Given an option's text, return the price, or raise Invalid naming the option."""
    return _number(option, text, price)


def _terms(asked: Asked, ctx: Context) -> list[dict[str, Any]]:
    """The bodies of the rules, but for the position."""
    shared: dict[str, Any] = {"action": _action(asked.sell), "allowImmediate": asked.allow_immediate}
    if asked.expires is not None:
        from tm.cli.when import parse_when

        shared["expiresAt"] = parse_when(asked.expires, ctx.clock())
    if asked.trailing_stop is not None:
        distance = _number("--trailing-stop", asked.trailing_stop, percent)
        start = None if asked.trigger_price is None else asked_price("--trigger-price", asked.trigger_price)
        return [{"ruleType": "TRAILING_STOP", "trailingPercent": distance, "triggerPrice": start, **shared}]
    terms: list[dict[str, Any]] = []
    if asked.stop_loss is not None:
        stop = asked_price("--stop-loss", asked.stop_loss)
        terms.append({"ruleType": "STOP_LOSS", "triggerPrice": stop, **shared})
    if asked.take_profit is not None:
        target = asked_price("--take-profit", asked.take_profit)
        terms.append({"ruleType": "TAKE_PROFIT", "triggerPrice": target, **shared})
    if len(terms) == 2 and terms[0]["triggerPrice"] >= terms[1]["triggerPrice"]:
        raise Invalid(
            f"--stop-loss {asked.stop_loss} is not below --take-profit {asked.take_profit}",
            hint="one of them would fire at once",
        )
    return terms


def _action(text: str) -> dict[str, Any]:
    if text.lower() == "all":
        return {"type": "SELL_ALL"}
    return {"type": "SELL_PARTIAL", "amount": _number("--sell", text, shares, ' or "all"')}


def _position(asked: Asked, ctx: Context) -> tuple[str | None, str | None, str | None]:
    """(market id, token id, label): as given, as cached for a token id, or as Vincent's holdings say."""
    if asked.position is None:
        return asked.market_id, asked.token_id, None
    from tm.service.positions import find_position, refresh
    from tm.store import positions

    cached = positions.get(ctx.conn, asked.position.strip())
    if cached is not None and cached.market_id:
        return cached.market_id, cached.token_id, cached.label
    held = find_position(asked.position, refresh(ctx, tries=3))
    return held.market_id, held.token_id, held.label


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
