"""What a person does, and what befalls rules: parts of the rare moments."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from tests.proof.place import Place
from tests.world import TOKEN
from tm.model import RuleStatus
from tm.service import control, rules
from tm.service.new_rule import new_rule
from tm.store import rules as rule_table
from tm.store import state


def add_a_stop(place: Place) -> object:
    body = {"ruleType": "STOP_LOSS", "marketId": "m", "tokenId": TOKEN, "triggerPrice": "0.40",
            "action": {"type": "SELL_ALL"}}  # fmt: skip
    with place.context() as context:
        return rules.add_rule(context, new_rule(body))


def only_rule(place: Place):
    with place.store() as store:
        return rule_table.listing(store.conn)[0]


def rules_are_whole(place: Place) -> str | None:
    """A rule that was acknowledged is there, and each has its RULE_CREATED."""
    with place.store() as store:
        known = rule_table.listing(store.conn)
    created = sum(kind == "RULE_CREATED" for kind in place.events())
    if not 1 <= len(known) <= 2 or created != len(known):
        return f"{len(known)} rules, {created} were created"
    return None


def edit(place: Place) -> None:
    with place.context() as context:
        rules.edit_rule(context, only_rule(place).id, Decimal("0.35"))


def cancel(place: Place) -> None:
    with place.context() as context:
        rules.cancel_rule(context, only_rule(place).id)


def pause(place: Place) -> None:
    with place.context() as context:
        control.pause(context, "because")


def resume(place: Place, *, restored: bool = False) -> None:
    with place.context() as context:
        control.resume(context, restored=restored)


def paused(place: Place) -> object:
    with place.store() as store:
        return state.paused(store.conn)


def guarded(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40")
    place.tick()


def falls(place: Place) -> None:
    guarded(place)
    place.price("0.39")


def falls_while_paused(place: Place) -> None:
    falls(place)
    pause(place)


def rule_is(status: RuleStatus) -> Callable[[Place], str | None]:
    def check(place: Place) -> str | None:
        found = only_rule(place).status
        return None if found is status else f"the rule is {found}, not {status}"

    return check


def sold(shares: int) -> Callable[[Place], str | None]:
    return lambda place: None if place.sold() == shares else f"sold {place.sold()}, not {shares}"


# ---- restored, expired, closed -------------------------------------------------------------------


def old_copy(place: Place) -> None:
    """The database is put back to a moment before the first order."""
    guarded(place)
    with place.store() as store:
        store.conn.execute("VACUUM INTO ?", (str(place.state_dir / "copy.db"),))
    place.price("0.39")
    place.tick(3)
    database = place.settings.database_path
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    shutil.move(place.state_dir / "copy.db", database)
    place.exchange.hold(TOKEN, 100)


def old_copy_noticed(place: Place) -> None:
    old_copy(place)
    place.tick()


def stays_paused(place: Place) -> str | None:
    return None if paused(place) and len(place.now_orders()) == 1 else "an old copy sent an order"


def goes_on(place: Place) -> str | None:
    return None if not paused(place) and len(place.now_orders()) == 2 else "it does not go on"


def knows_machine(place: Place) -> str | None:
    from tm.engine import files

    with place.store() as store:
        known = state.get(store.conn, state.MACHINE_ID)
    return None if known == files.machine_id() else "the machine is not remembered"


def late_rule(place: Place) -> None:
    place.hold()
    place.rule("STOP_LOSS", "0.40", expires_at=place.now() + timedelta(seconds=20))
    place.tick()
    place.clock.advance(10)
    place.price("0.39")


def sold_by_hand(place: Place) -> None:
    guarded(place)
    place.tick(5)
    place.exchange.user_sell(TOKEN, 100)
    place.tick(4)
    place.clock.advance(45)


def ticks_of_a_while(place: Place) -> None:
    place.one_tick()
