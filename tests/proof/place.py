"""A World for the proof: on a RAM disk, with a gateway, killable anywhere, and watched by an oracle."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from tests.gateway import TOKEN as GATEWAY_TOKEN
from tests.gateway import Gateway
from tests.proof.oracle import Watchman
from tests.world import TOKEN, World
from tm import points
from tm.service.alerts import ingest_alert
from tm.service.context import open_context
from tm.service.new_alert import new_alert
from tm.venue.paper import desk


class Place(World):
    """`watch` sees the exchange after every step; nothing of it is read from our database."""

    def __init__(self, directory: Path, gateway: Gateway, **flags: object) -> None:
        self.gateway = gateway
        gateway.requests.clear()
        gateway.wakes.clear()
        gateway.answer()
        super().__init__(
            directory, agentWakeUrl=gateway.url, agentWakeToken=GATEWAY_TOKEN, priceSource="vincent", **flags
        )
        self.flags = flags
        self.watch = Watchman(self)

    def now_orders(self) -> list[dict]:
        """Every sell that the exchange accepted from us, straight from its own state."""
        found = desk.orders(self.paper.exchange, "api", None)
        return [order for order in found if order["side"] == "SELL"]

    def user_orders(self) -> list[dict]:
        """Every order that the wallet's owner placed by hand."""
        return desk.orders(self.paper.exchange, "user", None)

    def wallet(self) -> dict[str, str]:
        """Shares really held, by token."""
        return desk.wallet(self.paper.exchange)["shares"]

    def alert(self, key: str = "k1", mode: str = "EXECUTE_TXN", **payload: object) -> str:
        """Hand an alert in as `tm alert add` does; return its id once it is acknowledged."""
        body = {"source": "proof", "alertType": "test", "mode": mode, "idempotencyKey": key}
        with open_context(self.settings, self.now) as context:
            made, _ = ingest_alert(context, new_alert({**body, "payload": payload}))
        return made.id

    def order_alert(self, action: object = "SELL_ALL", key: str = "k1", token: str = TOKEN) -> str:
        return self.alert(key, marketId=f"0xmarket-{token}", tokenId=token, action=action)

    @contextmanager
    def context(self):
        with open_context(self.settings, self.now) as opened:
            yield opened

    def killed(self, what: Callable[[], object], at_point: str) -> bool:
        """Do something in a child, SIGKILLed when it first passes a point; say whether it got there."""
        child = os.fork()
        if child == 0:

            def die(name: str) -> None:
                if name == at_point:
                    os.kill(os.getpid(), signal.SIGKILL)

            points.set_hook(die)
            try:
                what()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    def problem_free(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        with self.store() as store:
            found = [row[0] for row in store.conn.execute("PRAGMA integrity_check")]
            found += [str(tuple(row)) for row in store.conn.execute("PRAGMA foreign_key_check")]
        return [] if found == ["ok"] else found


def ram_directory() -> tempfile.TemporaryDirectory:
    """A directory where an fsync costs nothing, if this machine has one."""
    quick = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="tm-proof-", dir=quick)


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Between two tries of a read nobody waits: there are thousands of cases."""
    from tenacity import nap

    before, nap.time = nap.time, SimpleNamespace(sleep=lambda seconds: None)
    try:
        yield
    finally:
        nap.time = before


@contextmanager
def a_place(gateway: Gateway, **flags: object):
    with ram_directory() as directory, _no_waiting():
        place = Place(Path(directory), gateway, **flags)
        place.paper.start()
        try:
            yield place
        finally:
            place.close()
