"""What goes on in a simulated day: prices, rules and alerts, faults, and the owner's own trades."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from tests.proof.ledger import Ledger
from tests.proof.place import Place
from tm.errors import TradeManagerError
from tm.model import RuleStatus
from tm.service import control, jobs, rules
from tm.store import jobs as job_table
from tm.store import rules as rule_table
from tm.store import state
from tm.venue.paper.control import PaperError
from tm.venue.paper.faults import Fault

TOKENS = ("111", "222")


@dataclass
class Story:
    seed: int
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    orders: int = 0
    alerts: int = 0
    triggers: int = 0
    ticks: int = 0
    by_hand: int = 0  # orders whose outcome nothing proved, so that a person had to settle them

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}: {'; '.join(self.wrong) or 'as it should be'}", *self.lines])


class Mischief:
    """Everything is drawn from `chance`; `say` writes it down. The simulation makes the ticks between."""

    place: Place
    chance: random.Random
    story: Story
    ledger: Ledger
    say: Callable[[object], None]
    _tick: Callable[..., None]

    def _stage(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.story = Story(seed)
        self.ledger = Ledger(place)
        self.bid = dict.fromkeys(TOKENS, Decimal("0.50"))
        self.depth = dict.fromkeys(TOKENS, "10000")
        self.keys: list[tuple[str, dict]] = []
        self.step = 0
        self.copied_at = -1  # orders accepted when the database was copied
        self.forgot = False

    def _token(self) -> str:
        return self.chance.choice(TOKENS)

    def _book(self, token: str) -> None:
        bid = self.bid[token]
        self.place.exchange.set_book(token, str(bid), str(bid + Decimal("0.02")), bid_depth=self.depth[token])

    def _price(self) -> None:
        token = self._token()
        moved = self.bid[token] + Decimal(self.chance.randrange(-8, 8)) / 100
        self.bid[token] = min(Decimal("0.90"), max(Decimal("0.10"), moved))
        self.depth[token] = self.chance.choice(("10000", "10000", "60", "25.5", "3"))
        self._book(token)
        self.say(f"{token} at {self.bid[token]}, {self.depth[token]} deep")

    def _new_rule(self) -> None:
        token, kind = (
            self._token(),
            self.chance.choice(("STOP_LOSS", "STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP")),
        )
        off = Decimal(self.chance.randrange(0, 6)) / 100
        price = self.bid[token] - off if kind == "STOP_LOSS" else self.bid[token] + off
        sell = self.chance.choice(("all", "all", "30", "47.5"))
        trailing = kind == "TRAILING_STOP"
        made = self.place.rule(
            kind, None if trailing else str(price), token=token, sell=sell, percent="8" if trailing else None
        )
        self.say(f"rule {made}: {kind} {price} of {token}, sell {sell}")

    def _new_alert(self) -> None:
        token, key = self._token(), f"key-{self.step}-{len(self.keys)}"
        mode = self.chance.choice(("EXECUTE_TXN", "EXECUTE_TXN", "WAKE_AGENT", "IGNORE"))
        payload: dict = {"note": "hello"}
        if mode == "EXECUTE_TXN":
            action = self.chance.choice(("SELL_ALL", {"type": "SELL_PARTIAL", "amount": 22}))
            payload = {"marketId": f"0xmarket-{token}", "tokenId": token, "action": action}
        made = self.place.alert(key, mode, **payload)
        self.keys.append((key, {"mode": mode, **payload}))
        self.story.alerts += 1
        self.say(f"alert {made}: {mode} {payload}")

    def _same_alert(self) -> None:
        if self.keys and not self.forgot:
            key, body = self.chance.choice(self.keys)
            self.place.alert(key, **body)
            self.say(f"{key} once more")

    def _bet_fault(self) -> None:
        pick = self.chance.choice
        late = pick((None, 60.0, 400.0, 1700.0))
        lost = Fault("bet", pick(("drop", "garbage", "truncated", "page")), after=True)
        faults = pick((
            [lost], [lost], [Fault("bet", "drop")], [Fault("bet", "page", status=502)],
            [Fault("bet", "approval", seconds=late)], [Fault("bet", "approval", seconds=late, deny=True)],
            [Fault("bet", "approval", seconds=late), Fault("bet", "drop", after=True)],
            [Fault("bet", "bet_failed", message="no match")], [Fault("bet", "bet_failed", message="timeout")],
            [Fault("bet", "bet_failed", message="timeout", after=True)],
            [Fault("bet", "rate_limit", seconds=20)],
            [Fault("bet", "split", rows=3, seconds=pick((0.0, 20.0)))], [Fault("bet", "unauthorized")],
            [Fault("bet", "split", rows=2, seconds=15.0), lost], [Fault("bet", "fail_trades", seconds=30)],
            [Fault("bet", "fail_trades", seconds=40), lost], [Fault("bet", "delayed", seconds=12)],
            [Fault("bet", "delayed", seconds=12, deny=True)], [Fault("bet", "late_trades", seconds=90), lost],
            [Fault("bet", "late_holdings", seconds=30), lost], [Fault("bet", "status", status=503), ],
        ))  # fmt: skip
        # One story at a time: a 202 is answered as such, or not at all, and never as a BET_FAILED.
        self.place.exchange.clear_faults("bet")
        self.place.exchange.fault(*faults)
        self.say([f"{fault.kind} after={fault.after} {fault.seconds}" for fault in faults])

    def _read_fault(self) -> None:
        pick, end = self.chance.choice, self.chance.choice(("holdings", "trades", "open_orders", "book"))
        token = self._token() if end == "book" else None
        if end == "book":
            kind = pick(("one_sided", "wide", "crossed", "no_book", "garbage", "truncated", "nan", "drop"))
        elif end == "holdings":
            kind = pick(
                ("empty", "missing", "stale", "garbage", "status", "page", "rate_limit", "drop", "nan")
            )
        elif end == "trades" and self.chance.random() < 0.3:
            kind = pick(("stale", "missing", "empty"))
        else:
            kind = pick(("garbage", "status", "truncated", "wrong", "page", "rate_limit", "drop", "broken"))
        seconds = {"stale": 30.0, "rate_limit": pick((None, 1.0, 25.0))}.get(kind)
        fault = Fault(end, kind, count=pick((1, 2, 4)), token=token, seconds=seconds)
        self.place.exchange.fault(fault)
        self.say(f"{end}: {kind} x {fault.count}")

    def _user_sells(self) -> None:
        token = self._token()
        shares = Decimal(self.chance.randrange(101, 6000)) / 100
        self._by_hand(f"user sells {shares} of {token}", lambda: self.place.exchange.user_sell(token, shares))

    def _user_buys(self) -> None:
        token, usd = self._token(), self.chance.randrange(2, 40)
        self._by_hand(f"user buys {token} for {usd}", lambda: self.place.exchange.user_buy(token, usd))

    def _user_rests(self) -> None:
        token, shares = self._token(), Decimal(self.chance.randrange(500, 6000)) / 100
        price = str(self.bid[token] + Decimal("0.05"))
        self._by_hand(
            f"user rests {shares} of {token}", lambda: self.place.exchange.user_rest(token, shares, price)
        )

    def _user_cancels(self) -> None:
        self._by_hand("user cancels orders", self.place.exchange.user_cancel)

    def _by_hand(self, text: str, what: Callable[[], object]) -> None:
        try:
            what()
            self.say(text)
        except PaperError as error:
            self.say(f"{text}: {error}")

    def _cancel_rule(self) -> None:
        with self.place.store() as store:
            known = rule_table.listing(store.conn)
        if known:
            rule = self.chance.choice(known)
            self._ask(f"cancel rule {rule.id}", lambda context: rules.cancel_rule(context, rule.id))

    def _edit_rule(self) -> None:
        with self.place.store() as store:
            known = rule_table.listing(store.conn, RuleStatus.ACTIVE)
        if known:
            rule = self.chance.choice(known)
            price = self.bid[rule.token_id]
            self._ask(f"edit rule {rule.id}", lambda context: rules.edit_rule(context, rule.id, price))

    def _cancel_job(self) -> None:
        with self.place.store() as store:
            known = [job for job in job_table.pending(store.conn) if job.alert_id is not None]
        if known:
            job = self.chance.choice(known)
            self._ask(f"cancel job {job.id}", lambda context: jobs.cancel_job(context, job.id))

    def _ask(self, text: str, what: Callable) -> None:
        try:
            with self.place.context() as context:
                what(context)
            self.say(text)
        except TradeManagerError as error:
            self.say(f"{text}: {error.code}")

    def _pause(self) -> None:
        self._ask("pause", control.pause)

    def _resume(self) -> None:
        self._ask("resume", control.resume)

    def _clock(self) -> None:
        self.place.local_offset = self.chance.choice((0.0, 3.0, -40.0, 3600.0, -7200.0, 400_000.0))
        self.say(f"our clock is off by {self.place.local_offset}")

    def _gateway(self) -> None:
        gateway, status = self.place.gateway, self.chance.choice((None, 503, 429, 404, 200))
        if self.chance.random() < 0.3:
            gateway.restart()
        gateway.answer(status, times=self.chance.choice((1, 3, 8)), accepts=status is None)
        self.say(f"the gateway says {status}")

    def _manners(self) -> None:
        pick = self.chance.choice
        chosen = {
            "trade_lag": pick((0.0, 5.0, 40.0, 90.0)), "row_lag": pick((0.0, 10.0)),
            "holdings_lag": pick((0.0, 10.0, 30.0)), "mined_after": pick((0.0, 20.0)),
            "confirmed_after": pick((0.0, 45.0)), "date_header": pick((True, True, True, False)),
        }  # fmt: skip
        self.place.exchange.settings(**chosen)
        self.say(chosen)

    def _copy(self) -> None:
        self.copied_at = len(self.place.now_orders())
        target = self.place.state_dir / "copy.db"
        target.unlink(missing_ok=True)
        with self.place.store() as store:
            store.conn.execute("VACUUM INTO ?", (str(target),))
        self.say("the database is copied")

    def _restore(self) -> None:
        """Put the copy back where it lacks an order; a person notices, ends what it holds, and vouches."""
        orders = len(self.place.now_orders())
        if not 0 <= self.copied_at < orders:
            return
        database = self.place.settings.database_path
        for suffix in ("", "-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.place.state_dir / "copy.db", database)
        self.forgot, self.ledger.forgotten = True, orders
        self.say("the old copy is put back")
        for _ in range(2):
            self._tick()
            self.place.clock.advance(15)
        with self.place.store() as store:
            if state.paused(store.conn) is None or len(self.place.now_orders()) > orders:
                self.story.wrong.append("an old copy was not noticed")
        self._end_everything()
        self._ask("resume --restored", lambda context: control.resume(context, restored=True))

    def _end_everything(self) -> None:
        with self.place.context() as context:
            for rule in rule_table.listing(context.conn, limit=1000):
                with suppress(TradeManagerError):
                    rules.cancel_rule(context, rule.id)
            for job in job_table.pending(context.conn):
                with suppress(TradeManagerError):
                    jobs.cancel_job(context, job.id)
