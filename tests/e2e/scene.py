"""A person's afternoon: positions, rules, and a price history that ticks have really made."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from tests.world import World

FED, TITLE_FED = "fed", "Will the Fed cut rates in September?"
CUP, TITLE_CUP = "cup", "Argentina wins the Copa América"
BTC, TITLE_BTC = "btc", "Bitcoin above 150k on December 31"


def afternoon(directory, *, minutes: int = 180, every: int = 60, **flags) -> World:
    """A world whose clock has just reached the present, after `minutes` of ticks."""
    world = World(directory, **flags)
    world.paper.start()
    given = {"vincentApiUrl": world.paper.url, "vincentApiKey": "ssk_paper", "paper": True, **flags}
    (world.state_dir / "trade-manager.json").write_text(json.dumps(given))
    world.clock.at = datetime.now(UTC) - timedelta(minutes=minutes)
    create = world.exchange.create
    create(FED, title=TITLE_FED, shares="250", avg_price="0.62")
    create(CUP, title=TITLE_CUP, outcome="No", shares="120.5", avg_price="0.44")
    create(BTC, title=TITLE_BTC, shares="40", avg_price="0.31")
    rules = [(FED, "STOP_LOSS", "0.55"), (FED, "TAKE_PROFIT", "0.80"), (CUP, "STOP_LOSS", "0.46")]
    for token, kind, price in rules:
        world.rule(kind, price, token=token)
    world.rule("TRAILING_STOP", None, percent="8", token=FED, sell="100")
    steps = minutes * 60 // every
    for step in range(steps):
        for token, bid in ((FED, _fed(step / steps)), (CUP, _cup(step / steps)), (BTC, Decimal("0.29"))):
            world.price(str(bid), token=token)
        world.tick(every=every)
    world.clock.at = datetime.now(UTC)
    world.one_tick()
    return world


def _fed(part: float) -> Decimal:
    """A day's climb with a dip."""
    course = ((0, 0.61), (0.2, 0.66), (0.35, 0.63), (0.6, 0.71), (0.8, 0.69), (1, 0.73))
    return _along(course, part)


def _cup(part: float) -> Decimal:
    """Rises, then falls through its stop."""
    course = ((0, 0.5), (0.3, 0.55), (0.5, 0.53), (0.6, 0.57), (0.7, 0.52), (0.82, 0.45), (1, 0.41))
    return _along(course, part)


def _along(course, part: float) -> Decimal:
    """The course's height at a part of the way, on the cent grid, with a little unrest."""
    for (x0, y0), (x1, y1) in pairwise(course):
        if part <= x1:
            height = y0 + (y1 - y0) * (part - x0) / (x1 - x0)
            unrest = (int(part * 9973) % 7 - 3) * 0.002
            return Decimal(f"{height + unrest:.2f}")
    return Decimal(str(course[-1][1]))
