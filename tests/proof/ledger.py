"""The simulation's oracle: who asked for what, and what the exchange really did about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.proof.oracle import MAY_STILL_FILL
from tm.model import ActionType, Attempt, Rule, RuleType
from tm.numbers import DUST_SHARES, canonical, is_dust
from tm.store import attempts, rules, state

if TYPE_CHECKING:
    from tests.proof.place import Place

REMEMBERED = 90.0  # seconds for which holdings may still be shown as they were


@dataclass
class Owner:
    """A rule or an alert, and how many shares its orders may sell in all."""

    bound: Decimal
    fixed: bool  # SELL_PARTIAL: never more, whatever happens


class Ledger:
    """Each order that was accepted, with the intent that it must have."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.wrong: list[str] = []
        self.intents: list[Attempt] = []  # of each accepted order, in their order
        self.owners: dict[str, Owner] = {}
        self.unheard: set[int] = set()  # orders that wait for an approval of which we never heard
        self.history: list[tuple[float, dict[str, Decimal]]] = []
        self.forgotten = 0  # orders that were accepted before an old copy was put back
        self.known_attempts: set[str] = set()
        self.banned: set[str] = set()  # rules and alerts that were canceled before this step

    def before(self) -> None:
        """Remember what is held, and what may not send in the step that follows."""
        now = self.place.clock.at.timestamp()
        held = {token: Decimal(shares) for token, shares in self.place.wallet().items()}
        self.history = [(at, was) for at, was in self.history if at >= now - REMEMBERED] + [(now, held)]
        with self.place.store() as store:
            self.banned = {rule.id for rule in rules.listing(store.conn, limit=1000) if _ended(rule)}
            self.paused = state.paused(store.conn) is not None

    def after(self) -> None:
        """Find the intent of each order that was accepted in the step; check that it might be sent."""
        orders = self.place.now_orders()
        with self.place.store() as store:
            found = attempts.listing(store.conn, limit=1000)
        fresh = [attempt for attempt in reversed(found) if attempt.id not in self.known_attempts]
        self.known_attempts |= {attempt.id for attempt in fresh}
        for attempt in fresh:
            self._promise(attempt, orders)
        for number in range(len(self.intents), len(orders)):
            order = orders[number]
            # Of two in one step the first was refused: while one is open there is no other.
            match = next((one for one in reversed(fresh) if _is_of(order, one)), None)
            if match is None:
                self.wrong.append(
                    f"order {order['shares']} of {order['token']} was accepted without an intent"
                )
                match = Attempt(**{**_fields(found[0]), "rule_id": None, "alert_id": "nobody"})
            else:
                fresh.remove(match)
                self._check(match, number, orders)
            self.intents.append(match)
        for number, order in enumerate(orders):
            if order["status"] == "pending_approval" and self._answer_was_lost(self.intents[number]):
                self.unheard.add(number)

    def _check(self, intent: Attempt, number: int, orders: list[dict]) -> None:
        if self.paused:
            self.wrong.append("an order was accepted while paused")
        if (intent.rule_id or intent.alert_id) in self.banned:
            self.wrong.append("an order was accepted for a rule that had ended")
        for other, order in enumerate(orders[:number]):
            if order["token"] != intent.token_id or order["status"] not in MAY_STILL_FILL:
                continue
            if other < self.forgotten:
                continue  # an old copy does not know of it; a person vouched for going on
            late = other in self.unheard and self.intents[other].action is ActionType.SELL_ALL
            if not late:
                self.wrong.append(f"a second order was accepted while {order['status']}")

    def _promise(self, intent: Attempt, orders: list[dict]) -> None:
        """Remember how much an intent's rule or alert may sell: what it names, or all that it first saw."""
        owner_id = intent.rule_id or intent.alert_id or ""
        if intent.action is ActionType.SELL_PARTIAL:
            with self.place.store() as store:
                self.owners[owner_id] = Owner(_amount(store.conn, intent), fixed=True)
            return
        old = self.owners.get(owner_id, Owner(Decimal(0), fixed=False))
        if self.sold(orders[: len(self.intents)]).get(owner_id, Decimal(0)) == 0:
            seen = max(was.get(intent.token_id, Decimal(0)) for _, was in self.history)
            self.owners[owner_id] = Owner(max(old.bound, seen), fixed=False)

    def _answer_was_lost(self, intent: Attempt) -> bool:
        with self.place.store() as store:
            known = attempts.get(store.conn, intent.id)
        return known is None or known.heard != "accepted"

    def sold(self, orders: list[dict]) -> Counter[str]:
        """Shares really sold by now, by rule and alert."""
        total: Counter[str] = Counter()
        for intent, order in zip(self.intents, orders, strict=False):
            total[intent.rule_id or intent.alert_id or ""] += Decimal(order["filled"])  # type: ignore[assignment]
        return total

    def verdict(self, forgot: bool) -> list[str]:
        """What is wrong at the end. `forgot`: an old copy of the database was put back meanwhile."""
        orders = self.place.now_orders()
        wrong = list(self.wrong)
        late = {self.intents[number].rule_id or self.intents[number].alert_id for number in self.unheard}
        for owner_id, sold in self.sold(orders).items():
            owner = self.owners.get(owner_id)
            if owner is not None and sold > owner.bound and (owner.fixed or owner_id not in late):
                wrong.append(f"sold {canonical(sold)} for {owner_id}, asked {canonical(owner.bound)}")
        return wrong if forgot else wrong + self._claims(orders)

    def _claims(self, orders: list[dict]) -> list[str]:
        """What is written down of each order agrees with what it did."""
        wrong = []
        theirs = {(order["token"], order["shares"]) for order in self.place.user_orders()}
        with self.place.store() as store:
            for number, (intent, order) in enumerate(zip(self.intents, orders, strict=True)):
                known = attempts.get(store.conn, intent.id)
                same_size = (order["token"], order["shares"]) in theirs
                if known is None or same_size or number in self.unheard:
                    continue
                told, true = known.filled_shares or Decimal(0), Decimal(order["filled"])
                if told != true:
                    wrong.append(f"{intent.id}: the exchange sold {true}, written down is {told}")
        return wrong


def still_owed(rule: Rule, bid: Decimal, held: Decimal) -> bool:
    """Say whether a rule's condition holds and there is something to sell, but it has not sold it."""
    if is_dust(held, bid):
        return False
    if rule.status == "TRIGGERED":
        left = (rule.promised_shares or Decimal(0)) - rule.sold_shares
        return left >= DUST_SHARES and not is_dust(left, bid)
    if rule.status != "ACTIVE" or rule.trigger_price is None:
        return False
    left = held if rule.promised_shares is None else rule.promised_shares - rule.sold_shares
    if is_dust(left, bid):
        return False
    above = rule.rule_type is RuleType.TAKE_PROFIT
    return bid >= rule.trigger_price if above else bid <= rule.trigger_price


def _ended(rule: Rule) -> bool:
    return rule.status in ("CANCELED", "EXPIRED", "FAILED")


def _is_of(order: dict, attempt: Attempt) -> bool:
    return order["token"] == attempt.token_id and Decimal(order["shares"]) == attempt.shares


def _amount(conn, intent: Attempt) -> Decimal:
    """The shares that a SELL_PARTIAL asked for."""
    if intent.rule_id is not None:
        rule = rules.get(conn, intent.rule_id)
        assert rule is not None
        return rule.action.amount or Decimal(0)
    row = conn.execute("SELECT payload FROM harness_jobs WHERE id = ?", (intent.job_id,)).fetchone()
    import json

    return Decimal(str(json.loads(row["payload"])["action"]["amount"]))


def _fields(attempt: Attempt) -> dict:
    return {name: getattr(attempt, name) for name in attempt.__dataclass_fields__}
