"""What a shell asks while somebody types: `tm _complete KIND WORD`. Imports little more than sqlite3.

One line a record: the word, a tab, what it is. Whatever goes wrong, the answer is silence: a shell must
not print errors into the middle of a command line.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from urllib.request import pathname2url

from tm import paths

MOST = 200  # records; more are no help to anybody

_QUERIES = {
    "rule": "SELECT id, status || ' ' || rule_type || ' ' || COALESCE(trigger_price || ' ', '') "
    "|| COALESCE(label, token_id) FROM trade_rules ORDER BY status = 'ACTIVE' DESC, seq DESC",
    "position": "SELECT token_id, quantity || ' ' || COALESCE(label, market_id) FROM monitored_positions "
    "ORDER BY seq DESC",
    "alert": "SELECT id, status || ' ' || source || ' ' || alert_type FROM alert_events ORDER BY seq DESC",
    "job": "SELECT id, status || ' ' || job_type FROM harness_jobs ORDER BY seq DESC",
    "execution": "SELECT id, outcome || ' ' || shares || ' shares' FROM execution_attempts ORDER BY seq DESC",
}


def answer(words: Sequence[str]) -> int:
    """Given KIND and what is typed of the word so far, print what fits, and return 0."""
    kind, typed = (*words, "", "")[:2]
    try:
        lines = fitting(_records(kind), typed)
        sys.stdout.write("".join(f"{word}\t{_clean(meaning)}\n" for word, meaning in lines))
        sys.stdout.flush()
    except (OSError, ValueError, KeyError, sqlite3.Error):
        return 0
    return 0


def fitting(records: list[tuple[str, str]], typed: str) -> list[tuple[str, str]]:
    """Given records and the beginning of a word, return those that begin with it.

    Where none does, the one whose description holds it: `tru` finds the position "Trump ... Yes".
    """
    begins = [record for record in records if record[0].startswith(typed)]
    if begins or not typed:
        return begins
    holds = [record for record in records if typed.lower() in record[1].lower()]
    return holds if len(holds) == 1 else []


def _records(kind: str) -> list[tuple[str, str]]:
    conn = sqlite3.connect(f"file:{pathname2url(_database())}?mode=ro", uri=True, timeout=0.5)
    try:
        rows = conn.execute(f"{_QUERIES[kind]} LIMIT {MOST}").fetchall()
    finally:
        conn.close()
    return [(str(word), str(meaning)) for word, meaning in rows]


def _database() -> str:
    url = os.environ.get("TM_DATABASE_URL", "")
    if not url:
        try:
            with open(paths.config_path(), encoding="utf-8-sig") as file:
                url = json.load(file).get("databaseUrl", "")
        except FileNotFoundError:
            url = ""
    return paths.database_file(url or paths.DEFAULT_DATABASE_URL, paths.state_dir())


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
