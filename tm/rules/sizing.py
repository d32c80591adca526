"""How many shares an order carries, and below which price it must not sell.

Sent is a market FOK of exactly this size: whole or not at all. Vincent has no limit FOK, so the floor
holds against the book as it was read a moment before.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from tm.model import Action, ActionType, RuleType
from tm.numbers import PRICE_STEP, canonical, floor_shares, is_dust
from tm.rules.quote import Quote

BALANCE_STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Size:
    """What to send: shares (2 decimals), and the price per share in USD that no part may sell below."""

    shares: Decimal
    floor_price: Decimal
    complete: bool  # with these sold nothing of the promise is left, or only dust
    dust: bool  # less than 5 shares or 1 USD, and all that there is to sell


@dataclass(frozen=True, slots=True)
class NoSize:
    """Why nothing is to be sent now: a stable word, and one line for people."""

    reason: str
    text: str


def promise(action: Action, held: Decimal | None) -> Decimal | None:
    """Given an action and the shares held when it was triggered, return the shares it promises to sell.

    None: SELL_ALL of a position whose size is unknown, or an action that sells nothing.
    """
    if action.type is ActionType.SELL_PARTIAL:
        return action.amount
    return held if action.type is ActionType.SELL_ALL else None


def floor_price(
    best_bid: Decimal,
    rule_type: RuleType | None,
    trigger_price: Decimal | None,
    max_slippage_percent: Decimal,
) -> Decimal:
    """Given the best bid, return the lowest price (USD per share) that an order may reach into the book.

    For a TAKE_PROFIT never below its trigger. Rounded up to the finest tick, which no bid lies between.
    """
    lowest = best_bid * (1 - max_slippage_percent / 100)
    if rule_type is RuleType.TAKE_PROFIT and trigger_price is not None:
        lowest = max(lowest, trigger_price)
    return lowest.quantize(PRICE_STEP, rounding=ROUND_UP)


def believed(held: Decimal | None, refusals: int) -> Decimal | None:
    """Given the shares that holdings show, return those to believe in after orders refused for balance.

    Fees may have left slightly less than is shown; or it is only not settled yet. So after an odd number of
    refusals in a row 1 % less is tried than the time before, and after an even number all of it again.
    """
    if held is None or refusals % 2 == 0:
        return held
    return held * (1 - BALANCE_STEP * ((refusals + 1) // 2))


def depth(quote: Quote, floor: Decimal) -> Decimal:
    """Given a quote, return the shares bid for at the floor or above."""
    return sum((level.size for level in quote.bids if level.price >= floor), Decimal(0))


def size_order(
    *,
    action: Action,
    promised_left: Decimal | None,
    held: Decimal | None,
    own_open_sells: Decimal,
    quote: Quote,
    rule_type: RuleType | None,
    trigger_price: Decimal | None,
    max_slippage_percent: Decimal,
) -> Size | NoSize:
    """Given what was promised and what can be seen, return what to send now, or why nothing.

    `promised_left`: shares, None before the first attempt. `held`: shares, None where a full page of
    holdings may hide the token, 0 where it is not held. `own_open_sells`: shares that resting orders of
    the user's own lock. The rule's type and trigger are None for an alert.
    """
    if held is None and action.type is not ActionType.SELL_PARTIAL:
        return NoSize(
            "holdings_unknown", "a full page of holdings does not show the position: its size is unknown"
        )
    if held is not None and floor_shares(held) <= 0:
        return NoSize("not_held", "holdings do not show the position")
    asked = promise(action, held) if promised_left is None else promised_left
    if asked is None or floor_shares(asked) <= 0:
        return NoSize("nothing_left", "nothing is left to sell of what was promised")
    if quote.best_bid is None:
        return NoSize("no_bid", "nobody bids")
    sellable = _sellable(floor_shares(asked), held, own_open_sells, quote.best_bid)
    if isinstance(sellable, NoSize):
        return sellable
    floor = floor_price(quote.best_bid, rule_type, trigger_price, max_slippage_percent)
    return _within_depth(floor_shares(asked), sellable, quote, quote.best_bid, floor)


def _sellable(asked: Decimal, held: Decimal | None, locked: Decimal, best_bid: Decimal) -> Decimal | NoSize:
    """Given shares asked for, return those that can be sold: what is held and not locked."""
    if held is None:
        return asked
    free = floor_shares(held - max(locked, Decimal(0)))
    if free < min(asked, floor_shares(held)) and is_dust(free, best_bid):
        text = f"your own resting sell orders lock {canonical(locked)} of {canonical(held)} shares"
        return NoSize("locked_by_own_orders", text)
    return min(asked, free)


def _within_depth(
    asked: Decimal, sellable: Decimal, quote: Quote, best_bid: Decimal, floor: Decimal
) -> Size | NoSize:
    """Given shares that can be sold, limit them to what is bid for at the floor or above."""
    available = floor_shares(depth(quote, floor))
    shares = min(sellable, available)
    dust = is_dust(shares, best_bid)
    if shares < sellable and dust:
        text = (
            f"only {canonical(available)} shares are bid for at {canonical(floor)} or above, "
            f"{canonical(sellable)} are to be sold"
        )
        return NoSize("thin_book", text)
    left = asked - shares
    return Size(shares, floor, complete=left <= 0 or is_dust(left, best_bid), dust=dust)
