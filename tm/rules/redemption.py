"""What became of a redemption: the holdings tell, because a redemption has no trades."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tm.market import Look
from tm.model import Attempt
from tm.rules.evidence import HORIZON, NEEDS_OPERATOR_AFTER, Verdict, with_look


def judge(attempt: Attempt, look: Look) -> Verdict:
    """Given an open redemption and a look, return what may be concluded.

    Redeemed: in two looks 15 s apart the token is gone from a page that is not full. Not redeemed: it is
    still there, two such looks after the horizon. A redemption sent twice pays nothing twice, so the
    short horizon is enough whoever answered.
    """
    watch = with_look(attempt, look)
    absent = attempt.token_id not in look.holdings.by_token
    if absent and look.holdings.page_full:
        return Verdict(False, Decimal(0), watch)
    sign = Decimal(-1) if absent else Decimal(1)  # looks of one kind in a row, told apart by their sign
    counts = absent or watch.waited > HORIZON
    same = tuple(at for at in watch.clear_looks if at * sign > 0)
    looks = (*same[:1], watch.waited * sign) if counts else ()
    watch = replace(watch, clear_looks=looks)
    if len(looks) == 2 and abs(looks[1] - looks[0]) >= 15:
        return Verdict(True, attempt.shares if absent else Decimal(0), watch)
    late = watch.waited > NEEDS_OPERATOR_AFTER
    return Verdict(False, Decimal(0), watch, needs_operator=late)
