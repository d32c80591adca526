"""A bank of planted bugs: each is patched into a copy of the program, and the proof must notice it.

A bug that nothing notices means that the proof has a hole, not that the bug is harmless.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tm
from tests.proof.hunt import WRONG
from tests.proof.pool import spread

SOURCE = Path(tm.__file__).parent.parent
COPIED = ("tm", "tests", "pyproject.toml")
SECONDS = 240

EVIDENCE = "tests/unit/test_evidence.py"
ONCE = "tests/integration/test_once.py::"


@dataclass(frozen=True)
class Bug:
    """`patches`: (file, what stands there, what the bug makes of it); `found_by`: what notices it."""

    name: str
    patches: tuple[tuple[str, str, str], ...]
    found_by: tuple[str, ...]  # hunt's cases, or a test's id


BUGS = [
    Bug("re-arm on timeout",
        (("tm/venue/answers.py", "Outcome.NOT_SENT if reply.unsent else Outcome.UNKNOWN",
          "Outcome.NOT_SENT"),),
        ("partial / dropped after acceptance",)),
    Bug("POST before the commit",
        (("tm/engine/orders.py", '    with engine.store.write("intent.commit") as conn:\n',
          '    global EARLY\n    EARLY = engine.venue.sell(attempt.token_id, attempt.shares)\n'
          '    with engine.store.write("intent.commit") as conn:\n'),
         ("tm/engine/orders.py", "return engine.venue.sell(attempt.token_id, attempt.shares)",
          "return EARLY")),
        ("partial / matched @ 1 intent.commit.before_commit",)),
    Bug("retry of the POST",
        (("tm/venue/vincent.py", '        return self._once(call, "POST", path, body, _ORDER_SECONDS)',
          '        reply = self._once(call, "POST", path, body, _ORDER_SECONDS)\n'
          '        again = isinstance(reply, NoReply)\n'
          '        return self._once(call, "POST", path, body, _ORDER_SECONDS) if again else reply'),),
        ("partial / dropped after acceptance",)),
    Bug("dropped unique index",
        (("tm/store/schema.py", "CREATE UNIQUE INDEX one_open_attempt_per_token",
          "CREATE INDEX one_open_attempt"),),
        ("tests/integration/test_store.py",)),
    Bug("no lock",
        (("tm/engine/files.py", "        lock.acquire()\n", "        pass\n"),),
        (ONCE + "test_two_ticks_at_once_are_one",)),
    Bug("outcome from holdings alone",
        (("tm/rules/evidence.py", "    by_size = attempt.order_id is None\n",
          "    by_size = attempt.order_id is None\n"
          "    now_held = look.holdings.by_token.get(attempt.token_id)\n"
          "    if now_held is not None and attempt.baseline.held - now_held.shares >= attempt.shares:\n"
          "        return Verdict(True, attempt.shares, watch)\n"),),
        ("rare sold by hand meanwhile", EVIDENCE)),
    Bug("half of the trade rows taken for the fill",
        (("tm/rules/evidence.py",
          "whole = [rows for rows in groups.values() if sum(row.size for row in rows) == attempt.shares]",
          "whole = list(groups.values())"),
         ("tm/rules/evidence.py", "fill.settled and fill.size == attempt.shares", "fill.settled")),
        ("partial / split rows, lost answer",)),
    Bug("approval sent again",
        (("tm/venue/answers.py", '{"outcome": Outcome.PENDING_APPROVAL,',
          '{"outcome": Outcome.NOT_FILLED,'),),
        ("partial / 202 granted late",)),
    Bug("500 taken for failure",
        (("tm/venue/answers.py", 'return {"outcome": Outcome.UNKNOWN, "reason": _unknown_words(reply, said)}',
          'failed = Outcome.NOT_FILLED if status == 500 else Outcome.UNKNOWN\n'
          '    return {"outcome": failed, "reason": _unknown_words(reply, said)}'),),
        ("partial / BET_FAILED, but filled",)),
    Bug("local clock for the horizon",
        (("tm/rules/evidence.py",
          "None if sent_at is None or look.venue_at is None else _seconds(look.venue_at - sent_at)",
          "_seconds(look.at - attempt.created_at)"),),
        (ONCE + "test_a_clock_that_jumps_expires_nothing_and_hides_nothing",)),
    Bug("no sent.mark",
        (("tm/engine/orders.py", "        files.write_sent_mark(engine.state_dir, attempt.seq)\n",
          "        pass\n"),),
        ("rare an old copy",)),
    Bug("baseline ignored",
        (("tm/rules/evidence.py", "        and trade.id not in baseline.trade_ids\n", ""),),
        (EVIDENCE,)),
    Bug("cancel not remembered",
        (("tm/service/rules.py", "table.update(conn, rule.id, now, cancel_requested=True)", "pass"),),
        (ONCE + "test_a_cancel_while_the_order_is_out_is_kept",)),
    Bug("pause ignored by the intent",
        (("tm/engine/orders.py", 'if state.paused(conn) is not None:\n        raise NotNow("paused")',
          "pass"),),
        ("within stop @ vincent.trades.after pause",)),
    Bug("cancel ignored by the intent",
        (("tm/engine/orders.py", "if rule.cancel_requested:", "if False:"),),
        ("within stop @ vincent.trades.after cancel",)),
    Bug("FAILED rows taken for sold",
        (("tm/rules/evidence.py", 'sold = [row for row in rows if row.status != "FAILED"]', "sold = rows"),),
        ("stop / MATCHED turns FAILED",)),
    Bug("orphans forgotten",
        (("tm/engine/tick.py", "    harness.adopt_orphans(engine)\n", ""),),
        ("stop / matched @ 1 job.claim.after_commit",)),
    Bug("no horizon",
        (("tm/rules/evidence.py", "APPROVAL_HORIZON = Decimal(36 * 60)", "APPROVAL_HORIZON = Decimal(0)"),),
        ("partial / 202 with a lost answer",)),
    Bug("a slice is not counted",
        (("tm/engine/consequences.py", '            "sold_shares": sold,\n', ""),),
        ("partial / thin book",)),
    Bug("a wake by another name",
        (("tm/agent/openclaw.py", 'correlation = f"tm-{job_id}"',
          'correlation = f"tm-x{os.urandom(12).hex()}"'),),
        ("rare a wake's orphan", "tests/integration/test_openclaw.py")),
    Bug("our resting order is left",
        (("tm/engine/reconcile.py", "        engine.venue.cancel_order(order_id)\n", "        pass\n"),),
        ("rare our order rests",)),
    Bug("a death means: not sent",
        (("tm/engine/reconcile.py",
          "        outcome=Outcome.UNKNOWN,\n        reason=\"the process ended",
          "        outcome=Outcome.NOT_SENT, closed_at=attempt.created_at,\n"
          "        reason=\"the process ended"),),
        ("partial / matched @ 1 vincent.bet.after",)),
    Bug("403 denied taken for a wait",
        (("tm/venue/answers.py", '"outcome": Outcome.REJECTED, "reason": "denied by the wallet',
          '"outcome": Outcome.NOT_FILLED, "reason": "denied by the wallet'),),
        ("tests/integration/test_protection.py",)),
    Bug("a trade row counted twice",
        (("tm/rules/evidence.py", "return list({trade.id: trade for trade in trades}.values())",
          "return list(trades)"),),
        (EVIDENCE,)),
    Bug("another attempt's order claimed",
        (("tm/rules/evidence.py", "        and trade.order_id not in claimed\n", ""),),
        (EVIDENCE,)),
    Bug("the owner's resting order claimed",
        (("tm/rules/evidence.py", "        and trade.order_id not in watch.resting_seen\n", ""),),
        (EVIDENCE,)),
    Bug("one look says that nothing was sold",
        (("tm/rules/evidence.py", "CLEAR_LOOKS_APART = Decimal(15)", "CLEAR_LOOKS_APART = Decimal(0)"),),
        (EVIDENCE,)),
    Bug("MATCHED taken for settled",
        (("tm/rules/evidence.py", 'frozenset({"CONFIRMED", "MINED", "FAILED"})',
          'frozenset({"CONFIRMED", "MINED", "FAILED", "MATCHED"})'),),
        ("stop / MATCHED turns FAILED",)),
    Bug("holdings not looked at",
        (("tm/rules/evidence.py", "now_held >= expected - min(SHARE_STEP, attempt.shares) / 2", "True"),),
        (EVIDENCE,)),
    Bug("unread holdings taken for zero",
        (("tm/engine/baseline.py", "return None if holdings.page_full else Decimal(0)",
          "return Decimal(0)"),),
        ("rare a full page",)),
    Bug("a future instant waited for",
        (("tm/rules/backoff.py", "return left <= 0 or left > maximum_seconds", "return left <= 0"),),
        (ONCE + "test_a_clock_that_jumps_delays_no_stop", "tests/unit/test_backoff.py")),
    Bug("an alert without its job",
        (("tm/service/alerts.py", "            route(conn, ctx.settings, alert, now)\n",
          "            alerts.swap_status(conn, alert.id, alert.status, AlertStatus.QUEUED, now)\n"),),
        ("alert sell / matched",)),
    Bug("a wake that is given up",
        (("tm/engine/wakes.py", "again = answer.retry and job.attempts < job.max_attempts",
          "again = False"),),
        ("rare a gateway that comes back",)),
    Bug("synchronous=NORMAL",
        (("tm/store/db.py", '("synchronous = FULL", 2)', '("synchronous = NORMAL", 1)'),),
        ("tests/integration/test_store.py",)),
]  # fmt: skip
SAMPLE = ["re-arm on timeout", "pause ignored by the intent"]
BY_NAME = {bug.name: bug for bug in BUGS}


def plant(bug: Bug, directory: Path) -> None:
    """Copy the program and its tests, with the bug in it. A patch whose text is gone is a stale patch."""
    for name in COPIED:
        source = SOURCE / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory / name)
    for file, stands, becomes in bug.patches:
        path = directory / file
        text = path.read_text("utf-8")
        assert text.count(stands) == 1, f"{bug.name}: {file} no longer says {stands!r}"
        path.write_text(text.replace(stands, becomes), "utf-8")


def run(directory: Path, case: str) -> subprocess.CompletedProcess[str]:
    """Run a case or a test of the copy."""
    if case.startswith("tests/"):
        command = ["-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", case]
    else:
        command = ["-m", "tests.proof.hunt", case]
    environment = {**os.environ, "PYTHONPATH": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


def noticed(name: str) -> str | None:
    """Plant a bug; return None where it is noticed, or what was tried in vain, or that its patch is stale."""
    from tests.proof.place import ram_directory

    with ram_directory() as place:
        try:
            plant(BY_NAME[name], Path(place))
        except AssertionError as stale:
            return str(stale)
        for case in BY_NAME[name].found_by:
            done = run(Path(place), case)
            if done.returncode == (1 if case.startswith("tests/") else WRONG):
                return None
            if done.returncode != 0:
                return f"{name}: {case} cannot be run: {done.stdout[-800:]}{done.stderr[-800:]}"
    return f"{name}: noticed by none of {BY_NAME[name].found_by}"


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_bug_is_noticed(name):
    assert noticed(name) is None


@pytest.mark.long
def test_every_planted_bug_is_noticed(record_property):
    missed = [missed for missed in spread(noticed, [(bug.name,) for bug in BUGS]) if missed is not None]
    record_property("figures", f"{len(BUGS)} planted bugs, {len(BUGS) - len(missed)} noticed")
    assert not missed, "\n".join(missed)


@pytest.mark.long
def test_what_notices_them_is_content_with_the_program_as_it_is():
    cases = sorted({case for bug in BUGS for case in bug.found_by if not case.startswith("tests/")})
    done = subprocess.run(
        [sys.executable, "-m", "tests.proof.hunt", *cases],
        cwd=SOURCE, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
