"""The database file: how it opens, what it refuses, and what survives."""

import os
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tm.errors import Busy, DatabaseError
from tm.ids import new_id
from tm.model import (
    Action,
    ActionType,
    Attempt,
    Baseline,
    EventType,
    Job,
    JobStatus,
    JobType,
    Outcome,
    Rule,
    RuleStatus,
    RuleType,
)
from tm.store import attempts, db, events, jobs, rules
from tm.store.db import has_wal_bug, open_store

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "state" / "trade-manager.db") as opened:
        yield opened


def a_rule(**changes):
    fields = {
        "id": new_id(),
        "rule_type": RuleType.STOP_LOSS,
        "market_id": "m",
        "token_id": "t",
        "trigger_price": Decimal("0.4"),
        "trailing_percent": None,
        "action": Action(ActionType.SELL_ALL),
        "status": RuleStatus.ACTIVE,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Rule(**{**fields, **changes})


def a_job(rule_id, **changes):
    fields = {
        "id": new_id(),
        "job_type": JobType.EXECUTE_TXN,
        "status": JobStatus.RUNNING,
        "attempts": 0,
        "max_attempts": 5,
        "run_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "rule_id": rule_id,
    }
    return Job(**{**fields, **changes})


def an_attempt(rule_id, job_id, **changes):
    fields = {
        "id": new_id(),
        "seq": 0,
        "job_id": job_id,
        "rule_id": rule_id,
        "market_id": "m",
        "token_id": "t",
        "action": ActionType.SELL_ALL,
        "shares": Decimal(10),
        "outcome": Outcome.SENT,
        "request": {},
        "baseline": Baseline(Decimal(10), (), (), None, None, NOW),
        "created_at": NOW,
    }
    return Attempt(**{**fields, **changes})


@pytest.fixture
def sent(store):
    """A store with one rule, its job, and an order that has been sent."""
    rule = a_rule()
    job = a_job(rule.id)
    attempt = an_attempt(rule.id, job.id)
    with store.write("test") as conn:
        rules.insert(conn, rule)
        jobs.insert(conn, job)
        attempts.insert(conn, attempt)
    return attempt


def test_file_and_directory_are_the_owners_alone(store):
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_every_connection_is_durable_and_checks_references(store):
    pragmas = {name: store.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in
               ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_rule_comes_back_as_it_was_put(store):
    rule = a_rule(action=Action(ActionType.SELL_PARTIAL, Decimal("12.5")), expires_at=NOW + timedelta(days=1))
    with store.write("test") as conn:
        rules.insert(conn, rule)
    assert rules.get(store.conn, rule.id) == rule


def test_a_failed_transaction_leaves_nothing(store):
    rule = a_rule()
    with pytest.raises(RuntimeError), store.write("test") as conn:
        rules.insert(conn, rule)
        raise RuntimeError
    assert rules.get(store.conn, rule.id) is None


def test_a_float_never_becomes_a_column(store):
    with pytest.raises(TypeError), store.write("test") as conn:
        rules.insert(conn, a_rule(trigger_price=0.4))


def test_the_status_decides_whether_it_moves(store):
    rule = a_rule()
    with store.write("test") as conn:
        rules.insert(conn, rule)
        assert rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.TRIGGERED, NOW)
        assert not rules.swap_status(conn, rule.id, RuleStatus.ACTIVE, RuleStatus.TRIGGERED, NOW)


def test_a_token_has_one_open_attempt_at_most(store, sent):
    with pytest.raises(DatabaseError, match="UNIQUE"), store.write("test") as conn:
        attempts.insert(conn, an_attempt(sent.rule_id, sent.job_id))


def test_a_rule_has_one_open_order_job_at_most(store, sent):
    with pytest.raises(DatabaseError, match="UNIQUE"), store.write("test") as conn:
        jobs.insert(conn, a_job(sent.rule_id, status=JobStatus.PENDING))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM execution_attempts",
        "UPDATE execution_attempts SET shares = '99'",
        "UPDATE execution_attempts SET baseline = '{}'",
        "UPDATE execution_attempts SET token_id = 'other'",
        "UPDATE execution_attempts SET outcome = 'filled'",  # without closed_at
    ],
)
def test_an_attempt_keeps_its_terms(store, sent, statement):
    with pytest.raises(DatabaseError), store.write("test") as conn:
        conn.execute(statement)


@pytest.mark.parametrize("back", [Outcome.SENT, Outcome.UNKNOWN, Outcome.PENDING_APPROVAL])
def test_an_attempt_never_moves_back(store, sent, back):
    with store.write("test") as conn:
        attempts.move(conn, sent.id, (Outcome.SENT,), outcome=Outcome.MATCHED)
    with pytest.raises(DatabaseError, match="forward"), store.write("test") as conn:
        attempts.move(conn, sent.id, (Outcome.MATCHED,), outcome=back)


def test_a_closed_attempt_is_final(store, sent):
    with store.write("test") as conn:
        attempts.move(conn, sent.id, (Outcome.SENT,), outcome=Outcome.NOT_FILLED, closed_at=NOW)
    with pytest.raises(DatabaseError, match="forward"), store.write("test") as conn:
        attempts.move(conn, sent.id, (Outcome.NOT_FILLED,), needs_operator=True)


def test_events_refuse_every_change_and_deletion_but_of_old_evaluations(store):
    rule = a_rule()
    with store.write("test") as conn:
        rules.insert(conn, rule)
        events.add(conn, rule.id, EventType.RULE_CREATED, NOW)
        events.add(conn, rule.id, EventType.RULE_EVALUATED, NOW)
        events.add(conn, rule.id, EventType.RULE_EVALUATED, NOW + timedelta(days=2))
    for statement in ("UPDATE rule_events SET event_data = '{}'", "DELETE FROM rule_events"):
        with pytest.raises(DatabaseError), store.write("test") as conn:
            conn.execute(statement)
    with store.write("test") as conn:
        assert events.delete_evaluations(conn, NOW + timedelta(days=1), 500) == 1
    left = [event.event_type for event in events.listing(store.conn)]
    assert left == [EventType.RULE_EVALUATED, EventType.RULE_CREATED]


def test_an_attempt_has_one_end_event_of_a_kind(store, sent):
    with store.write("test") as conn:
        events.add(conn, sent.rule_id, EventType.ACTION_EXECUTED, NOW, attempt_id=sent.id)
    with pytest.raises(DatabaseError, match="UNIQUE"), store.write("test") as conn:
        events.add(conn, sent.rule_id, EventType.ACTION_EXECUTED, NOW, attempt_id=sent.id)


def test_a_newer_schema_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "t.db"
    open_store(path).close()
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="schema 99") as caught:
        open_store(path)
    assert caught.value.code == "database_newer"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "t.db"
    path.write_bytes(b"this is a letter, not a database " * 100)
    with pytest.raises(DatabaseError) as caught:
        open_store(path)
    assert caught.value.code == "database_corrupt"
    assert path.read_bytes().startswith(b"this is a letter")


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "t.db"
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE theirs (x)")
    conn.commit()
    conn.close()
    with pytest.raises(DatabaseError) as caught:
        open_store(path)
    assert caught.value.code == "database_foreign"


def test_a_full_disk_is_said_and_loses_nothing(store):
    pages = store.conn.execute("PRAGMA page_count").fetchone()[0]
    store.conn.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseError) as caught:
        for _ in range(500):
            with store.write("test") as conn:
                rules.insert(conn, a_rule(label="x" * 500))
    assert caught.value.code == "disk_full"
    store.conn.execute("PRAGMA max_page_count = 100000")
    with store.write("test") as conn:
        rules.insert(conn, a_rule())
    assert store.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_writer_that_stays_makes_us_say_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(db, "BUSY_TIMEOUT_SECONDS", 0.2)
    path = tmp_path / "t.db"
    with open_store(path) as first, open_store(path) as second, first.write("test"):
        with pytest.raises(Busy), second.write("test"):
            pass


def test_what_a_killed_writer_had_not_committed_is_gone_and_the_rest_stays(tmp_path):
    path = tmp_path / "t.db"
    program = f"""
import os, signal
from tm.store.db import open_store
store = open_store({str(path)!r})
with store.write("one") as conn:
    conn.execute("INSERT INTO config VALUES ('kept', '1')")
with store.write("two") as conn:
    conn.execute("INSERT INTO config VALUES ('lost', '1')")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ)
    assert ended.returncode == -9
    with open_store(path) as store:
        keys = [row[0] for row in store.conn.execute("SELECT key FROM config")]
        assert keys == ["kept"]
        assert store.conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize(
    ("version", "bug"),
    [((3, 40, 1), True), ((3, 44, 6), False), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True),
     ((3, 51, 3), False), ((3, 52, 0), False)],
)  # fmt: skip
def test_which_sqlite_needs_our_write_lock(version, bug):
    assert has_wal_bug(version) is bug
