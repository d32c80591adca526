"""Vincent's and the CLOB's payloads as records.

A row that lacks what is needed makes the whole read nonsense: a row left out, or a value taken for zero,
would look like a sale.

Field names: Vincent's server source, and docs.polymarket.com for books and markets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tm.model import HOLDINGS_PAGE, Book, Holding, Holdings, Level, OpenOrder, Trade
from tm.numbers import MAX_AMOUNT, parse_decimal
from tm.reply import one_line

_OPAQUE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FINEST = -60  # decimal places: more is not a number that a server computed
_LATEST = Decimal(32_503_680_000)  # the year 3000 in seconds: a later match_time is not in seconds

T = TypeVar("T", Trade, OpenOrder)
M = TypeVar("M", bound=BaseModel)


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


def _words(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ValueError("is neither true nor false")


def _maybe_id(value: object) -> str | None:
    return one_line(value, 200) if isinstance(value, str) and value else None


Amount = Annotated[Decimal, BeforeValidator(_amount)]
MaybePrice = Annotated[Decimal | None, BeforeValidator(_price)]
Opaque = Annotated[str, BeforeValidator(_opaque)]
Instant = Annotated[datetime, BeforeValidator(_seconds)]
Word = Annotated[str, BeforeValidator(_upper)]
Side = Annotated[str, BeforeValidator(_side)]
Words = Annotated[str, BeforeValidator(_words)]
Flag = Annotated[bool, BeforeValidator(_flag)]
MaybeId = Annotated[str | None, BeforeValidator(_maybe_id)]


class _HoldingRow(BaseModel):
    token_id: Opaque = Field(alias="tokenId")
    condition_id: Opaque = Field(alias="conditionId")
    shares: Amount
    average_entry_price: MaybePrice = Field(None, alias="averageEntryPrice")
    current_price: MaybePrice = Field(None, alias="currentPrice")
    market_title: Words = Field("", alias="marketTitle")
    outcome: Words = ""
    redeemable: Flag = False


class _TradeRow(BaseModel):
    id: Opaque
    taker_order_id: Opaque
    asset_id: Opaque
    side: Side
    size: Amount
    price: Amount
    status: Word
    match_time: Instant
    transaction_hash: MaybeId = None


class _OrderRow(BaseModel):
    id: Opaque
    asset_id: Opaque
    side: Side
    original_size: Amount
    size_matched: Amount


class _Collateral(BaseModel):
    balance: Amount


class _TokenRow(BaseModel):
    token_id: Opaque
    outcome: Words = ""
    price: MaybePrice = None
    winner: Flag = False


class _MarketBody(BaseModel):
    condition_id: Opaque
    question: Words = ""
    active: Flag
    closed: Flag
    accepting_orders: Flag
    tokens: list[_TokenRow]


@dataclass(frozen=True, slots=True)
class Balance:
    wallet_address: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class MarketToken:
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
    rows = _rows(_HoldingRow, data, "holdings")
    found = [
        Holding(
            token_id=row.token_id,
            market_id=row.condition_id,
            shares=row.shares,
            avg_entry_price=row.average_entry_price,
            current_price=row.current_price,
            title=row.market_title,
            outcome=row.outcome,
            redeemable=row.redeemable,
        )
        for row in rows
    ]
    by_token = {row.token_id: row for row in found}
    if len(by_token) != len(found):
        raise Nonsense("one token is listed twice")
    return Holdings(by_token, page_full=len(found) >= HOLDINGS_PAGE)


def trades(data: Any) -> tuple[Trade, ...]:
    """Given the data of GET /trades, return each trade once, in the order of the answer. Raise Nonsense."""
    found = [
        Trade(
            id=row.id,
            order_id=row.taker_order_id,
            token_id=row.asset_id,
            side=row.side,
            size=row.size,
            price=row.price,
            status=row.status,
            matched_at=row.match_time,
            tx_hash=row.transaction_hash,
        )
        for row in _rows(_TradeRow, data, "trades")
    ]
    return _each_once(found)


def open_orders(data: Any) -> tuple[OpenOrder, ...]:
    """Given the data of GET /open-orders, return the shares that still rest. Raise Nonsense."""
    found = []
    for row in _rows(_OrderRow, data, "openOrders"):
        if row.size_matched > row.original_size:
            raise Nonsense("an order is matched for more than its size")
        remaining = row.original_size - row.size_matched
        found.append(OpenOrder(row.id, row.asset_id, row.side, remaining))
    return _each_once(found)


def balance(data: Any) -> Balance:
    """Given the data of GET /balance, return the wallet and its USD. Raise Nonsense."""
    collateral = _validated(_Collateral, _member(data, "collateral", dict), "collateral")
    return Balance(_words(data.get("walletAddress")), collateral.balance)


def market(data: Any) -> Market:
    """Given the data of GET /market/:conditionId, return the market. Raise Nonsense."""
    body = _validated(_MarketBody, _member(data, "market", dict), "market")
    tokens = tuple(MarketToken(t.token_id, t.outcome, t.price, t.winner) for t in body.tokens)
    return Market(body.condition_id, body.question, body.active, body.closed, body.accepting_orders, tokens)


def book(data: Any, token_id: str, fetched_at: datetime) -> Book:
    """Given a CLOB book, return it. Raise Nonsense, also where it is the book of another token.

    No pydantic here: a tick may read thousands of levels.
    """
    if not isinstance(data, dict) or data.get("asset_id") != token_id:
        raise Nonsense("it is not the book of the token that was asked for")
    return Book(token_id, _levels(data, "bids"), _levels(data, "asks"), fetched_at)


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


def _each_once(found: list[T]) -> tuple[T, ...]:
    """Pages that overlap repeat a row; two rows that disagree are a list read while it changed."""
    by_id = {row.id: row for row in found}
    if any(by_id[row.id] != row for row in found):
        raise Nonsense("one id has two different rows")
    return tuple(by_id.values())


def _member(data: Any, name: str, kind: type) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise Nonsense(f"{name} is missing")
    return value


def _rows(model: type[M], data: Any, name: str) -> list[M]:
    rows: Iterable[Any] = _member(data, name, list)
    return [_validated(model, row, f"{name}[{number}]") for number, row in enumerate(rows)]


def _validated(model: type[M], value: Any, where: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as trouble:
        first = trouble.errors(include_url=False, include_input=False)[0]
        path = ".".join([where, *(str(part) for part in first["loc"])])
        raise Nonsense(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
