"""The paper exchange beside a paper configuration: what it begins with, and moving its prices by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from tm.config import Settings, vincent_key
from tm.errors import Conflict, Invalid, NotFound, Refused, TradeManagerError, Unreachable
from tm.numbers import parse_decimal
from tm.venue.paper.control import PaperControl, PaperError
from tm.venue.paper.server import DEFAULT_PORT, PaperServer, serve_forever
from tm.venue.vincent import Vincent

STATE_FILE = "paper.db"
# token, title, outcome, shares, average price, bid, ask: what a new account holds
FIRST_HOLDINGS = (
    ("paper-trump-yes", "Will Trump win the election?", "Yes", "100", "0.55", "0.52", "0.53"),
    ("paper-rain-no", "Will it rain in London tomorrow?", "No", "40", "0.70", "0.74", "0.75"),
)


@dataclass(frozen=True, slots=True)
class Held:
    """A held token and its true book's best prices (USD per share), None where a side is empty."""

    token_id: str
    label: str
    shares: Decimal
    bid: Decimal | None
    ask: Decimal | None


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve the paper exchange of this configuration until told to stop. Raise Refused if it is not paper."""
    _need_paper(settings)
    path = settings.state_dir / STATE_FILE
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        with PaperServer(path) as opening:
            _furnish(opening.control)
    port = urlsplit(settings.vincent_api_url).port or DEFAULT_PORT
    try:
        serve_forever(port, path, announce=announce)
    except OSError as trouble:
        raise Conflict(
            f"port {port} of this machine is taken: {trouble.strerror}",
            code="port_taken",
            hint="is the paper exchange running already? else set vincentApiUrl to another port",
        ) from None


def held(settings: Settings) -> list[Held]:
    """What the account holds, with the prices that an order would meet. Raise Unreachable."""
    control = _control(settings)
    with Vincent(settings.vincent_api_url, vincent_key(settings)) as venue:
        found = venue.holdings(tries=1).value
    positions = []
    for one in found.by_token.values():
        bid, ask = _best(_asked(partial(control.book, one.token_id)))
        positions.append(Held(one.token_id, one.label, one.shares, bid, ask))
    return positions


def move(settings: Settings, token: str, bid: str, ask: str | None) -> Held:
    """Given a held token (its id, or words of its title), set its book. Raise Invalid or NotFound."""
    best_bid = _price(bid)
    best_ask = _price(ask) if ask is not None else best_bid + Decimal("0.01")
    if best_ask <= best_bid:
        raise Invalid(f"ask {best_ask} is not above bid {best_bid}")
    words = token.lower().split()
    every = held(settings)
    fitting = [one for one in every if one.token_id == token] or [
        one for one in every if all(word in one.label.lower() for word in words)
    ]
    if len(fitting) != 1:
        names = ", ".join(one.token_id for one in fitting or every)
        kind = Conflict if fitting else NotFound
        raise kind(f"{len(fitting)} held tokens fit {token!r}", hint=f"tokens: {names}")
    (chosen,) = fitting
    _asked(lambda: _control(settings).set_book(chosen.token_id, best_bid, best_ask))
    return Held(chosen.token_id, chosen.label, chosen.shares, best_bid, best_ask)


def _furnish(control: PaperControl) -> None:
    control.pay_in(100)
    for token, title, outcome, shares, paid, bid, ask in FIRST_HOLDINGS:
        control.create(token, title=title, outcome=outcome, shares=shares, avg_price=paid)
        control.set_book(token, bid, ask)


def _need_paper(settings: Settings) -> None:
    if not settings.paper:
        raise Refused("this configuration is not for the paper exchange", hint="tm init --paper makes one")


def _control(settings: Settings) -> PaperControl:
    _need_paper(settings)
    return PaperControl(settings.vincent_api_url)


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except OSError as trouble:
        raise Unreachable(f"the paper exchange does not answer: {trouble}", hint="tm paper serve") from None
    except PaperError as trouble:
        raise TradeManagerError(str(trouble)) from None


def _price(text: str) -> Decimal:
    price = parse_decimal(text)
    if price is None or not 0 < price < 1:
        raise Invalid(f"{text!r} is not a price", hint="USD per share, between 0 and 1")
    return price


def _best(book: dict[str, Any] | None) -> tuple[Decimal | None, Decimal | None]:
    if book is None:
        return None, None
    bids = [Decimal(level["price"]) for level in book["bids"]]
    asks = [Decimal(level["price"]) for level in book["asks"]]
    return max(bids, default=None), min(asks, default=None)
