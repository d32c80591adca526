"""A person's machine whose programs are real processes, on a paper exchange that runs by the wall clock."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tm.venue.paper.server import PaperServer

TM = [sys.executable, "-m", "tm"]


class Place:
    """A state directory with a configuration for the exchange; `tm` runs in it as a process of its own."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.paper = PaperServer().start()
        self.exchange = self.paper.control
        self.state = directory / "state"
        self.state.mkdir(mode=0o700)
        given = {"vincentApiUrl": self.paper.url, "vincentApiKey": "ssk_paper", "paper": True}
        (self.state / "trade-manager.json").write_text(json.dumps({**given, **settings}))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "JOURNAL"))}
        kept.pop("NO_COLOR", None)
        self.environ = {**kept, "OPENCLAW_STATE_DIR": str(self.state), "HOME": str(directory)}

    def tm(self, *args: str):
        """Run a command to its end and return its JSON."""
        done = subprocess.run([*TM, *args], capture_output=True, text=True, env=self.environ, timeout=60)
        assert done.returncode in (0, 3), done.stderr
        return json.loads(done.stdout)

    def hold(self, token: str, title: str, *, shares="100", entry="0.50", bid="0.50") -> None:
        self.exchange.create(token, title=title, shares=shares, avg_price=entry)
        self.price(token, bid)

    def price(self, token: str, bid: str) -> None:
        self.exchange.set_book(token, bid, f"{float(bid) + 0.01:.2f}")

    def close(self) -> None:
        self.paper.close()
