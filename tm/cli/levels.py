"""How levels and parts are spelled on the command line.

| spelled | means |
|---|---|
| `0.42` | a price, USD per share |
| `-20%`, `+50%` | so far below or above the average that was paid; the sign is never left out |
| `0.70:50%`, `+50%:100`, `0.85:all` | a level, and what it sells |
| `8%`, and `8`: any bare number from 1 on | a trail of 8 % below the highest best bid |
| `0.05`: a bare number below 1 | a trail of 0.05 USD (5 cents) below it; half a percent is `0.5%` |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tm.errors import Invalid
from tm.model import Action, ActionType
from tm.numbers import parse_decimal
from tm.service.body import shown
from tm.service.terms import SELL_ALL, entry_percent, part_percent, percent, price, shares

SIGN_HINT = "a percentage of what was paid has a sign: -20% is below it, +50% above"


@dataclass(frozen=True, slots=True)
class Level:
    """Where a rule fires: a price in USD per share, or a signed percentage of the entry."""

    price: Decimal | None = None
    percent: Decimal | None = None
    action: Action | None = None  # what it sells, where that was said with it


NO_LEVEL = Level()


def asked_price(option: str, text: str) -> Decimal:
    """Given an option's text, return the price, or raise Invalid naming the option."""
    return _read(option, text, text, price)


def asked_level(option: str, text: str) -> Level:
    """Given "0.42", "-20%" or "+50%", return the level."""
    plain = _plain(text)
    if not plain.endswith("%"):
        if plain[:1] in ("-", "+"):
            said = "must be a price, which has no sign, or a percentage, which ends with %"
            raise Invalid(f"{option}: {shown(text)}: {said}", hint=SIGN_HINT)
        return Level(price=_read(option, text, plain, price))
    number = plain[:-1].strip()
    if number[:1] not in ("-", "+"):
        raise Invalid(f"{option}: {shown(text)}: below what was paid, or above?", hint=SIGN_HINT)
    return Level(percent=_read(option, text, number, entry_percent))


def asked_level_and_part(option: str, text: str) -> Level:
    """Given a level, or a level and what it sells ("0.70:50%"), return both."""
    where, colon, part = text.partition(":")
    level = asked_level(option, where)
    return Level(level.price, level.percent, asked_part(option, part) if colon else None)


def asked_part(option: str, text: str) -> Action:
    """Given "all", "50%" or shares, return what to sell."""
    plain = _plain(text)
    if plain.lower() == "all":
        return SELL_ALL
    if plain.endswith("%"):
        part = _read(option, text, plain[:-1].strip(), part_percent)
        return Action(ActionType.SELL_PARTIAL, percent=part)
    amount = _read(option, text, plain, shares, ' or "all", or a percentage')
    return Action(ActionType.SELL_PARTIAL, amount)


def asked_trail(option: str, text: str) -> tuple[Decimal | None, Decimal | None]:
    """Given "8%", "8" or "0.05", return (percent, None), or (None, USD per share)."""
    plain = _plain(text)
    if plain.endswith("%"):
        return _read(option, text, plain[:-1].strip(), percent), None
    number = parse_decimal(plain)
    if number is not None and 0 < number < 1:
        return None, _read(option, text, plain, price)
    also = ", or an amount below 1 (USD per share)"
    return _read(option, text, plain, percent, also), None


def _plain(text: str) -> str:
    return text.strip().replace("\N{MINUS SIGN}", "-")  # as word processors and chats write it


def _read(
    option: str,
    text: str,
    number: str,
    read: Callable[[object], Decimal],
    also: str = "",
) -> Decimal:
    try:
        return read(number)
    except ValueError as problem:
        raise Invalid(f"{option}: {shown(text)}: {problem}{also}") from None
