"""The oracle: judges from what the exchange and the gateway saw, and only then asks what was written down."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tm.model import AlertStatus, JobStatus, JobType, RuleStatus
from tm.numbers import DUST_SHARES, canonical
from tm.store import alerts, attempts, jobs, rules

if TYPE_CHECKING:
    from tests.proof.place import Place

MAY_STILL_FILL = ("pending_approval", "delayed", "live")
CORRELATION = re.compile(r"tm-([a-z0-9]{20,})")


class Watchman:
    """Looks at the exchange after every step, while its clock stands still, and remembers what was wrong."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.wrong: list[str] = []
        self.known = 0
        self.unheard = False

    def look(self) -> None:
        """No order may be accepted while an earlier one of the same token could still fill.

        But for what we never heard of (`unheard`), because the answer was lost or its reader died: an
        approval of all that is held, which then finds nothing to sell, so that a stop does not wait 36
        minutes for it; and a market order that rests, which no exchange promises to avoid, and which
        cannot be told from the user's own.
        """
        orders = self.place.now_orders()
        if len(orders) == self.known:
            return
        self.known = len(orders)
        for number, order in enumerate(orders):
            earlier = [one for one in orders[:number] if one["token"] == order["token"]]
            if order["at"] == orders[-1]["at"] and any(self._may_fill(one, order) for one in earlier):
                self.wrong.append(f"a second order was accepted while {earlier[-1]['status']}")

    def _may_fill(self, earlier: dict, later: dict) -> bool:
        if earlier["status"] not in MAY_STILL_FILL:
            return False
        nothing_left = self.place.held(later["token"]) < DUST_SHARES
        return not (self.unheard and (earlier["status"] == "live" or nothing_left))


def sold_of(orders: list[dict], token: str | None = None) -> Decimal:
    chosen = [order for order in orders if token is None or order["token"] == token]
    return sum((Decimal(order["filled"]) for order in chosen), Decimal(0))


def verdict(place: Place, *, asked: Decimal, must_sell: bool, may_cancel: bool) -> list[str]:
    """What is wrong at the end; nothing: all promises were kept.

    `asked`: shares that rules and alerts asked to sell, all together. `must_sell`: nobody refused, so they
    must have been sold but for dust. `may_cancel`: a rule may have been canceled.
    """
    wrong = list(place.watch.wrong)
    orders = place.now_orders()
    sold = sold_of(orders)
    with place.store() as store:
        conn = store.conn
        intents = attempts.listing(conn, limit=1000)
        known_rules = rules.listing(conn, limit=1000)
        known_jobs = jobs.listing(conn, limit=1000)
        known_alerts = alerts.listing(conn, limit=1000)
    if len(orders) > len(intents):
        wrong.append(f"{len(orders)} orders accepted, {len(intents)} intents")
    if sold > asked:
        wrong.append(f"sold {canonical(sold)}, asked {canonical(asked)}")
    if must_sell and asked - sold >= DUST_SHARES:
        wrong.append(f"sold only {canonical(sold)} of {canonical(asked)}")
    claimed = sum((attempt.filled_shares or Decimal(0) for attempt in intents), Decimal(0))
    # What nobody heard of may be granted after the rule was given up, on a person's word or for its refusal.
    if claimed != sold and not (place.watch.unheard and may_cancel and not must_sell):
        wrong.append(f"the exchange sold {canonical(sold)}, written down is {canonical(claimed)}")
    for rule in known_rules:
        wrong += _about_rule(rule, may_cancel)
    waiting = {job.alert_id for job in known_jobs if waits_for_a_person(place, job)}
    for alert in known_alerts:
        if alert.status in (AlertStatus.RECEIVED, AlertStatus.QUEUED) and alert.id not in waiting:
            wrong.append(f"alert {alert.status}: it has no end")
    wrong += about_jobs(place, known_jobs)
    wrong += [f"integrity: {line}" for line in place.problem_free()]
    return wrong


def _about_rule(rule, may_cancel: bool) -> list[str]:
    if rule.status is RuleStatus.TRIGGERED:
        left = (rule.promised_shares or Decimal(0)) - rule.sold_shares
        return [f"rule TRIGGERED, {canonical(left)} shares not sold"] if left >= DUST_SHARES else []
    if rule.status is RuleStatus.FAILED:
        return [] if rule.error_message else ["rule FAILED without a reason"]
    if rule.status is RuleStatus.CANCELED and may_cancel:
        return []
    return [f"rule {rule.status}: its condition holds, and it ended neither sold nor FAILED"]


def about_jobs(place: Place, known: list) -> list[str]:
    """Every wake was delivered, under its own correlation id, or is FAILED with a reason."""
    wrong = []
    heard = {found for wake in place.gateway.wakes for found in CORRELATION.findall(wake.text)}
    for job in known:
        if job.status in (JobStatus.PENDING, JobStatus.RUNNING):
            if waits_for_a_person(place, job):
                continue
            wrong.append(f"{job.job_type} job {job.status}: it has no end")
        elif job.status is JobStatus.FAILED and not job.last_error:
            wrong.append(f"{job.job_type} job FAILED without a reason")
        elif job.job_type is JobType.WAKE_AGENT and job.status is JobStatus.SUCCEEDED and job.id not in heard:
            wrong.append("a wake is SUCCEEDED, and the gateway never heard it")
    strange = heard - {job.id for job in known}
    if strange:
        wrong.append(f"the gateway heard of jobs that nobody knows: {sorted(strange)}")
    return wrong


def waits_for_a_person(place: Place, job) -> bool:
    """An alert wants to sell what somebody else has sold: it waits, and the agent has been told so."""
    if job.alert_id is None or job.job_type is not JobType.EXECUTE_TXN or not job.waiting_told:
        return False
    return job.status is JobStatus.PENDING and place.held(job.payload["tokenId"]) < DUST_SHARES


def is_quiet(place: Place) -> bool:
    """Nothing is open, nothing is due later, and no rule still watches."""
    with place.store() as store:
        conn = store.conn
        if attempts.open_ones(conn) or rules.with_status(conn, RuleStatus.ACTIVE):
            return False
        left = [*jobs.running(conn), *jobs.pending(conn)]
        return not alerts.received(conn) and all(waits_for_a_person(place, job) for job in left)
