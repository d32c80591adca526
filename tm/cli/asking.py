"""What `tm rule add` was asked for, as the rules that the service knows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.cli.levels import NO_LEVEL, Level, asked_level, asked_level_and_part, asked_part, asked_trail
from tm.errors import Invalid
from tm.model import Action, RuleType
from tm.service.body import parse_json, shown
from tm.service.terms import Terms, opaque_id

if TYPE_CHECKING:
    from tm.service.context import Context

_LARGEST_BODY = 65536  # characters


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line of `tm rule add`, as it was typed."""

    position: str | None
    stop_loss: list[str]
    take_profit: list[str]
    trailing_stop: str | None
    trigger_price: str | None
    activate_at: str | None
    market_id: str | None
    token_id: str | None
    sell: str
    expires: str | None
    allow_immediate: bool
    from_json: str | None

    def check(self) -> None:
        """Raise Invalid where options contradict each other, before anything is opened or read."""
        fixed = bool(self.stop_loss or self.take_profit)
        given = fixed or self.trailing_stop is not None
        if self.from_json is not None:
            others = (
                self.position, self.market_id, self.token_id, self.expires,
                self.trigger_price, self.activate_at,
            )  # fmt: skip
            if given or any(other is not None for other in others) or self.sell != "all":
                raise _usage("--from-json holds the whole rule: give no POSITION and no other option of it")
            return
        check_levels(
            self.stop_loss, self.take_profit, self.trailing_stop, self.trigger_price, self.activate_at
        )
        if self.position is not None and (self.market_id is not None or self.token_id is not None):
            raise _usage("give POSITION, or --market-id and --token-id, not both")
        if self.position is None and (self.market_id is None or self.token_id is None):
            raise _usage('which position? words such as "trump yes", or --market-id and --token-id')


@dataclass(frozen=True, slots=True)
class Trigger:
    """One rule's levels, before it is known what they are levels of."""

    rule_type: RuleType
    level: Level = NO_LEVEL
    trailing_percent: Decimal | None = None
    trailing_amount: Decimal | None = None
    activation: Level = NO_LEVEL

    def terms(
        self,
        market_id: str,
        token_id: str,
        action: Action,
        expires_at: datetime | None = None,
        allow_immediate: bool = False,
    ) -> Terms:
        return Terms(
            rule_type=self.rule_type,
            market_id=market_id,
            token_id=token_id,
            trigger_price=self.level.price,
            trailing_percent=self.trailing_percent,
            action=self.level.action or action,
            expires_at=expires_at,
            allow_immediate=allow_immediate,
            trigger_percent=self.level.percent,
            trailing_amount=self.trailing_amount,
            activation_price=self.activation.price,
            activation_percent=self.activation.percent,
        )


def check_levels(
    stops: list[str], targets: list[str], trail: str | None, start: str | None, activate_at: str | None
) -> None:
    """Raise Invalid where no level is asked for, or levels that do not go together."""
    if not stops and not targets and trail is None:
        raise _usage("what is it to do? give --stop-loss, --take-profit or --trailing-stop")
    if trail is not None and (stops or targets):
        raise _usage("--trailing-stop stands alone: add a --take-profit as a rule of its own")
    if start is not None and trail is None:
        raise _usage("--trigger-price belongs to --trailing-stop; a stop's price follows --stop-loss")
    if activate_at is not None and trail is None:
        raise _usage("--activate-at belongs to --trailing-stop")


def asked_triggers(
    stops: list[str], targets: list[str], trail: str | None, start: str | None, activate_at: str | None
) -> list[Trigger]:
    """Given what was typed for the levels, return each rule's."""
    if trail is not None:
        percent, amount = asked_trail("--trailing-stop", trail)
        first = NO_LEVEL if start is None else asked_level("--trigger-price", start)
        wake = NO_LEVEL if activate_at is None else asked_level("--activate-at", activate_at)
        return [Trigger(RuleType.TRAILING_STOP, first, percent, amount, wake)]
    return [
        *(Trigger(RuleType.STOP_LOSS, asked_level_and_part("--stop-loss", text)) for text in stops),
        *(Trigger(RuleType.TAKE_PROFIT, asked_level_and_part("--take-profit", text)) for text in targets),
    ]


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
    triggers = asked_triggers(
        asked.stop_loss, asked.take_profit, asked.trailing_stop, asked.trigger_price, asked.activate_at
    )
    action = asked_part("--sell", asked.sell)
    expires_at = _expiry(asked, ctx)
    checked = [each.terms("m", "t", action) for each in triggers]
    by_percent = any(new.needs_entry or new.action.percent is not None for new in checked)
    if all(new.trigger_price is not None for new in checked):
        from tm.service.levels import check_together

        check_together(checked, None)
    market_id, token_id, label = _position(asked, ctx, by_percent=by_percent)
    return [
        each.terms(market_id, token_id, action, expires_at, asked.allow_immediate) for each in triggers
    ], label


def _expiry(asked: Asked, ctx: Context) -> datetime | None:
    if asked.expires is None:
        return None
    from tm.cli.when import parse_when

    return parse_when(asked.expires, ctx.clock())


def _position(asked: Asked, ctx: Context, *, by_percent: bool) -> tuple[str, str, str | None]:
    """(market id, token id, label): as given, as cached for a token id, or as Vincent's holdings say.

    `by_percent`: what was paid and what is held count, so holdings are read now.
    """
    if asked.market_id is not None and asked.token_id is not None:
        return _id("--market-id", asked.market_id), _id("--token-id", asked.token_id), None
    from tm.service.positions import find_position, refresh, refresh_quote
    from tm.store import positions

    words = asked.position or ""
    cached = positions.get(ctx.conn, words.strip())
    if cached is not None and cached.market_id and not by_percent:
        return cached.market_id, cached.token_id, cached.label
    held = find_position(words, refresh(ctx, tries=3))
    refresh_quote(ctx, held.token_id)  # so that a level on the wrong side of the bid is noticed
    return held.market_id, held.token_id, held.label


def _id(option: str, text: str) -> str:
    try:
        return opaque_id(text)
    except ValueError as problem:
        raise Invalid(f"{option}: {shown(text)}: {problem}") from None


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
