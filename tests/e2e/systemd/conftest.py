"""An installation from a wheel, a machine to try it on, and what stands around it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import wheels
from tests.e2e.machine import Host, Machine, Scope, why_not, without
from tests.gateway import TOKEN as HOOKS_TOKEN
from tests.gateway import Gateway
from tm.times import parse_iso
from tm.venue.paper.server import PaperServer

TOKEN = "111"
PAPER_PORT = 19010


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """The folder of `tm`, installed from a wheel of this checkout where every user can read it.

    Not below /tmp: the units have a /tmp of their own.
    """
    reason = why_not()
    if reason is not None:
        without(reason)
    folder = Path(tempfile.mkdtemp(prefix="tm-installed-", dir="/opt"))
    folder.chmod(0o755)
    yield wheels.install(wheels.build(folder / "wheels"), folder / "venv")
    shutil.rmtree(folder)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as one:
        yield one


class World:
    """One host, the paper exchange and the gateway beside it."""

    def __init__(self, machine: Machine, programs: Path, scope: Scope, folder: Path) -> None:
        self.machine = machine
        self.host = Host(machine, programs, scope)
        self._db = folder / "exchange.db"
        self.gateway: Gateway = machine.beside(Gateway)
        self.paper = self._open()
        self.host.configure(**self.settings())

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "vincentApiUrl": f"http://127.0.0.1:{PAPER_PORT}",
            "vincentApiKey": "ssk_paper",
            "paper": True,
            "priceSource": "vincent",
            "agentWakeUrl": self.gateway.hook("agent"),
            "agentWakeToken": HOOKS_TOKEN,
            "alertsSharedSecret": "alerts-secret",
            **more,
        }

    def _open(self) -> PaperServer:
        paper: PaperServer = self.machine.beside(lambda: PaperServer(self._db, port=PAPER_PORT).start())
        return paper

    def _close(self) -> None:
        self.paper.close()
        self.gateway.stop()

    def after(self, power: Callable[[], None]) -> None:
        """Reboot, or cut the power; the exchange and the gateway live on, in the new network."""
        power()
        self._close()
        self.machine.beside(self.gateway.start)
        self.paper = self._open()

    def close(self) -> None:
        self._close()
        self.gateway.__exit__()

    # ---- the exchange, whose control speaks to it over the machine's network

    def exchange(self, verb: str, *words: Any, **values: Any) -> Any:
        return self.machine.beside(lambda: getattr(self.paper.control, verb)(*words, **values))

    def hold(self, bid: str = "0.50", ask: str = "0.51") -> None:
        self.exchange("create", TOKEN, shares="100", title="Will it rain?")
        self.exchange("set_book", TOKEN, bid, ask)

    def sold(self) -> int:
        return int(self.exchange("sold", TOKEN))

    def looks(self) -> list[float]:
        """When holdings were read, in seconds: each tick with an active rule does."""
        recent = self.exchange("requests")["recent"]
        return [
            parse_iso(request["at"]).timestamp() for request in recent if request["endpoint"] == "holdings"
        ]


@pytest.fixture
def world_of(machine: Machine, programs: Path, tmp_path: Path) -> Iterator[Callable[[Scope], World]]:
    made: list[World] = []

    def make(scope: Scope) -> World:
        made.append(World(machine, programs, scope, tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.close()
