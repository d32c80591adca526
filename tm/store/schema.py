"""The tables, as numbered migrations. A change of shape is a new function at the end, never an edit.

Decimals are TEXT in canonical form, instants ISO 8601 UTC TEXT, structures JSON TEXT. Statuses are CHECKed,
and what must never happen to an order's record is refused by the file itself (triggers, partial indexes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Migrations

SCHEMA_VERSION = 2  # how many migrations there are; kept in PRAGMA user_version
APPLICATION_ID = 0x746D0001  # marks the file as ours (PRAGMA application_id)

_INITIAL = """
CREATE TABLE trade_rules (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    rule_type TEXT NOT NULL CHECK (rule_type IN ('STOP_LOSS', 'TAKE_PROFIT', 'TRAILING_STOP')),
    market_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side = 'BUY'),
    trigger_price TEXT,
    trailing_percent TEXT,
    action_type TEXT NOT NULL CHECK (action_type IN ('SELL_ALL', 'SELL_PARTIAL')),
    action_amount TEXT CHECK ((action_amount IS NULL) = (action_type = 'SELL_ALL')),
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'TRIGGERED', 'CANCELED', 'EXPIRED', 'FAILED')),
    triggered_at TEXT,
    trigger_tx_hash TEXT,
    error_message TEXT,
    label TEXT,
    expires_at TEXT,
    position_seen_at TEXT,
    promised_shares TEXT,
    sold_shares TEXT NOT NULL DEFAULT '0',
    not_before TEXT,
    rearm_count INTEGER NOT NULL DEFAULT 0,
    confirm_count INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    blind_since TEXT,
    blind_told INTEGER NOT NULL DEFAULT 0,
    unseen_since TEXT,
    unseen_told INTEGER NOT NULL DEFAULT 0,
    unsold_since TEXT,
    unsold_told INTEGER NOT NULL DEFAULT 0,
    last_evaluation TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX trade_rules_by_status ON trade_rules (status, seq);

CREATE TABLE monitored_positions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    market_id TEXT NOT NULL,
    token_id TEXT NOT NULL UNIQUE,
    side TEXT NOT NULL CHECK (side = 'BUY'),
    quantity TEXT NOT NULL,
    avg_entry_price TEXT,
    current_price TEXT,
    label TEXT,
    best_bid TEXT,
    best_ask TEXT,
    quote_at TEXT,
    redeemable INTEGER NOT NULL DEFAULT 0,
    quantity_since TEXT,
    anchor_quantity TEXT,
    anchor_at TEXT,
    absent_since TEXT,
    absent_looks INTEGER NOT NULL DEFAULT 0,
    last_updated_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE alert_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    alert_type TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('EXECUTE_TXN', 'WAKE_AGENT', 'IGNORE')),
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    payload TEXT NOT NULL,
    expires_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('RECEIVED', 'QUEUED', 'PROCESSED', 'FAILED', 'IGNORED')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (source, idempotency_key)
) STRICT;
CREATE INDEX alert_events_by_status ON alert_events (status, seq);

CREATE TABLE harness_jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    alert_id TEXT REFERENCES alert_events (id),
    rule_id TEXT REFERENCES trade_rules (id),
    job_type TEXT NOT NULL CHECK (job_type IN ('EXECUTE_TXN', 'WAKE_AGENT')),
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED')),
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    run_at TEXT NOT NULL,
    last_error TEXT,
    last_attempt_at TEXT,
    subjects TEXT NOT NULL DEFAULT '[]',
    payload TEXT NOT NULL DEFAULT '{}',
    promised_shares TEXT,
    sold_shares TEXT NOT NULL DEFAULT '0',
    rearm_count INTEGER NOT NULL DEFAULT 0,
    waiting_since TEXT,
    waiting_told INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK (alert_id IS NULL OR rule_id IS NULL)
) STRICT;
CREATE INDEX harness_jobs_by_status ON harness_jobs (status, run_at);
CREATE INDEX harness_jobs_by_alert ON harness_jobs (alert_id);
CREATE UNIQUE INDEX one_open_order_job_per_rule ON harness_jobs (rule_id)
    WHERE job_type = 'EXECUTE_TXN' AND status IN ('PENDING', 'RUNNING');

CREATE TABLE execution_attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    alert_id TEXT REFERENCES alert_events (id),
    rule_id TEXT REFERENCES trade_rules (id),
    job_id TEXT NOT NULL REFERENCES harness_jobs (id),
    market_id TEXT NOT NULL,
    token_id TEXT NOT NULL,
    action TEXT NOT NULL,
    shares TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'matched', 'unknown', 'pending_approval', 'filled',
        'partial', 'not_filled', 'rejected', 'not_sent')),
    request TEXT NOT NULL,
    response TEXT,
    baseline TEXT NOT NULL,
    watch TEXT NOT NULL,
    heard TEXT NOT NULL,
    order_id TEXT,
    tx_hash TEXT,
    reason TEXT,
    needs_operator INTEGER NOT NULL DEFAULT 0,
    unknown_told INTEGER NOT NULL DEFAULT 0,
    filled_shares TEXT,
    avg_price TEXT,
    created_at TEXT NOT NULL,
    closed_at TEXT,
    CHECK ((closed_at IS NULL) = (outcome IN ('sent', 'matched', 'unknown', 'pending_approval')))
) STRICT;
CREATE UNIQUE INDEX one_open_attempt_per_token ON execution_attempts (token_id) WHERE closed_at IS NULL;
CREATE INDEX execution_attempts_by_rule ON execution_attempts (rule_id, seq);
CREATE INDEX execution_attempts_by_alert ON execution_attempts (alert_id, seq);
CREATE INDEX execution_attempts_by_job ON execution_attempts (job_id, seq);

CREATE TABLE rule_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    rule_id TEXT NOT NULL REFERENCES trade_rules (id),
    event_type TEXT NOT NULL,
    attempt_id TEXT REFERENCES execution_attempts (id),
    event_data TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX rule_events_by_rule ON rule_events (rule_id, seq);
CREATE INDEX rule_events_evaluated ON rule_events (created_at) WHERE event_type = 'RULE_EVALUATED';
CREATE UNIQUE INDEX one_end_event_per_attempt ON rule_events (attempt_id, event_type)
    WHERE event_type IN ('ACTION_EXECUTED', 'ACTION_FAILED');

CREATE TABLE config (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TRIGGER rule_events_are_final BEFORE UPDATE ON rule_events
BEGIN SELECT RAISE(ABORT, 'rule_events are never changed'); END;

CREATE TRIGGER rule_events_stay BEFORE DELETE ON rule_events
WHEN OLD.event_type != 'RULE_EVALUATED'
    OR OLD.created_at >= COALESCE((SELECT value FROM config WHERE key = 'evaluatedBefore'), '')
BEGIN SELECT RAISE(ABORT, 'only RULE_EVALUATED events past the retention are deleted'); END;

CREATE TRIGGER attempts_stay BEFORE DELETE ON execution_attempts
BEGIN SELECT RAISE(ABORT, 'execution_attempts are never deleted'); END;

CREATE TRIGGER attempts_keep_their_terms
BEFORE UPDATE OF seq, id, alert_id, rule_id, job_id, market_id, token_id, action, shares, request, baseline,
    created_at ON execution_attempts
BEGIN SELECT RAISE(ABORT, 'the terms of an attempt are never changed'); END;

CREATE TRIGGER attempts_move_forward BEFORE UPDATE ON execution_attempts
WHEN OLD.closed_at IS NOT NULL
    OR (NEW.outcome = 'sent' AND OLD.outcome != 'sent')
    OR (NEW.outcome = 'unknown' AND OLD.outcome NOT IN ('sent', 'unknown'))
    OR (NEW.outcome = 'pending_approval' AND OLD.outcome NOT IN ('sent', 'unknown', 'pending_approval'))
    OR (NEW.outcome IN ('not_sent', 'rejected') AND OLD.outcome NOT IN ('sent', 'unknown'))
BEGIN SELECT RAISE(ABORT, 'an attempt only moves forward'); END;
"""

# Prices in the history are whole 0.0001 USD, instants whole seconds since 1970: a row takes about 17 bytes.
_LEVELS_AND_HISTORY = """
ALTER TABLE trade_rules ADD COLUMN action_percent TEXT;
ALTER TABLE trade_rules ADD COLUMN trigger_percent TEXT;
ALTER TABLE trade_rules ADD COLUMN entry_price TEXT;
ALTER TABLE trade_rules ADD COLUMN entry_price_now TEXT;
ALTER TABLE trade_rules ADD COLUMN trailing_amount TEXT;
ALTER TABLE trade_rules ADD COLUMN activation_price TEXT;
ALTER TABLE trade_rules ADD COLUMN activation_percent TEXT;
ALTER TABLE trade_rules ADD COLUMN activated_at TEXT;
ALTER TABLE monitored_positions ADD COLUMN tick_size TEXT;
CREATE INDEX rule_events_told ON rule_events (seq) WHERE event_type <> 'RULE_EVALUATED';

CREATE TABLE quoted_tokens (
    id INTEGER PRIMARY KEY,
    token_id TEXT NOT NULL UNIQUE,
    minutes_to INTEGER NOT NULL DEFAULT 0,
    hours_to INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE quote_history (
    token INTEGER NOT NULL REFERENCES quoted_tokens (id),
    at INTEGER NOT NULL,
    span INTEGER NOT NULL DEFAULT 0,
    bid INTEGER,
    ask INTEGER,
    PRIMARY KEY (token, at)
) STRICT, WITHOUT ROWID;
"""


def statements(script: str) -> list[str]:
    """Given a script, return its statements (sqlite3's executescript would commit the transaction)."""
    import sqlite3

    found, buffer = [], ""
    for line in script.splitlines(keepends=True):
        buffer += line
        if sqlite3.complete_statement(buffer):
            found.append(buffer.strip())
            buffer = ""
    return found


def migrations() -> Migrations:
    """The numbered migrations, in order."""
    from sqlite_utils import Database, Migrations

    numbered = Migrations("trade-manager")

    @numbered()
    def m001_initial(db: Database) -> None:
        for statement in statements(_INITIAL):
            db.execute(statement)

    @numbered()
    def m002_levels_and_history(db: Database) -> None:
        for statement in statements(_LEVELS_AND_HISTORY):
            db.execute(statement)

    return numbered
