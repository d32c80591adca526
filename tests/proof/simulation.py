"""A seeded simulation: a few markets, an unruly exchange, a person who trades too, and a machine that dies.

Everything that happens follows from the seed: the same seed is the same story. When its first part is over
all trouble stops, and everything must come to rest, with every promise kept.
"""

from __future__ import annotations

import random
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace

from tests.gateway import Gateway
from tests.proof.cases import LATER
from tests.proof.ledger import Ledger, still_owed
from tests.proof.oracle import about_jobs, waits_for_a_person
from tests.proof.place import Place, a_place
from tm import ids, points
from tm.engine import books
from tm.errors import TradeManagerError
from tm.model import RuleStatus
from tm.service import control, jobs, rules
from tm.store import alerts as alert_table
from tm.store import attempts, state
from tm.store import jobs as job_table
from tm.store import rules as rule_table
from tm.venue.paper.control import PaperError
from tm.venue.paper.faults import Fault

TOKENS = ("111", "222")
TROUBLED = 34  # ticks
QUIET_WITHIN = 110  # ticks more
DEATHS = [
    *("intent.commit.after_commit", "order.marked", "vincent.bet.before", "vincent.bet.after"),
    *("answer.commit.before_commit", "answer.commit.after_commit", "look.settle.before_commit"),
    *("look.settle.after_commit", "trigger.commit.after_commit", "job.claim.after_commit"),
    *(
        "monitor.remember.after_commit",
        "wake.claim.after_commit",
        "agent.wake.after",
        "wake.record.after_commit",
    ),
    *("vincent.trades.after", "orphan.unknown.before_commit", "orphan.pending.after_commit"),
    *("trigger.put_back.before_commit", "budget.take.after_commit", "vincent.holdings.before"),
]


@dataclass
class Story:
    seed: int
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    orders: int = 0
    alerts: int = 0
    triggers: int = 0
    ticks: int = 0

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}: {'; '.join(self.wrong) or 'as it should be'}", *self.lines])


class Simulation:
    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.story = Story(seed)
        self.ledger = Ledger(place)
        self.bid = {token: Decimal("0.50") for token in TOKENS}
        self.depth = dict.fromkeys(TOKENS, "10000")
        self.keys: list[tuple[str, dict]] = []
        self.step = 0
        self.copied_at = -1  # orders accepted when the database was copied
        self.forgot = False
        self.happenings: list[tuple[int, Callable[[], object]]] = [
            (14, self._price), (5, self._new_rule), (4, self._new_alert), (1, self._same_alert),
            (8, self._bet_fault), (7, self._read_fault), (3, self._user_sells), (2, self._user_buys),
            (2, self._user_rests), (2, self._user_cancels), (2, self._cancel_rule), (1, self._edit_rule),
            (1, self._cancel_job), (1, self._pause), (3, self._resume), (2, self._clock), (3, self._gateway),
            (2, self._manners), (1, self._copy), (1, self._restore),
        ]  # fmt: skip

    def run(self) -> Story:
        self._begin()
        for _ in range(TROUBLED):
            for what in self.chance.choices(*zip(*((b, a) for a, b in self.happenings), strict=True),
                                            k=self.chance.choice((0, 1, 1, 2, 3))):  # fmt: skip
                what()
            self._tick(deadly=self.chance.random() < 0.2)
            self.place.clock.advance(self.chance.choice((15, 15, 15, 15, 15, 5, 30, 60, 240)))
        self._calm()
        for number in range(QUIET_WITHIN):
            self._tick()
            if self._is_quiet():
                break
            self.place.clock.advance(self._pace(number))
        else:
            self.story.wrong.append(f"not quiet after {QUIET_WITHIN} ticks: {self._unrest()}")
        self._judge()
        return self.story

    def _pace(self, number: int) -> float:
        """Seconds to the next tick: 36 minutes are long. Without Vincent's clock a look counts 30 s."""
        if number < 16:
            return 15
        with self.place.store() as store:
            undated = any(one.baseline.venue_at is None for one in attempts.open_ones(store.conn))
        return 30 if undated else 120

    def say(self, text: object) -> None:
        self.story.lines.append(f"{self.step:3} {self.place.clock.at:%H:%M:%S} {text}")

    # ---- what happens ----------------------------------------------------------------------------

    def _begin(self) -> None:
        self._new_ids("begin")
        for token in TOKENS:
            shares = Decimal(self.chance.randrange(2000, 40000)) / 100
            self.place.exchange.create(token, shares=str(shares), title=f"Market {token}?")
            self._book(token)
            self.say(f"{shares} shares of {token}")
        self.place.exchange.pay_in(10_000)
        self._manners()
        self._new_rule()

    def _tick(self, *, deadly: bool = False) -> None:
        self.step += 1
        self.story.ticks += 1
        self._new_ids("tick")
        self.ledger.before()
        if deadly:
            at = self.chance.choice(DEATHS)
            died = self.place.killed(self.place.one_tick, at)
            self.say(f"tick, {'killed' if died else 'not killed'} at {at}")
        else:
            report = self.place.one_tick()
            told = [*report.triggered, *report.orders, *report.settled, *report.notes]
            self.say(f"tick {told} {[problem.code for problem in report.problems]}")
        self._new_ids("after")
        self.ledger.after()

    def _new_ids(self, when: str) -> None:
        """Ids follow the seed; those of a tick that died may not come again."""
        ids.os = SimpleNamespace(urandom=random.Random(f"{self.story.seed}:{self.step}:{when}").randbytes)

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

    # ---- the end ---------------------------------------------------------------------------------

    def _calm(self) -> None:
        """All trouble stops; every stop's condition holds."""
        exchange = self.place.exchange
        exchange.clear_faults()
        exchange.settings(date_header=True, trade_lag=0.0, row_lag=0.0, holdings_lag=0.0)
        exchange.user_cancel()
        self.place.local_offset = 0.0
        self.place.gateway.answer()
        self._ask("resume", lambda context: control.resume(context, restored=self.forgot))
        for token in TOKENS:
            self.bid[token], self.depth[token] = Decimal("0.30"), "10000"
            self._book(token)
        self.say("all trouble stops")

    def _unrest(self) -> list[str]:
        wallet = self.place.wallet()
        with self.place.store() as store:
            conn = store.conn
            left = [f"attempt {one.id} {one.outcome}" for one in attempts.open_ones(conn)]
            left += [f"alert {one.id} {one.status}" for one in alert_table.received(conn)]
            left += [
                f"job {job.id} {job.job_type} {job.status} {job.last_error}"
                for job in [*job_table.running(conn), *job_table.pending(conn)]
                if not waits_for_a_person(self.place, job)
            ]
            for rule in rule_table.listing(conn, limit=1000):
                if still_owed(rule, self.bid[rule.token_id], Decimal(wallet[rule.token_id])):
                    left.append(
                        f"rule {rule.id} {rule.status} sold {rule.sold_shares} of {rule.promised_shares}"
                    )
        return left

    def _is_quiet(self) -> bool:
        return not self._unrest()

    def _judge(self) -> None:
        self.place.clock.advance(LATER)
        wrong = self.story.wrong
        wrong += self.ledger.verdict(self.forgot)
        wrong += self.place.problem_free()
        with self.place.store() as store:
            if not self.forgot:
                wrong += about_jobs(self.place, job_table.listing(store.conn, limit=1000))
            query = "SELECT count(*) FROM rule_events WHERE event_type = 'RULE_TRIGGERED'"
            self.story.triggers = store.conn.execute(query).fetchone()[0]
        self.story.orders = len(self.place.now_orders())


@contextmanager
def _repeatable() -> Iterator[None]:
    """Ids follow the seed, and books are read one after another: threads would choose whom a fault hits."""
    before, at_once = ids.os, books.AT_ONCE
    books.AT_ONCE = 1
    try:
        yield
    finally:
        ids.os, books.AT_ONCE = before, at_once
        points.set_hook(None)


def simulate(seed: int) -> Story:
    """Given a seed, live its story through; `wrong` is empty where every promise was kept."""
    with _repeatable(), Gateway() as gateway, a_place(gateway) as place:
        simulation = Simulation(place, seed)
        try:
            return simulation.run()
        except Exception:
            simulation.story.wrong.append(traceback.format_exc(limit=-5))
            return simulation.story
