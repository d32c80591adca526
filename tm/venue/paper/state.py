"""The paper exchange's own SQLite file: markets, books, what the wallet holds, orders, trades.

Shares, USD and prices are whole millionths; instants are seconds since 1970 on the exchange's clock.
The file outlives the process, also one that is killed; a power cut may lose its last moments
(synchronous=OFF), which paper money can bear.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, fields, replace
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS markets (
  condition_id TEXT PRIMARY KEY, question TEXT NOT NULL, slug TEXT NOT NULL, end_date TEXT,
  active INTEGER NOT NULL DEFAULT 1, closed INTEGER NOT NULL DEFAULT 0,
  accepting_orders INTEGER NOT NULL DEFAULT 1, winner TEXT) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
  token_id TEXT PRIMARY KEY, condition_id TEXT NOT NULL REFERENCES markets, outcome TEXT NOT NULL,
  avg_price INTEGER NOT NULL DEFAULT 0,
  book TEXT,              -- explicit levels, which win over the series
  row INTEGER,            -- the series' row that the book shows, or that play began at
  play_since REAL, play_speed REAL,
  version INTEGER NOT NULL DEFAULT 0,  -- counts changes of the book
  eaten_key TEXT, eaten_bids INTEGER NOT NULL DEFAULT 0, eaten_asks INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS series (
  token_id TEXT NOT NULL, n INTEGER NOT NULL, at REAL NOT NULL, bid INTEGER, ask INTEGER,
  bid_depth INTEGER, ask_depth INTEGER, PRIMARY KEY (token_id, n)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moves (        -- the wallet's ledger; a NULL token is cash paid in
  id INTEGER PRIMARY KEY, token_id TEXT, shares INTEGER NOT NULL, usd INTEGER NOT NULL,
  at REAL NOT NULL, visible_at REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS moves_token ON moves (token_id);
CREATE TABLE IF NOT EXISTS orders (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, token_id TEXT NOT NULL, side TEXT NOT NULL,
  type TEXT NOT NULL, amount INTEGER NOT NULL,  -- shares of a SELL, USD of a BUY
  price INTEGER, resting INTEGER NOT NULL DEFAULT 0,  -- shares that still rest
  source TEXT NOT NULL, status TEXT NOT NULL, at REAL NOT NULL, due_at REAL, due TEXT, reason TEXT,
  log_id TEXT NOT NULL, course TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS orders_due ON orders (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_live ON orders (token_id) WHERE status = 'live';
CREATE TABLE IF NOT EXISTS trades (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, token_id TEXT NOT NULL,
  side TEXT NOT NULL, size INTEGER NOT NULL, price INTEGER NOT NULL, tx_hash TEXT NOT NULL, at REAL NOT NULL,
  visible_at REAL, mined_at REAL, confirmed_at REAL, failed_at REAL) STRICT;  -- NULL: never
CREATE INDEX IF NOT EXISTS trades_order ON trades (order_id);
"""


@dataclass(frozen=True, slots=True)
class Manners:
    """How this exchange behaves when nothing is scripted; set through the control client's `settings`."""

    key: str = "ssk_paper"  # the bearer key it accepts
    trade_lag: float = 0.0  # seconds until a trade's first row is listed
    row_lag: float = 0.0  # seconds more for each further row of the same fill
    holdings_lag: float = 0.0  # seconds until /holdings and /balance show a fill
    mined_after: float = 0.0  # seconds from MATCHED to MINED
    confirmed_after: float = 0.0  # seconds from MATCHED to CONFIRMED
    depth: str = "10000"  # shares at the best price where a book's depth is not given
    eats: bool = True  # a fill takes its shares out of the book until the book changes
    approval_seconds: float = 1800.0  # how long a human may take to grant an order
    date_header: bool = True
    date_offset: float = 0.0  # seconds by which the Date header is off

    def changed(self, **values: Any) -> Manners:
        """Given settings by name, return them applied. Raise ValueError for a wrong name or type."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no setting {name!r}; there are {', '.join(known)}")
            kind = type(known[name])
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                values[name] = value = float(value)
            if not isinstance(value, kind):
                raise ValueError(f"{name} must be {kind.__name__}, not {value!r}")
        return replace(self, **values)


def open_state(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Given a path or ":memory:", return the exchange's database, made where it is missing.

    Raise OSError if another exchange has it open.
    """
    conn = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    conn.row_factory = sqlite3.Row
    try:
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")  # one exchange to a file
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = OFF")
        conn.executescript(SCHEMA)
    except sqlite3.Error as trouble:
        conn.close()
        if "locked" in str(trouble):
            raise OSError(f"{os.fspath(path)} is open in another paper exchange") from None
        raise
    return conn


def read_manners(conn: sqlite3.Connection) -> Manners:
    stored = {name: json.loads(value) for name, value in conn.execute("SELECT name, value FROM settings")}
    return Manners().changed(**stored)


def write_manners(conn: sqlite3.Connection, **values: Any) -> None:
    rows = [(name, json.dumps(value)) for name, value in values.items()]
    conn.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)
