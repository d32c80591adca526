"""One user's machine for a measurement: a state directory, and a paper exchange in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from tests.bench.measure import PYTHON
from tm.ids import new_id
from tm.model import Action, ActionType, Rule, RuleStatus, RuleType
from tm.store import rules
from tm.store.db import open_store
from tm.times import utc_now
from tm.venue.paper.control import PaperControl
from tm.venue.paper.state import open_state

TM = [str(Path(PYTHON).with_name("tm"))]  # as it is installed
LEVELS = 10  # of each side of a book
UNIT = 1_000_000  # the paper exchange counts in millionths


class Scene:
    """`rules` ACTIVE stops at 0.40, `per_token` of them on each token; every best bid is 0.50."""

    def __init__(self, rules: int = 0, per_token: int = 1, **settings: Any) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tm-bench-"))
        self.tokens = [f"token-{number}" for number in range(rules // per_token)]
        self._fill_exchange()
        self._paper, url = self._open_exchange()
        self.exchange = PaperControl(url)
        self.state = self.directory / "state"
        self.state.mkdir(mode=0o700)
        given = {
            "vincentApiUrl": url,
            "vincentApiKey": "ssk_paper",
            "clobUrl": url,
            "paper": True,
            **settings,
        }
        (self.state / "trade-manager.json").write_text(json.dumps(given))
        self.database = self.state / "trade-manager.db"
        self._insert(rules, per_token)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TM_", "JOURNAL"))}
        self.env = {**kept, "OPENCLAW_STATE_DIR": str(self.state), "NO_COLOR": "1"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._close_exchange()
        shutil.rmtree(self.directory)

    def calls(self) -> int:
        """How many requests the exchange has received."""
        return sum(self.exchange.requests()["counts"].values())

    def snapshot(self) -> Path:
        """Copy the database, to be compared with what it is later."""
        copy = self.directory / "before.db"
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.database)) as conn:
            conn.execute("VACUUM INTO ?", (str(copy),))
        return copy

    def rows_changed(self, before: Path) -> int:
        """How many rows are new, or differ from what they were."""
        with closing(sqlite3.connect(self.database)) as conn:
            conn.execute("ATTACH ? AS old", (str(before),))
            tables = conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            query = "SELECT count(*) FROM (SELECT * FROM main.{0} EXCEPT SELECT * FROM old.{0})"
            return sum(conn.execute(query.format(name)).fetchone()[0] for (name,) in tables)

    def move_all(self, bid: int) -> None:
        """Let every best bid stand at so many cents; the exchange is away for a moment."""
        self._close_exchange()
        with closing(open_state(self._paper_file)) as conn:
            conn.execute("UPDATE tokens SET book = ?, version = version + 1", (json.dumps(_book(bid)),))
        port = self.exchange.url.rsplit(":", 1)[1]
        self._paper, _ = self._open_exchange(port)

    @property
    def _paper_file(self) -> Path:
        return self.directory / "paper.db"

    def _fill_exchange(self) -> None:
        """Its file is filled before it starts: ten thousand calls would take a minute."""
        with closing(open_state(self._paper_file)) as conn:
            conn.execute("BEGIN")
            for token in self.tokens:
                conn.execute(
                    "INSERT INTO markets (condition_id, question, slug) VALUES (?, ?, ?)",
                    (f"0x{token}", f"Will {token} happen?", token),
                )
                conn.execute(
                    "INSERT INTO tokens (token_id, condition_id, outcome, avg_price, book)"
                    " VALUES (?, ?, 'Yes', 500000, ?)",
                    (token, f"0x{token}", json.dumps(_book(50))),
                )
                conn.execute(
                    "INSERT INTO moves (token_id, shares, usd, at, visible_at) VALUES (?, ?, 0, 0, 0)",
                    (token, 100 * UNIT),
                )
            conn.execute("COMMIT")

    def _open_exchange(self, port: str = "0") -> tuple[subprocess.Popen[str], str]:
        """The running exchange, and its URL. It stands for other machines: ours go before it."""
        command = ["nice", PYTHON, "-m", "tm.venue.paper", "--port", port, "--db", str(self._paper_file)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    def _close_exchange(self) -> None:
        self._paper.terminate()
        self._paper.wait()
        assert self._paper.stdout is not None
        self._paper.stdout.close()

    def _insert(self, count: int, per_token: int) -> None:
        with open_store(self.database) as store, store.write("bench.rules") as conn:
            for number in range(count):
                token = self.tokens[number // per_token]
                rules.insert(conn, _stop(token))


def _stop(token: str) -> Rule:
    now = utc_now()
    return Rule(
        id=new_id(),
        rule_type=RuleType.STOP_LOSS,
        market_id=f"0x{token}",
        token_id=token,
        trigger_price=Decimal("0.40"),
        trailing_percent=None,
        action=Action(ActionType.SELL_ALL),
        status=RuleStatus.ACTIVE,
        created_at=now,
        updated_at=now,
    )


def _book(bid: int) -> dict[str, list[list[int]]]:
    """A best bid of so many cents, a cent between the levels, 200 shares at each."""
    size = 200 * UNIT
    return {
        "bids": [[10_000 * (bid - step), size] for step in range(LEVELS)],
        "asks": [[10_000 * (bid + 1 + step), size] for step in range(LEVELS)],
    }
