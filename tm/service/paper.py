"""The paper exchange's back door for people: what it starts with, what it shows, its prices and faults."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tm import paths
from tm.config import Settings
from tm.errors import Conflict, DatabaseError, Invalid, NotFound, Refused, Unreachable
from tm.market import Holding, Holdings
from tm.service.positions import find_position
from tm.venue.paper.control import PaperControl, PaperError

DATABASE = "paper.db"
CENT = Decimal("0.01")
RECORDED = "crash_0.815_to_0.155"
BEFORE_THE_CRASH = 540  # its row: eight rows later the bid falls from 0.815 to 0.155


@dataclass(frozen=True, slots=True)
class Seed:
    """A position that a new exchange holds."""

    token: str
    title: str
    outcome: str
    shares: str
    avg_price: str  # USD per share
    bid: str | None = None  # where a book stands still
    ask: str | None = None
    recording: str | None = None  # or a series under it
    row: int = 0


SEEDS = (
    Seed("paper-trump-yes", "Will Trump visit China?", "Yes", "120", "0.46", "0.52", "0.53"),
    Seed(
        "paper-mariners-yes", "Spread: Seattle Mariners (+2.5)", "Yes", "80", "0.77",
        recording=RECORDED, row=BEFORE_THE_CRASH,
    ),
)  # fmt: skip


def serve(
    settings: Settings, port: int | None, fresh: bool, announce: Callable[[str, list[dict[str, Any]]], None]
) -> None:
    """Run the exchange until SIGINT or SIGTERM; `announce` is told its URL and tokens once it answers.

    One that holds nothing yet is given SEEDS. Raise Refused unless the settings are for paper, Conflict
    if another one is running.
    """
    _need_paper(settings)
    from tm.venue.paper.server import DEFAULT_PORT, serve_forever

    paths.make_state_dir(str(settings.state_dir))
    database = database_path(settings)

    def ready(url: str) -> None:
        control = PaperControl(url)
        seed(control)
        announce(url, control.tokens())

    port = port or urlsplit(settings.vincent_api_url).port or DEFAULT_PORT
    try:
        if fresh:
            _remove(database)
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
        serve_forever(port, database, announce=ready)
    except sqlite3.Error as trouble:
        raise DatabaseError(
            f"{database}: {trouble}", hint="`tm paper serve --fresh` forgets it and starts anew"
        ) from trouble
    except OSError as trouble:
        raise _why_not(trouble, port) from trouble


def database_path(settings: Settings) -> Path:
    return settings.state_dir / DATABASE


@contextmanager
def exchange(settings: Settings) -> Iterator[PaperControl]:
    """Speak with the running exchange. Raise Refused unless the settings are for paper, Unreachable where
    none answers, Invalid for what it does not accept."""
    _need_paper(settings)
    url = settings.vincent_api_url
    try:
        yield PaperControl(url)
    except PaperError as refusal:
        raise Invalid(str(refusal).partition(": ")[2], code="paper_refused") from refusal
    except ConnectionError:
        raise Unreachable(
            f"no paper exchange answers at {url}", hint="start it, and let it run: tm paper serve"
        ) from None
    except (OSError, ValueError) as trouble:
        raise Unreachable(f"what answers at {url} is no paper exchange: {trouble}") from trouble


def seed(control: PaperControl) -> None:
    """Give an exchange that knows no token its first positions."""
    if control.tokens():
        return
    control.pay_in(100)
    for one in SEEDS:
        control.create(
            one.token, title=one.title, outcome=one.outcome, shares=one.shares, avg_price=one.avg_price
        )
        if one.recording is not None:
            control.load(one.token, one.recording, row=one.row)
        else:
            control.set_book(one.token, one.bid, one.ask)


def find_token(control: PaperControl, words: str) -> dict[str, Any]:
    """Given a token id, or words that name one ("trump yes"), return it. Raise NotFound or Conflict."""
    tokens = {each["token"]: each for each in control.tokens()}
    named = {
        token: Holding(
            token_id=token,
            market_id=each["market"],
            shares=Decimal(each["shares"]),
            avg_entry_price=None,
            current_price=None,
            title=each["title"],
            outcome=each["outcome"],
            redeemable=False,
        )
        for token, each in tokens.items()
    }
    try:
        return tokens[find_position(words, Holdings(named, page_full=False)).token_id]
    except NotFound as nothing:
        raise NotFound(
            f"the paper exchange has no token {words[:80]!r}",
            hint="`tm paper show` lists them",
            details=nothing.details,
        ) from None


def set_price(
    control: PaperControl, words: str, bid: Decimal | None, ask: Decimal | None, depth: Decimal
) -> dict[str, Any]:
    """Set a token's book: one level a side (USD per share; None: that side is empty), each `depth` shares.

    Return the token as it stands then.
    """
    token = find_token(control, words)["token"]
    control.set_book(token, bid, ask, depth, depth)
    return find_token(control, token)


def play(
    control: PaperControl, words: str, recording: str | None, row: int | None, speed: float
) -> dict[str, Any]:
    """Let a recording run under a token's book, `speed` recorded seconds a second; return the token.

    `recording` None: the one that is there, from where it stands. Raise Invalid if there is none.
    """
    found = find_token(control, words)
    token = found["token"]
    if recording is not None:
        control.load(token, recording, row=row or 0)
    elif found["last"] is None:
        raise Invalid(f"{token} has no recording", hint=f"name one: {', '.join(recordings())}")
    start = row if row is not None else 0 if recording is not None else found["row"] or 0
    control.play(token, speed=speed, row=start)
    return find_token(control, token)


def recordings() -> list[str]:
    from tm.venue.paper.series import recorded_names

    return recorded_names()


def _need_paper(settings: Settings) -> None:
    if not settings.paper:
        raise Refused(
            "this configuration is not for the paper exchange",
            code="not_paper",
            hint="keep paper apart: export OPENCLAW_STATE_DIR=~/tm-paper, then tm init --paper",
        )


def _remove(database: Path) -> None:
    """Forget an exchange's state. Raise OSError while it runs."""
    from tm.venue.paper.state import open_state

    with suppress(sqlite3.Error):  # what cannot be read can be forgotten
        open_state(database).close()
    for ending in ("", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _why_not(trouble: OSError, port: int) -> Exception:
    """Given why it could not start, return it as people need to hear it."""
    if trouble.errno == errno.EADDRINUSE:
        return Conflict(
            f"port {port} is taken",
            code="port_taken",
            hint="an exchange that runs already: tm paper show; else --port N, and vincentApiUrl to match",
        )
    if trouble.errno is None:  # the exchange's own words: another one has the file open
        return Conflict(str(trouble), code="paper_running", hint="`tm paper show` speaks with it")
    return trouble
