"""The client of the paper exchange's back door: for the demo, the command line and tests.

Shares, USD and prices are given as Decimal, int or text (never float) and come back as text or Decimal.
Each call is one HTTP request on a connection of its own; a refusal raises PaperError.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tm.times import iso
from tm.venue.paper.course import course_of
from tm.venue.paper.faults import Fault

Amount = Decimal | int | str
Levels = Sequence[tuple[Amount, Amount]]
_TIMEOUT = 30.0  # seconds
DEPTH = 10_000  # shares at a price for which set_book is given no depth


class PaperError(Exception):
    """The paper exchange refused; the text says why."""


class PaperControl:
    """The back door of the exchange at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._netloc = urlsplit(url).netloc

    # ---- markets, holdings, prices

    def create(
        self,
        token: str,
        *,
        condition_id: str | None = None,
        title: str = "Will it happen?",
        outcome: str = "Yes",
        slug: str | None = None,
        end_date: str | None = None,
        shares: Amount | None = None,
        avg_price: Amount = "0.5",
    ) -> str:
        """Make a token (and its market), held with `shares` if given; return its condition id."""
        condition_id = f"0xmarket-{token}" if condition_id is None else condition_id
        slug = "-".join(title.lower().rstrip("?").split()) if slug is None else slug
        values = {"condition_id": condition_id, "title": title, "outcome": outcome, "slug": slug}
        self._call("create", token=token, end_date=end_date, **values)
        if shares is not None:
            self.hold(token, shares, avg_price)
        return condition_id

    def hold(self, token: str, shares: Amount, avg_price: Amount | None = None) -> None:
        """Set how many shares are held, without a trade; it shows at once."""
        self._call("hold", token=token, shares=str(shares), avg_price=_text(avg_price))

    def pay_in(self, usd: Amount) -> None:
        self._call("pay_in", usd=str(usd))

    def set_market(self, condition_id: str, **flags: bool) -> None:
        """Set active, closed or accepting_orders as the market's records show them."""
        self._call("set_market", condition_id=condition_id, flags=flags)

    def resolve(self, condition_id: str, winner: str) -> None:
        """End a market; `winner`: the winning token, or any other text when a token not listed here won."""
        self._call("resolve", condition_id=condition_id, winner=winner)

    def load(self, token: str, source: str | Path, row: int = 0) -> int:
        """Put a series under a token's book, standing at `row`; return its length.

        `source`: the name of a recording, the Path of a CSV file, or CSV text (of more than one line).
        """
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        named = {"name": None, "csv": text} if "\n" in text else {"name": text, "csv": None}
        return int(self._call("load", token=token, row=row, **named))

    def advance(self, token: str, row: int | None = None) -> dict[str, Any]:
        """Show the next row, or row `row` (-1: the last). Return row, last, at, bid, ask ..."""
        return dict(self._call("advance", token=token, row=row))

    def play(self, token: str, *, speed: float = 1.0, row: int = 0) -> None:
        """Let the series run by the exchange's clock, `speed` recorded seconds a second."""
        self._call("play", token=token, speed=speed, row=row)

    def set_book(
        self,
        token: str,
        bid: Amount | None,
        ask: Amount | None,
        bid_depth: Amount = DEPTH,
        ask_depth: Amount = DEPTH,
    ) -> None:
        """Set one level a side; None: that side is empty. It stays until the next change."""
        bids = [] if bid is None else [(bid, bid_depth)]
        self.set_levels(token, bids, [] if ask is None else [(ask, ask_depth)])

    def set_levels(self, token: str, bids: Levels, asks: Levels) -> None:
        """Set a book's levels, (price, shares), in any order."""
        self._call("set_levels", token=token, bids=_levels(bids), asks=_levels(asks))

    def no_book(self, token: str) -> None:
        """Take the token's book away: 404 until it is set or advanced."""
        self._call("set_levels", token=token, bids=None, asks=None)

    # ---- misbehaviour

    def fault(self, *faults: Fault) -> None:
        """Add faults to the script, behind those already there."""
        self._call("add_faults", faults=[asdict(fault) for fault in faults])

    def clear_faults(self, endpoint: str | None = None) -> None:
        """Forget the faults of an endpoint, or all."""
        self._call("clear_faults", endpoint=endpoint)

    def faults(self) -> list[dict[str, Any]]:
        """The faults still to come, with how often each has hit."""
        return list(self._call("faults"))

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change how the exchange behaves (the fields of state.Manners); return all settings."""
        return dict(self._call("settings", values=values))

    # ---- time

    def set_clock(self, at: datetime | None) -> None:
        """Stand still at an instant; None: follow the clock again."""
        self._call("clock", at=None if at is None else iso(at))

    def advance_clock(self, seconds: float) -> None:
        """Stand still `seconds` after the exchange's now."""
        self._call("clock", advance=seconds)

    # ---- the wallet's owner, by hand

    def user_sell(self, token: str, shares: Amount, *faults: Fault) -> dict[str, Any]:
        """Sell at the market; return the order. `faults`: of an order's course, for this one."""
        return self._user(token, "SELL", shares, None, faults)

    def user_buy(self, token: str, usd: Amount, *faults: Fault) -> dict[str, Any]:
        return self._user(token, "BUY", usd, None, faults)

    def user_rest(self, token: str, shares: Amount, price: Amount) -> dict[str, Any]:
        """Rest a limit sell, which locks its shares; return the order."""
        return self._user(token, "SELL", shares, price, ())

    def user_cancel(self, order_id: str | None = None) -> list[str]:
        """Cancel a resting order, or all that the owner placed; return the ids canceled."""
        return list(self._call("user_cancel", order_id=order_id))

    def _user(
        self, token: str, side: str, amount: Amount, price: Amount | None, faults: tuple[Fault, ...]
    ) -> dict[str, Any]:
        course = asdict(course_of(faults))
        values = {"token": token, "side": side, "amount": str(amount), "price": _text(price)}
        return dict(self._call("user_order", course=course, **values))

    def grant(self, order_id: str | None = None) -> dict[str, Any]:
        """Let a human grant an order (None: the only one that waits); it executes now. Return it."""
        return dict(self._call("decide", order_id=order_id, grant=True))

    def deny(self, order_id: str | None = None) -> dict[str, Any]:
        return dict(self._call("decide", order_id=order_id, grant=False))

    # ---- the truth

    def orders(self, *, source: str | None = None, token: str | None = None) -> list[dict[str, Any]]:
        """Every order the exchange ever accepted, oldest first; `source`: "api" or "user".

        Each: id, at, token, side, type (FOK, GTC), amount (shares of a SELL, USD of a BUY), shares, price,
        source, status, reason, resting, filled (rows that FAILED not counted), usd, avg_price,
        fills: [{id, tx, size, price, status, at}]. Status: matched, live, canceled, delayed, unmatched,
        pending_approval, denied, expired, killed (granted or delayed, then not filled).
        """
        return list(self._call("orders", source=source, token=token))

    def sold(self, token: str, *, source: str | None = "api") -> Decimal:
        """The shares of a token that orders really sold by now."""
        orders = self.orders(source=source, token=token)
        return sum((Decimal(order["filled"]) for order in orders if order["side"] == "SELL"), Decimal(0))

    def held(self, token: str) -> Decimal:
        """The shares really held, whatever /holdings shows."""
        return Decimal(self.wallet()["shares"][token])

    def wallet(self) -> dict[str, Any]:
        """What is really held: {"usd": text, "shares": {token: text}}."""
        return dict(self._call("wallet"))

    def tokens(self) -> list[dict[str, Any]]:
        """Every token: {token, market, title, outcome, winner, shares, avg_price, bid, ask, ...}.

        `shares` are those really held; row, last and playing tell of its series, where its book shows one.
        """
        return list(self._call("tokens"))

    def book(self, token: str) -> dict[str, Any] | None:
        """The true book, as the CLOB shows it; None: there is none."""
        found: dict[str, Any] | None = self._call("book", token=token)
        return found

    def requests(self) -> dict[str, Any]:
        """{"counts": {endpoint: n}, "recent": [{endpoint, at, method, path, body, faults, status}]}."""
        return dict(self._call("requests"))

    def count(self, endpoint: str) -> int:
        """How many requests an endpoint was asked since the exchange started."""
        return int(self.requests()["counts"].get(endpoint, 0))

    def _call(self, verb: str, **values: Any) -> Any:
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", f"/paper/{verb}", json.dumps(values), headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise PaperError(f"{verb}: {told['error']}")
        return told["result"]


def _text(amount: Amount | None) -> str | None:
    return None if amount is None else str(amount)


def _levels(levels: Levels) -> list[list[str]]:
    return [[str(price), str(size)] for price, size in levels]
