"""Vincent: is there a key, does it open the door, and do our clocks agree?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm.config import Settings, vincent_key
from tm.credentials import find_key
from tm.engine.budget import Budget
from tm.errors import CredentialsError, TradeManagerError
from tm.host.checks import database
from tm.host.findings import Finding, fault, look, of_error, ok
from tm.numbers import canonical
from tm.store.db import open_store
from tm.times import utc_now

if TYPE_CHECKING:
    from tm.venue.payloads import Balance
    from tm.venue.reads import Read

CLOCK_SECONDS = 10  # Vincent's Date has whole seconds, and the answer took its time
READ_SECONDS = 8.0


def examine(settings: Settings) -> list[Finding]:
    """One cheap read answers both questions."""
    try:
        key = vincent_key(settings)
    except CredentialsError as error:
        return [of_error("key", error)]
    try:
        if not _granted(settings):
            return [look("key", "not tried: this minute's requests are used up", "run `tm doctor` again")]
        read = _balance(settings, key)
    except CredentialsError as error:
        return [of_error("key", error)]
    except TradeManagerError as error:
        fix = error.hint or f"check that {settings.vincent_api_url} can be reached from here"
        return [look("key", f"could not be tried: {error.message}", fix)]
    balance = read.value
    said = f"{_origin(settings)} is accepted; wallet {balance.wallet_address}, {canonical(balance.usd)} USD"
    return [ok("key", said), _clock(read)]


def _balance(settings: Settings, key: str) -> Read[Balance]:
    from tm.venue.vincent import Vincent

    with Vincent(settings.vincent_api_url, key) as venue:
        return venue.balance(tries=1, timeout=READ_SECONDS)


def _granted(settings: Settings) -> bool:
    """This read counts among those of all processes, where they keep count."""
    try:
        if not database.is_current(settings):  # opening it would make or migrate it
            return True
        with open_store(settings.database_path) as store:
            return Budget(store, utc_now, 1).for_reading(1) == 1
    except TradeManagerError:  # the database has its own check
        return True


def _origin(settings: Settings) -> str:
    if settings.vincent_api_key is not None:
        return "the configured key"
    return f"the key of {find_key(str(settings.state_dir), settings.vincent_key_id).path}"


def _clock(read: Read[Balance]) -> Finding:
    if read.venue_at is None:
        return look("clock", "Vincent did not say its time")
    ahead = (read.at - read.venue_at).total_seconds()
    if abs(ahead) <= CLOCK_SECONDS:
        return ok("clock", "agrees with Vincent's")
    said = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Vincent's"
    return (look if abs(ahead) < 300 else fault)("clock", said, "timedatectl set-ntp true")
