"""The connection: how the file is opened, checked, written and closed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tm.errors import Busy, DatabaseError
from tm.points import point
from tm.store.faults import as_error
from tm.store.lock import WriteLock
from tm.store.schema import APPLICATION_ID, SCHEMA_VERSION

BUSY_TIMEOUT_SECONDS = 10


def has_wal_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Given SQLite's version, say whether two writers at one instant can corrupt its WAL file.

    Mended in 3.51.3, and in the branches 3.50.7 and 3.44.6 (sqlite.org/wal.html).
    """
    branch = version[:2]
    if branch == (3, 44):
        return version < (3, 44, 6)
    if branch == (3, 50):
        return version < (3, 50, 7)
    return version < (3, 51, 3)


class Store:
    """One open database. `conn` is for reading; every write goes through `write`."""

    def __init__(self, path: Path, conn: sqlite3.Connection) -> None:
        self.path = path
        self.conn = conn
        self._write_lock = _write_lock(path)

    @contextmanager
    def write(self, name: str) -> Iterator[sqlite3.Connection]:
        """One BEGIN IMMEDIATE transaction called `name`; everything in it happens, or nothing.

        Raise Busy when another writer holds the file for 10 s, DatabaseError when the file refuses.
        """
        with self._alone():
            try:
                self.conn.execute("BEGIN IMMEDIATE")
                yield self.conn
                point(f"{name}.before_commit")
                self.conn.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise as_error(error, self.path) from error
            except BaseException:
                self._roll_back()
                raise
        point(f"{name}.after_commit")

    def close(self) -> None:
        """Close; the last connection checkpoints, which on old SQLite must not meet another writer."""
        with self._alone():
            self.conn.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _roll_back(self) -> None:
        if self.conn.in_transaction:
            self.conn.execute("ROLLBACK")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._write_lock is None:
            yield
            return
        try:
            self._write_lock.acquire()
        except TimeoutError as error:
            raise _busy(self.path) from error
        except OSError as error:
            raise as_error(error, self.path) from error
        try:
            yield
        finally:
            self._write_lock.release()


def open_store(path: str | os.PathLike[str]) -> Store:
    """Given a path, open the database there, create or migrate it as needed, and return it ready.

    Raise DatabaseError for a file that is not ours, damaged, newer than this program, or not writable;
    Busy when it stays locked for 10 s.
    """
    place = Path(path)
    try:
        _create_private(place)
        conn = _connect(place)
    except (sqlite3.Error, OSError) as error:
        raise as_error(error, place) from error
    store = Store(place, conn)
    try:
        _check_schema(store)
    except sqlite3.Error as error:
        conn.close()
        raise as_error(error, place) from error
    except BaseException:
        conn.close()
        raise
    return store


def free_pages(conn: sqlite3.Connection) -> int:
    """How many pages of the file hold nothing."""
    return int(conn.execute("PRAGMA freelist_count").fetchone()[0])


def give_back(conn: sqlite3.Connection, pages: int) -> None:
    """Give so many free pages back to the disk."""
    for _ in range(pages):
        conn.execute("PRAGMA incremental_vacuum(1)")  # of a larger number Python's sqlite3 does the first


def _create_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    conn.row_factory = sqlite3.Row
    try:
        if conn.execute("PRAGMA page_count").fetchone()[0] == 0:
            # Only a file without a page takes it: then it can give back to the disk what was deleted.
            conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for pragma, wanted in (
            ("journal_mode = WAL", "wal"),
            ("synchronous = FULL", 2),
            (f"busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}", BUSY_TIMEOUT_SECONDS * 1000),
            ("foreign_keys = ON", 1),
        ):
            conn.execute(f"PRAGMA {pragma}")
            found = conn.execute(f"PRAGMA {pragma.split(' ')[0]}").fetchone()[0]
            if found != wanted:
                raise DatabaseError(
                    f"{path}: PRAGMA {pragma} gives {found!r}, not {wanted!r}",
                    hint="put the database on a local file system (databaseUrl)",
                )
    except BaseException:
        conn.close()
        raise
    return conn


def _check_schema(store: Store) -> None:
    version = _user_version(store.conn)
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            f"{store.path} has schema {version}, this program knows {SCHEMA_VERSION}",
            code="database_newer",
            hint="a newer tm wrote it: run `tm update`, or give another databaseUrl",
        )
    if version == SCHEMA_VERSION:
        return
    tables = store.conn.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
    if (
        version == 0
        and tables
        and store.conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID
    ):
        raise DatabaseError(
            f"{store.path} is a database of another program",
            code="database_foreign",
            hint="give a path of its own in databaseUrl",
        )
    if version > 0:
        _copy_before_migration(store, version)
    _migrate(store)


def _migrate(store: Store) -> None:
    from sqlite_utils import Database

    from tm.store.schema import migrations

    with store.write("store.migrate") as conn:
        if _user_version(conn) == SCHEMA_VERSION:
            return  # another process was first
        migrations().apply(Database(conn, execute_plugins=False))
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _copy_before_migration(store: Store, version: int) -> None:
    copy = store.path.with_name(f"{store.path.name}.schema-{version}.bak")
    if not copy.exists():
        old_umask = os.umask(0o077)
        try:
            store.conn.execute("VACUUM INTO ?", (str(copy),))
        finally:
            os.umask(old_umask)


def _user_version(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def _write_lock(path: Path) -> WriteLock | None:
    if not has_wal_bug():
        return None
    return WriteLock(path.with_name(path.name + ".write.lock"), BUSY_TIMEOUT_SECONDS)


def _busy(path: Path) -> Busy:
    return Busy(f"{path} is locked by another writer", hint="try again; if it stays so: `fuser -v` names it")
