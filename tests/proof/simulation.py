"""A seeded simulation: a few markets, an unruly exchange, a person who trades too, and a machine that dies.

Everything that happens follows from the seed: the same seed is the same story. When its first part is over
all trouble stops, and everything must come to rest, with every promise kept.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace

from tests.gateway import Gateway
from tests.proof.cases import LATER
from tests.proof.ledger import still_owed
from tests.proof.mischief import TOKENS, Mischief, Story
from tests.proof.oracle import about_jobs, waits_for_a_person
from tests.proof.place import Place, a_place
from tm import ids, points
from tm.engine import books
from tm.service import control, jobs
from tm.store import alerts as alert_table
from tm.store import attempts
from tm.store import jobs as job_table
from tm.store import rules as rule_table

TROUBLED = 34  # ticks
QUIET_WITHIN = 110  # ticks more
GIVEN_UP_AT = 90  # of them, a person who was woken looks at what is still open
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


class Simulation(Mischief):
    def __init__(self, place: Place, seed: int) -> None:
        self._stage(place, seed)
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
            if number == GIVEN_UP_AT:
                self._settle_by_hand()
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

    def _settle_by_hand(self) -> None:
        """Settle what nothing proves, as `tm job resolve` does: a person looks at the exchange."""
        with self.place.store() as store:
            asking = [one for one in attempts.open_ones(store.conn) if one.needs_operator]
        orders = dict(zip((one.id for one in self.ledger.intents), self.place.now_orders(), strict=True))
        for one in asking:
            sold = Decimal(orders[one.id]["filled"]) if one.id in orders else Decimal(0)
            with self.place.context() as context:
                jobs.resolve_job(context, one.job_id, sold, by="owner")
            self.story.by_hand += 1
            self.say(f"settled by hand: {one.id} sold {sold}")

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
    chance = random.Random(f"settings of {seed}")
    settings = {
        "requestsPerTick": chance.choice((20, 20, 20, 7)),
        "confirmTicks": chance.choice((1, 1, 2)),
        "evaluationLog": chance.choice(("changes", "all")),
    }
    with _repeatable(), Gateway() as gateway, a_place(gateway, **settings) as place:
        simulation = Simulation(place, seed)
        try:
            return simulation.run()
        except Exception:
            simulation.story.wrong.append(traceback.format_exc(limit=-5))
            return simulation.story
