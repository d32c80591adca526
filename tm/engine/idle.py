"""Is there anything to do? Most ticks of most users end here: no lock, no write, almost no import."""

from __future__ import annotations

import json
import os
import sqlite3

from tm import paths
from tm.store.schema import SCHEMA_VERSION

NOTHING_TO_DO = """
SELECT NOT EXISTS (SELECT 1 FROM trade_rules WHERE status = 'ACTIVE')
   AND NOT EXISTS (SELECT 1 FROM harness_jobs WHERE status IN ('PENDING', 'RUNNING'))
   AND NOT EXISTS (SELECT 1 FROM execution_attempts WHERE closed_at IS NULL)
   AND NOT EXISTS (SELECT 1 FROM alert_events WHERE status = 'RECEIVED')
"""


def end_if_idle() -> bool:
    """Say whether there is nothing to do; then the tick is stamped, and the kick consumed.

    Anything out of the ordinary (no database, another schema, an odd configuration) is not idle: the whole
    tick looks at it and says what is wrong.
    """
    state = paths.state_dir()
    try:
        url, paper = _settings(paths.config_path())
        database = paths.database_file(os.environ.get("TM_DATABASE_URL") or url, state)
        if not _nothing_to_do(database):
            return False
        _remove(os.path.join(state, "trade-manager.kick"))
        if not _nothing_to_do(database):  # handed in between the look and the removal
            return False
        _stamp(os.path.join(state, "trade-manager.tick"))
    except (OSError, ValueError, TypeError, sqlite3.Error):
        return False
    _say(paper)
    return True


def _settings(path: str) -> tuple[str, bool]:
    """The two settings that matter here: where the database is, and whether this is paper."""
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        values = {}
    url = values.get("databaseUrl", paths.DEFAULT_DATABASE_URL)
    if not isinstance(url, str):
        raise TypeError("databaseUrl")
    return url, values.get("paper") is True


def _nothing_to_do(database: str) -> bool:
    # Escaped by hand: urllib would cost more than the whole look.
    escaped = database.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    conn = sqlite3.connect(f"file:{escaped}?mode=ro", uri=True, timeout=1)
    try:
        if conn.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            return False
        return bool(conn.execute(NOTHING_TO_DO).fetchone()[0])
    finally:
        conn.close()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _stamp(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.utime(path)


def _say(paper: bool) -> None:
    """One line for whoever ran it by hand; nothing into the journal."""
    if "JOURNAL_STREAM" in os.environ:
        return
    if os.isatty(1):
        first = "PAPER: no real money; orders go to the paper exchange\n" if paper else ""
        text = first + "nothing to watch: no active rule, no open job or order\n"
    else:
        text = '{"paper": true, "idle": true}\n' if paper else '{"idle": true}\n'
    os.write(1, text.encode())
