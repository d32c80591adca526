"""Vincent's and the CLOB's payloads as records.

A row that lacks what is needed makes the whole read nonsense: a row left out, or a value taken for zero,
would look like a sale.

Field names: Vincent's server source, and docs.polymarket.com for books and markets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from tm.market import HOLDINGS_PAGE, Book, Holding, Holdings, Level, OpenOrder, Trade
from tm.numbers import MAX_AMOUNT, PRICE_STEP, parse_decimal
from tm.reply import one_line

_OPAQUE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FINEST = -60  # decimal places: more is not a number that a server computed
_LATEST = Decimal(32_503_680_000)  # the year 3000 in seconds: a later match_time is not in seconds
_PROGRESS = {"MATCHED": 0, "RETRYING": 1, "MINED": 2, "CONFIRMED": 3, "FAILED": 3}  # of a trade; 3: its end

F = TypeVar("F")


class Nonsense(ValueError):
    """A payload that cannot be what it should be. The message says where, and quotes little."""


def _amount(value: object) -> Decimal:
    number = parse_decimal(value)
    if number is None:
        raise ValueError("is not a number")
    if not 0 <= number <= MAX_AMOUNT:
        raise ValueError("is out of range")
    if number.as_tuple().exponent < _FINEST:  # type: ignore[operator]  # finite: parse_decimal says so
        raise ValueError("has too many decimals")
    return number


def _seconds(value: object) -> datetime:
    number = parse_decimal(value)
    if number is None or not 0 < number < _LATEST:
        raise ValueError("is not a time in seconds")
    return datetime.fromtimestamp(float(number), UTC)


def _price(value: object) -> Decimal | None:
    """A price shown beside a holding: nice to have, so that a bad one is None and not the end of the read."""
    number = parse_decimal(value)
    return number if number is not None and 0 <= number <= 1 else None


def _opaque(value: object) -> str:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _OPAQUE.fullmatch(text):
        raise ValueError("is not an id")
    return text


def _upper(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not 0 < len(value) <= 40:
        raise ValueError("is not a word")
    return value.upper()


def _side(value: object) -> str:
    word = _upper(value)
    if word not in ("BUY", "SELL"):
        raise ValueError("is neither BUY nor SELL")
    return word


def _trade_status(value: object) -> str:
    """The exchange spells a status both ways: CONFIRMED and TRADE_STATUS_CONFIRMED."""
    return _upper(value).removeprefix("TRADE_STATUS_")


def _words(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ValueError("is neither true nor false")


def _maybe_id(value: object) -> str | None:
    return one_line(value, 200) if isinstance(value, str) and value else None


class _Row:
    """One object of a payload. What is missing in it, or wrong, is named with its place.

    By hand and not by pydantic: that would cost each tick more than all else it imports, and each of
    ten thousand rows its own.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Nonsense(f"{where} is not an object")
        self._fields = value
        self._where = where

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def rows(self, name: str) -> list[_Row]:
        """A list of objects that may be left out."""
        return _rows(self._fields, name) if self.has(name) else []

    def must(self, name: str, read: Callable[[object], F]) -> F:
        """A field that has to be there."""
        if name not in self._fields:
            raise Nonsense(f"{self._where}.{name} is missing")
        return self.may(name, read)

    def may(self, name: str, read: Callable[[object], F]) -> F:
        """A field that may be left out, which says what null says."""
        try:
            return read(self._fields.get(name))
        except ValueError as problem:
            raise Nonsense(f"{self._where}.{name} {problem}") from None


@dataclass(frozen=True, slots=True)
class Balance:
    """What the wallet holds, in USD."""

    wallet_address: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class MarketToken:
    """One outcome of a market."""

    token_id: str
    outcome: str
    price: Decimal | None
    winner: bool


@dataclass(frozen=True, slots=True)
class Market:
    """`accepting_orders`, and not `end_date`, says whether it trades: many trade past their end date."""

    condition_id: str
    question: str
    active: bool
    closed: bool
    accepting_orders: bool
    tokens: tuple[MarketToken, ...]


def holdings(data: Any) -> Holdings:
    """Given the data of GET /holdings, return what is held, by token. Raise Nonsense."""
    found = [
        Holding(
            token_id=row.must("tokenId", _opaque),
            market_id=row.must("conditionId", _opaque),
            shares=row.must("shares", _amount),
            avg_entry_price=row.may("averageEntryPrice", _price),
            current_price=row.may("currentPrice", _price),
            title=row.may("marketTitle", _words),
            outcome=row.may("outcome", _words),
            redeemable=row.may("redeemable", _flag),
        )
        for row in _rows(data, "holdings")
    ]
    by_token = {row.token_id: row for row in found}
    if len(by_token) != len(found):
        raise Nonsense("one token is listed twice")
    return Holdings(by_token, page_full=len(found) >= HOLDINGS_PAGE)


def trades(data: Any) -> tuple[Trade, ...]:
    """Given the data of GET /trades, return the wallet's trades, each once. Raise Nonsense.

    A row that is repeated with a later status (pages that overlap, read while it settled) counts with that.
    """
    by_id: dict[str, Trade] = {}
    for trade in (trade for row in _rows(data, "trades") for trade in _own_trades(row)):
        by_id[trade.id] = _later(by_id.get(trade.id, trade), trade)
    return tuple(by_id.values())


def _own_trades(row: _Row) -> list[Trade]:
    """Given a row, return what the wallet itself traded in it.

    A row tells of the taker. Where the wallet was a maker (`trader_side`) order, side and size are those of
    a stranger, and its own stand in `maker_orders` (docs.polymarket.com, "Get trades").
    """
    taken = Trade(
        id=row.must("id", _opaque),
        order_id=row.must("taker_order_id", _opaque),
        token_id=row.must("asset_id", _opaque),
        side=row.must("side", _side),
        size=row.must("size", _amount),
        price=row.must("price", _amount),
        status=row.must("status", _trade_status),
        matched_at=row.must("match_time", _seconds),
        tx_hash=row.may("transaction_hash", _maybe_id),
    )
    if row.may("trader_side", _words).upper() != "MAKER":
        return [taken]
    mine = {row.may("owner", _maybe_id), (row.may("maker_address", _maybe_id) or "").lower()} - {None, ""}
    return [
        _made(taken, leg)
        for leg in row.rows("maker_orders")
        if mine & {leg.may("owner", _maybe_id), (leg.may("maker_address", _maybe_id) or "").lower()}
    ]


def _made(taken: Trade, leg: _Row) -> Trade:
    """Given a taker's trade and the wallet's own order in it, return the trade of the wallet."""
    order_id, token_id = leg.must("order_id", _opaque), leg.must("asset_id", _opaque)
    # Against the other outcome's token both sides are the same: shares are made, or melted down, in pairs.
    opposite = {"BUY": "SELL", "SELL": "BUY"}[taken.side] if token_id == taken.token_id else taken.side
    return replace(
        taken,
        id=f"{taken.id}:{order_id}",
        order_id=order_id,
        token_id=token_id,
        side=leg.must("side", _side) if leg.has("side") else opposite,
        size=leg.must("matched_amount", _amount),
        price=leg.must("price", _amount),
    )


def _later(one: Trade, other: Trade) -> Trade:
    """Given two rows of one trade, return the one that has got further. Raise Nonsense if they contradict."""
    if replace(other, status=one.status, tx_hash=one.tx_hash) == one:
        if one.status == other.status:
            return other if one.tx_hash is None else one
        first, second = _PROGRESS.get(one.status, -1), _PROGRESS.get(other.status, -1)
        if first != second:
            return one if first > second else other
    raise Nonsense("one id has two different rows")


def open_orders(data: Any) -> tuple[OpenOrder, ...]:
    """Given the data of GET /open-orders, return the shares that still rest. Raise Nonsense."""
    found = []
    for row in _rows(data, "openOrders"):
        size, matched = row.must("original_size", _amount), row.must("size_matched", _amount)
        if matched > size:
            raise Nonsense("an order is matched for more than its size")
        ids = row.must("id", _opaque), row.must("asset_id", _opaque)
        found.append(OpenOrder(*ids, row.must("side", _side), size - matched))
    by_id = {row.id: row for row in found}
    if any(by_id[row.id] != row for row in found):  # pages that overlap may repeat a row, but not differ
        raise Nonsense("one id has two different rows")
    return tuple(by_id.values())


def balance(data: Any) -> Balance:
    """Given the data of GET /balance, return the wallet and its USD. Raise Nonsense."""
    collateral = _Row(_member(data, "collateral", dict), "collateral")
    return Balance(_words(data.get("walletAddress")), collateral.must("balance", _amount))


def market(data: Any) -> Market:
    """Given the data of GET /market/:conditionId, return the market. Raise Nonsense."""
    body = _member(data, "market", dict)
    row = _Row(body, "market")
    return Market(
        condition_id=row.must("condition_id", _opaque),
        question=row.may("question", _words),
        active=row.must("active", _flag),
        closed=row.must("closed", _flag),
        accepting_orders=row.must("accepting_orders", _flag),
        tokens=tuple(
            MarketToken(
                token_id=token.must("token_id", _opaque),
                outcome=token.may("outcome", _words),
                price=token.may("price", _price),
                winner=token.may("winner", _flag),
            )
            for token in _rows(body, "tokens")
        ),
    )


def book(data: Any, token_id: str, fetched_at: datetime) -> Book:
    """Given a CLOB book, return it. Raise Nonsense, also where it is the book of another token."""
    if not isinstance(data, dict) or data.get("asset_id") != token_id:
        raise Nonsense("it is not the book of the token that was asked for")
    bids, asks = _levels(data, "bids"), _levels(data, "asks")
    return Book(token_id, bids, asks, fetched_at, _tick_size(data.get("tick_size")))


def _tick_size(value: Any) -> Decimal | None:
    """A tick size in USD, 0.0001 to 0.1. One that is none is left out: no decision hangs on it."""
    number = parse_decimal(value)
    return number if number is not None and PRICE_STEP <= number <= Decimal("0.1") else None


def _levels(data: dict[str, Any], side: str) -> tuple[Level, ...]:
    """One side of a book, best anywhere. An offer of nothing, or at a price that is none, is left out."""
    if side not in data:
        raise Nonsense(f"{side} is missing")
    found = []
    levels = [] if data[side] is None else data[side]  # null is how some servers write an empty list
    if not isinstance(levels, list):
        raise Nonsense(f"{side} is not a list")
    for level in levels:
        try:
            price, size = parse_decimal(level["price"]), parse_decimal(level["size"])
        except (KeyError, TypeError):
            price = size = None
        if price is None or size is None:
            raise Nonsense(f"a level of {side} lacks a price or a size")
        if 0 < price < 1 and size > 0:
            found.append(Level(price, min(size, MAX_AMOUNT)))
    return tuple(found)


def _member(data: Any, name: str, kind: type) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise Nonsense(f"{name} is missing")
    return value


def _rows(data: Any, name: str) -> list[_Row]:
    return [_Row(row, f"{name}[{number}]") for number, row in enumerate(_member(data, name, list))]
