"""Vincent, the service that holds the wallet: reads, and the one call that spends.

A read is bounded, tried at most three times, and raises what the venue's trouble means. An order is sent
once, over a connection of its own, and never raises for the venue's trouble: its answer is classified.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from tm import errors
from tm.market import Answer, Book, Holdings, OpenOrder, Trade
from tm.numbers import canonical, floor_shares
from tm.points import point
from tm.reply import NoReply, Reply
from tm.times import Clock, utc_now
from tm.venue import answers
from tm.venue.patience import patiently
from tm.venue.reads import Read

if TYPE_CHECKING:
    from tm.transport import Line
    from tm.venue.payloads import Balance, Market

T = TypeVar("T")

_SKILL = "/api/skills/polymarket"
_READ_SECONDS = 10.0  # one try, from connecting to the last byte
_ORDER_SECONDS = 30.0  # the answer to an order; Vincent waits for the exchange
_READ_CAP = 8 * 2**20  # bytes
_ORDER_CAP = 2**20


class Vincent:
    """Given its base URL and key, speak with Vincent. Raise ConfigError or CredentialsError if unusable.

    `permit` is called with the name of the call before each try of a read; what it raises ends the read.
    Threads may share one; close() it.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        clock: Clock = utc_now,
        permit: Callable[[str], None] | None = None,
    ) -> None:
        from tm.transport import Line, bearer, checked_url

        try:
            self._base = checked_url(base_url).rstrip("/")
        except ValueError as trouble:
            raise errors.ConfigError(
                f"vincentApiUrl {trouble}",
                hint="for example https://heyvincent.ai; the key goes to vincentApiKey",
            ) from None
        try:
            authorization = bearer(key)
        except ValueError as trouble:
            raise errors.CredentialsError(
                f"the Vincent key {trouble}",
                hint="it looks like ssk_...; was it pasted with a line break or quotes?",
            ) from None
        self._headers = {**authorization, "Accept": "application/json", "Cache-Control": "no-cache"}
        self._new_line: Callable[[], Line] = lambda: Line(secret=key)
        self._line = self._new_line()
        self._clock = clock
        self._permit = permit

    def __repr__(self) -> str:
        return f"Vincent({self._base!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    # Reads. `timeout` bounds one try, `deadline` (of time.monotonic()) all tries and waits, in seconds.

    def holdings(
        self, *, tries: int = 3, timeout: float = _READ_SECONDS, deadline: float | None = None
    ) -> Read[Holdings]:
        from tm.venue import payloads

        return self._read("holdings", "/holdings", payloads.holdings, tries, timeout, deadline)

    def trades(
        self, *, tries: int = 3, timeout: float = _READ_SECONDS, deadline: float | None = None
    ) -> Read[tuple[Trade, ...]]:
        from tm.venue import payloads

        return self._read("trades", "/trades", payloads.trades, tries, timeout, deadline)

    def open_orders(
        self, *, tries: int = 3, timeout: float = _READ_SECONDS, deadline: float | None = None
    ) -> Read[tuple[OpenOrder, ...]]:
        from tm.venue import payloads

        return self._read("open_orders", "/open-orders", payloads.open_orders, tries, timeout, deadline)

    def book(
        self, token_id: str, *, tries: int = 3, timeout: float = _READ_SECONDS, deadline: float | None = None
    ) -> Read[Book]:
        """Given a token, return its book. Raise NotFound where the exchange has none for it."""
        from tm.venue import payloads

        path = f"/orderbook/{quote(token_id, safe='')}"
        return self._read(
            "book", path, lambda data: payloads.book(data, token_id, self._clock()), tries, timeout, deadline
        )

    def balance(
        self, *, tries: int = 3, timeout: float = _READ_SECONDS, deadline: float | None = None
    ) -> Read[Balance]:
        from tm.venue import payloads

        return self._read("balance", "/balance", payloads.balance, tries, timeout, deadline)

    def market(
        self,
        condition_id: str,
        *,
        tries: int = 3,
        timeout: float = _READ_SECONDS,
        deadline: float | None = None,
    ) -> Read[Market]:
        from tm.venue import payloads

        path = f"/market/{quote(condition_id, safe='')}"
        return self._read("market", path, payloads.market, tries, timeout, deadline)

    # What changes something: once, on a fresh connection.

    def sell(self, token_id: str, shares: Decimal) -> Answer:
        """Given a token and shares (two decimals), send one market sell (FOK) and classify its answer.

        Never raises for the venue's trouble. Raise Invalid, before anything is sent, for a size that no
        order can carry.
        """
        if not shares.is_finite() or shares <= 0 or shares != floor_shares(shares):
            raise errors.Invalid(f"no order can carry {shares} shares: above 0, with at most 2 decimals")
        # Written by hand, so that the amount is the Decimal's own digits and never a float's.
        body = f'{{"tokenId": {json.dumps(token_id)}, "side": "SELL", "amount": {canonical(shares)}}}'
        return answers.bet_answer(self._spend("bet", "/bet", body), shares, self._clock())

    def redeem(self, condition_id: str) -> Answer:
        """Given a resolved market, redeem its shares, once; the outcome `matched` means redeemed."""
        body = json.dumps({"conditionIds": [condition_id]})
        return answers.redeem_answer(self._spend("redeem", "/redeem", body), self._clock())

    def cancel_order(self, order_id: str) -> None:
        """Given an order of ours that rests, cancel it.

        Raise Conflict if the exchange does not cancel it, and what a read raises for the venue's trouble.
        """
        path = f"/orders/{quote(order_id, safe='')}"
        asked = f"Vincent at {self._base}: DELETE {path}"
        reply = self._once("cancel", "DELETE", path, None, _READ_SECONDS)
        if isinstance(reply, NoReply):
            raise _unreachable(asked, reply)
        refused = answers.refused_cancel(answers.data_of(reply, asked, self._clock()), order_id)
        if refused is not None:
            raise errors.Conflict(f"the exchange did not cancel order {order_id}: {refused}")

    def _spend(self, call: str, path: str, body: str) -> Reply | NoReply:
        return self._once(call, "POST", path, body, _ORDER_SECONDS)

    def _once(self, call: str, method: str, path: str, body: str | None, seconds: float) -> Reply | NoReply:
        """Given a request that changes something, make it once on a connection of its own."""
        from tm.transport import CONNECT_SECONDS

        headers = {**self._headers, "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        reply: Reply | NoReply
        point(f"vincent.{call}.before")
        try:
            with self._new_line() as line:
                reply = line.send(
                    method,
                    self._base + _SKILL + path,
                    headers=headers,
                    body=body,
                    read=seconds,
                    total=seconds + CONNECT_SECONDS,
                    cap=_ORDER_CAP,
                )
        except Exception as trouble:
            # Whatever broke, an order may have left: that is `unknown`, and not a crash.
            reply = NoReply(f"the exchange of messages broke ({type(trouble).__name__})")
        point(f"vincent.{call}.after")
        return reply

    def _read(
        self,
        call: str,
        path: str,
        understand: Callable[[Any], T],
        tries: int,
        timeout: float,
        deadline: float | None,
    ) -> Read[T]:
        from tm.venue.payloads import Nonsense

        asked = f"Vincent at {self._base}: GET {path}"

        def ask() -> tuple[Any, Reply]:
            reply = self._get(call, path, asked, timeout, deadline)
            return answers.data_of(reply, asked, self._clock()), reply

        data, reply = patiently(ask, tries=tries, deadline=deadline)
        try:
            return Read(understand(data), venue_at=reply.date, at=self._clock())
        except Nonsense as trouble:
            raise errors.Unreachable(
                f"{asked} gave an answer that did not make sense: {trouble}",
                hint="nothing is decided on it; it is asked again by itself",
            ) from None

    def _get(self, call: str, path: str, asked: str, timeout: float, deadline: float | None) -> Reply:
        if self._permit is not None:
            self._permit(call)
        seconds = timeout if deadline is None else min(timeout, deadline - monotonic())
        if seconds <= 0:
            raise errors.Unreachable(f"{asked} was not asked: no time is left for it")
        point(f"vincent.{call}.before")
        reply = self._line.send(
            "GET",
            self._base + _SKILL + path,
            headers=self._headers,
            read=seconds,
            total=seconds,
            cap=_READ_CAP,
        )
        point(f"vincent.{call}.after")
        if isinstance(reply, NoReply):
            raise _unreachable(asked, reply)
        return reply


def _unreachable(asked: str, trouble: NoReply) -> errors.Unreachable:
    if trouble.unsent:
        hint = "is this machine online, and vincentApiUrl right? `tm config show` prints it"
    else:
        hint = "Vincent may be busy or restarting; it is asked again by itself"
    return errors.Unreachable(f"{asked} failed: {trouble.words}", hint=hint)
