"""Vincent's routes, and Polymarket's public POST /books: a request in, an answer out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tm.venue.paper import matching, views
from tm.venue.paper.answers import Answer, bet_failed, failure, invalid, plain, success, unauthorized
from tm.venue.paper.course import course_of
from tm.venue.paper.exchange import Exchange
from tm.venue.paper.faults import Struck
from tm.venue.paper.units import micro
from tm.venue.paper.wallet import ADDRESS, Moment, move, random_hash, shares_of

_BASE = "/api/skills/polymarket"
_ROUTES = [
    ("GET", r"/holdings", "holdings"),
    ("GET", r"/positions|/open-orders", "open_orders"),
    ("GET", r"/trades", "trades"),
    ("GET", r"/markets", "markets"),
    ("GET", r"/market/([^/]+)", "market"),
    ("GET", r"/orderbook/([^/]+)", "book"),
    ("GET", r"/balance", "balance"),
    ("POST", r"/bet", "bet"),
    ("DELETE", r"/orders/([^/]+)", "cancel"),
    ("DELETE", r"/orders", "cancel_all"),
    ("POST", r"/redeem", "redeem"),
]
_OTHER_SKILLS = {
    "/api/skills/evm-wallet/transfer": "transfer",
    "/api/skills/evm-wallet/swap/execute": "swap",
}
BOOKS_PER_CALL = 500
_PRICES = (Decimal("0.001"), Decimal("0.999"))


@dataclass(frozen=True, slots=True)
class Request:
    endpoint: str  # "unknown" where no route fits
    subject: str | None = None  # what the path names: a token, a market, an order
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    key: str | None = None  # the bearer key

    @property
    def token(self) -> str | None:
        """The token that the request is for, where it is for one."""
        if self.endpoint == "book":
            return self.subject
        if self.endpoint != "bet":
            return None
        asked = parsed(self.body)
        token = asked.get("tokenId") if isinstance(asked, dict) else None
        return token if isinstance(token, str) else None


def read_request(method: str, target: str, body: bytes, authorization: str | None) -> Request:
    """Given the parts of an HTTP request, return what it asks for."""
    parts = urlsplit(target)
    endpoint, subject = _endpoint(method, parts.path)
    scheme, _, key = (authorization or "").partition(" ")
    return Request(endpoint, subject, dict(parse_qsl(parts.query)), body, key if scheme == "Bearer" else None)


def _endpoint(method: str, path: str) -> tuple[str, str | None]:
    if method == "POST" and path == "/books":
        return "books", None
    if method == "POST" and path in _OTHER_SKILLS:
        return _OTHER_SKILLS[path], None
    if path.startswith(_BASE):
        for verb, pattern, endpoint in _ROUTES:
            found = re.fullmatch(pattern, path.removeprefix(_BASE)) if verb == method else None
            if found is not None:
                return endpoint, unquote(found[1]) if found.groups() else None
    return "unknown", None


def parsed(body: bytes) -> Any:
    """Given a body, return its JSON, fractions as Decimal; None where it is none."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return None


def answer(exchange: Exchange, request: Request, struck: Struck) -> Answer:
    """Given a request and the faults of its course and view, act on it and return the true answer."""
    with exchange.moment() as m:
        if request.endpoint == "books":
            return _books(m, request, struck)
        if request.key != m.manners.key:
            return unauthorized()
        match request.endpoint:
            case "bet":
                return _bet(m, request, struck)
            case "holdings":
                return success(views.holdings(m, struck.view))
            case "open_orders":
                return success(views.open_orders(m, request.query.get("market"), struck.view))
            case "trades":
                return success(views.trades(m, request.query.get("market"), struck.view))
            case "markets":
                return success(views.markets(m, dict(request.query), struck.view))
            case "balance":
                return success(views.balance(m, struck.view))
            case "market":
                return _found(views.market(m, request.subject or ""), "Market not found")
            case "book":
                shown = views.book(m, request.subject or "", struck.view)
                return _found(shown, "No orderbook exists for the requested token id")
            case "cancel" | "cancel_all":
                return _cancel(m, request.subject)
            case "redeem":
                return _redeem(m, request)
            case "transfer" | "swap":
                return failure(403, "FORBIDDEN", "This API key is not for an EVM_WALLET secret")
            case _:
                return failure(404, "NOT_FOUND", "Route not found")


def _found(data: dict[str, Any] | None, otherwise: str) -> Answer:
    return failure(404, "NOT_FOUND", otherwise) if data is None else success(data)


def _books(m: Moment, request: Request, struck: Struck) -> Answer:
    asked = parsed(request.body)
    if not isinstance(asked, list) or not all(isinstance(entry, dict) for entry in asked):
        return plain({"error": "Invalid payload"}, 400)
    if len(asked) > BOOKS_PER_CALL:
        return plain({"error": "Payload exceeds the limit"}, 400)
    books = (views.book(m, str(entry.get("token_id")), struck.view) for entry in asked)
    return plain([book for book in books if book is not None])


def _bet(m: Moment, request: Request, struck: Struck) -> Answer:
    ticket = _ticket(parsed(request.body))
    if isinstance(ticket, Answer):
        return ticket
    try:
        order_id = matching.place(m, ticket, course_of(struck.course))
    except matching.Refused as reason:
        return bet_failed(str(reason))
    order = matching.order_by_id(m, order_id)
    if order["status"] == "pending_approval":
        why = "Spending policy: this order needs approval"
        return success(
            {"status": "pending_approval", "transactionLogId": order["log_id"], "reason": why}, 202
        )
    done = {
        "status": "executed",
        "orderId": order_id,
        "transactionLogId": order["log_id"],
        "walletAddress": ADDRESS,
        "orderDetails": matching.answer_details(m, order),
    }
    return success(done)


def _ticket(asked: Any) -> matching.Ticket | Answer:
    if not isinstance(asked, dict):
        return invalid(("body", "Expected object"))
    issues: list[tuple[str, str]] = []
    token, side = asked.get("tokenId"), asked.get("side")
    if not isinstance(token, str) or not token:
        issues.append(("tokenId", "Required"))
    if side not in ("BUY", "SELL"):
        issues.append(("side", "Invalid enum value. Expected 'BUY' | 'SELL'"))
    amount: Any = asked.get("amount")
    price: Any = asked.get("price")
    if not _is_number(amount) or not Decimal(0) < amount < Decimal(10**12):
        issues.append(("amount", "Number must be greater than 0"))
    if price is not None and not (_is_number(price) and _PRICES[0] <= price <= _PRICES[1]):
        issues.append(("price", "Number must be between 0.001 and 0.999"))
    if issues:
        return invalid(*issues)
    return matching.Ticket(str(token), str(side), micro(amount), None if price is None else micro(price))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _cancel(m: Moment, order_id: str | None) -> Answer:
    canceled = matching.cancel(m, order_id)
    if order_id is None or canceled:
        return success({"canceled": canceled, "not_canceled": {}})
    return success(
        {"canceled": [], "not_canceled": {order_id: "order can't be found - already canceled or matched"}}
    )


def _redeem(m: Moment, request: Request) -> Answer:
    asked = parsed(request.body) if request.body else {}
    wanted = asked.get("conditionIds") if isinstance(asked, dict) else None
    query = "SELECT token_id, condition_id, winner FROM tokens JOIN markets USING (condition_id)"
    redeemed: list[str] = []
    for token_id, condition_id, winner in m.conn.execute(f"{query} WHERE winner IS NOT NULL").fetchall():
        held = shares_of(m, token_id)
        if held <= 0 or (wanted is not None and condition_id not in wanted):
            continue
        usd = held if winner == token_id else 0  # a winning share pays 1 USD
        move(m, token_id, -held, usd, m.now, m.now + m.manners.holdings_lag)
        redeemed.append(condition_id)
    data: dict[str, Any] = {"walletAddress": ADDRESS, "redeemed": sorted(set(redeemed))}
    if redeemed:
        data["transactionHash"] = random_hash()
    return success(data)
