"""Run chosen cases alone, and end with 9 if one goes wrong: `python -m tests.proof.hunt CASE ...`

"stop / dropped after acceptance"                               without a death
"stop / dropped after acceptance @ 1 vincent.bet.after"         death in the first tick, at a point
"rare an old copy"        "rare an old copy @ restore.pause.after_commit"
"within stop @ job.claim.after_commit pause"                    somebody pauses in the middle of a tick
"seed 143"                                                      a simulated day
"""

from __future__ import annotations

import sys
import traceback

from tests.gateway import Gateway
from tests.proof.cases import run_case
from tests.proof.rare import RARE, Rare, RareResult, run_rare
from tests.proof.scenarios import OUTCOMES, SCENARIOS
from tests.proof.simulation import simulate
from tests.proof.within import run_within

WRONG = 9  # not 1, with which Python ends when a case has a name that nothing bears
BY_NAME = {one.name: one for one in [*SCENARIOS, *OUTCOMES, *RARE]}


def hunted(case: str) -> str | None:
    """Given a case, return what went wrong with it, or None."""
    what, _, at = (part.strip() for part in case.partition("@"))
    if what.startswith("seed "):
        story = simulate(int(what.removeprefix("seed ")))
        return str(story) if story.wrong else None
    with Gateway() as gateway:
        if what.startswith("rare "):
            result = _rare(gateway, BY_NAME[what.removeprefix("rare ")], at or None)
        elif what.startswith("within "):
            point, _, action = at.partition(" ")
            result = run_within(gateway, what.removeprefix("within "), point, action)
        else:
            scenario, _, outcome = (part.strip() for part in what.partition("/"))
            words = at.split()
            kills = list(zip(map(int, words[::2]), words[1::2], strict=True))
            result = run_case(gateway, BY_NAME[scenario], BY_NAME[outcome], kills)
    return str(result) if result.wrong else None


def _rare(gateway: Gateway, rare: Rare, at: str | None) -> RareResult:
    try:
        return run_rare(gateway, rare, at)
    except Exception:
        return RareResult(rare.name, at, wrong=[traceback.format_exc(limit=-4)])


def main(cases: list[str]) -> int:
    found = [wrong for case in cases if (wrong := hunted(case)) is not None]
    sys.stdout.write("".join(f"{wrong}\n" for wrong in found))
    return WRONG if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
