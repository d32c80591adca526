"""One person's machine for tests: a state directory, a paper exchange behind real sockets, and one clock.

The clock stands still until a test moves it, for the program and for the exchange alike. Everything else is
real: the client, the sockets, the database file, the lock, and a killed process where a test kills one.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tm import points
from tm.config import load_settings
from tm.engine import files, tick
from tm.engine.context import Engine, Report
from tm.ids import new_id
from tm.model import Action, ActionType, EventType, Rule, RuleStatus, RuleType
from tm.store import attempts, events, jobs, rules, state
from tm.store.db import open_store
from tm.venue.paper.server import PaperServer

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
TOKEN = "111"


class Clock:
    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class World:
    """`local_offset`: seconds by which this machine's clock is wrong, the exchange's being right."""

    def __init__(self, directory: Path, **flags: object) -> None:
        self.clock = Clock()
        self.local_offset = 0.0
        self.paper = PaperServer(":memory:", clock=self.clock)
        self.state_dir = directory / "state"
        self.state_dir.mkdir(mode=0o700)
        self.configure(**flags)

    def configure(self, **flags: object) -> None:
        """Settings for the next ticks, by key; what is not given is at its default."""
        os.environ["OPENCLAW_STATE_DIR"] = str(self.state_dir)
        given = {"vincentApiUrl": self.paper.url, "vincentApiKey": "ssk_paper", "paper": True, **flags}
        self.settings = load_settings(flags=given)

    def now(self) -> datetime:
        return self.clock.at + timedelta(seconds=self.local_offset)

    # ---- what the exchange does

    @property
    def exchange(self):
        return self.paper.control

    def hold(self, token=TOKEN, shares="100", bid="0.50", ask="0.51", **book) -> None:
        self.exchange.create(token, shares=shares, title=f"Market {token}?")
        self.price(bid, ask, token=token, **book)

    def price(self, bid, ask="+", token=TOKEN, **book) -> None:
        """Set the book; `ask` "+": a cent above the bid."""
        ask = str(Decimal(bid) + Decimal("0.01")) if ask == "+" else ask
        self.exchange.set_book(token, bid, ask, **book)

    def sold(self, token=TOKEN, source="api") -> Decimal:
        """Shares that orders sold in truth, whatever anybody was told."""
        return sum((Decimal(order["filled"]) for order in self.orders(token, source)), Decimal(0))

    def orders(self, token=TOKEN, source="api") -> list[dict]:
        return [o for o in self.exchange.orders(source=source, token=token) if o["side"] == "SELL"]

    def held(self, token=TOKEN) -> Decimal:
        return Decimal(self.exchange.wallet()["shares"][token])

    def asked(self, endpoint: str) -> int:
        """How many requests of a kind the exchange has received."""
        return self.exchange.requests()["counts"].get(endpoint, 0)

    # ---- what the program does

    @contextmanager
    def store(self):
        with open_store(self.settings.database_path) as opened:
            yield opened

    def rule(self, kind="STOP_LOSS", price="0.40", *, token=TOKEN, sell="all", percent=None, **fields) -> str:
        """Put a rule in as `tm rule add` would; return its id."""
        action = (
            Action(ActionType.SELL_ALL) if sell == "all" else Action(ActionType.SELL_PARTIAL, Decimal(sell))
        )
        made = Rule(
            id=new_id(),
            rule_type=RuleType(kind),
            market_id=f"0xmarket-{token}",
            token_id=token,
            trigger_price=None if price is None else Decimal(price),
            trailing_percent=None if percent is None else Decimal(percent),
            action=action,
            status=RuleStatus.ACTIVE,
            created_at=self.now(),
            updated_at=self.now(),
            **fields,
        )
        with self.store() as store, store.write("test.rule") as conn:
            rules.insert(conn, made)
        return made.id

    def tick(self, times: int = 1, *, every: float = 15) -> Report:
        """Run ticks in this process, moving the clock on after each; return the last one's report."""
        for _ in range(times):
            report = self.one_tick()
            self.clock.advance(every)
        return report

    def one_tick(self) -> Report:
        with files.tick_lock(self.state_dir):
            files.take_kick(self.state_dir)
            with self.store() as store:
                engine = Engine(self.settings, store, self.now, sleep=self.clock.advance)
                try:
                    tick.run(engine)
                finally:
                    engine.close()
        return engine.report

    def killed_tick(self, at_point: str, hit: int = 1) -> bool:
        """Run a tick in a child that is SIGKILLed when it passes a point for the `hit`th time.

        Say whether it got there.
        """
        child = os.fork()
        if child == 0:
            seen = 0

            def die(name: str) -> None:
                nonlocal seen
                if name == at_point:
                    seen += 1
                    if seen == hit:
                        os.kill(os.getpid(), signal.SIGKILL)

            points.set_hook(die)
            signal.alarm(120)  # a child that hangs is a failed test, not a test that never ends
            try:
                self.one_tick()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    # ---- what the program knows

    def known(self, rule_id: str) -> Rule:
        with self.store() as store:
            found = rules.get(store.conn, rule_id)
        assert found is not None
        return found

    def attempts(self) -> list:
        """All attempts, oldest first."""
        with self.store() as store:
            return list(reversed(attempts.listing(store.conn, limit=1000)))

    def jobs(self) -> list:
        with self.store() as store:
            return list(reversed(jobs.listing(store.conn, limit=1000)))

    def events(self, rule_id: str | None = None) -> list[str]:
        """The types of events, oldest first, evaluations left out."""
        with self.store() as store:
            found = events.listing(store.conn, rule_id=rule_id, limit=1000)
        kinds = [str(event.event_type) for event in reversed(found)]
        return [kind for kind in kinds if kind != EventType.RULE_EVALUATED]

    def pause(self) -> None:
        with self.store() as store, store.write("test.pause") as conn:
            state.put(conn, state.PAUSED, {"since": self.now(), "reason": "test"})

    def resume(self) -> None:
        with self.store() as store, store.write("test.resume") as conn:
            state.drop(conn, state.PAUSED)

    def close(self) -> None:
        self.paper.close()
