"""A database that an older tm wrote: brought forward whole, with a copy beside it."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

from sqlite_utils import Database

from tm.model import RuleStatus
from tm.store import rules
from tm.store.db import open_store
from tm.store.schema import APPLICATION_ID, SCHEMA_VERSION, migrations

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

OLD_RULE = """
INSERT INTO trade_rules (id, rule_type, market_id, token_id, side, trigger_price, action_type, status,
    created_at, updated_at)
VALUES ('c1', 'STOP_LOSS', 'm', 't', 'BUY', '0.4', 'SELL_ALL', 'ACTIVE',
    '2026-07-01T12:00:00.000Z', '2026-07-01T12:00:00.000Z')
"""


def old_database(path, stop_before):
    conn = sqlite3.connect(path, isolation_level=None)
    migrations().apply(Database(conn), stop_before=stop_before)
    conn.execute(OLD_RULE)
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    conn.execute(f"PRAGMA user_version = {int(stop_before[1:4]) - 1}")
    conn.close()


def test_a_rule_of_the_first_schema_stands_as_it_was(tmp_path):
    path = tmp_path / "t.db"
    old_database(path, "m002_levels_and_history")
    with open_store(path) as store:
        assert store.conn.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        (rule,) = rules.with_status(store.conn, RuleStatus.ACTIVE)
        assert (rule.id, rule.trigger_price, rule.created_at) == ("c1", Decimal("0.4"), NOON)
        assert (rule.trigger_percent, rule.entry_price, rule.activation_price) == (None, None, None)
    kept = sqlite3.connect(tmp_path / "t.db.schema-1.bak")
    assert kept.execute("SELECT id FROM trade_rules").fetchall() == [("c1",)]
    kept.close()
