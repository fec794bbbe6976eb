"""Where `groupcommit` puts its rows: a table on SQLite or PostgreSQL, by plain drivers without the ORM."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg

from tresen.kernel.groupcommit import Row, RowRefused, StorageUnavailable, Stored
from tresen.kernel.sqlite import CHECKPOINT_PAGES
from tresen.kernel.sqlite.lock import WriteLock

_POSTGRESQL_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)
_SQLITE_REFUSALS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
_BUSY_TIMEOUT = 20.0  # seconds, for writers outside this process such as a backup


@dataclass(frozen=True, slots=True)
class Table:
    """The table and its columns in the order of the rows.

    `unique` are the columns of the unique index that makes a repeated row the same row; `where` is the
    condition of that index if it is a partial one. Names come from our code, never from input.
    """

    name: str
    columns: tuple[str, ...]
    unique: tuple[str, ...]
    where: str = ""
    id: str = "id"

    def insert_sql(self, mark: str) -> str:
        """Answers the new id, or nothing when the row exists already; `mark` is the driver's placeholder."""
        marks = ", ".join([mark] * len(self.columns))
        condition = f" WHERE {self.where}" if self.where else ""
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks}) "
            f"ON CONFLICT ({', '.join(self.unique)}){condition} DO NOTHING RETURNING {self.id}"
        )

    def find_sql(self, mark: str) -> str:
        """Answers the id of the row with these unique values."""
        conditions = [f"{column} = {mark}" for column in self.unique] + ([self.where] if self.where else [])
        return f"SELECT {self.id} FROM {self.name} WHERE {' AND '.join(conditions)}"

    def unique_values(self, row: Row) -> list[Any]:
        """The row's values of the unique columns."""
        return [row[self.columns.index(column)] for column in self.unique]


class SqliteStore:
    """Takes the process's write lock for each group; WAL with an fsync at every commit."""

    def __init__(self, path: str, table: Table, lock: WriteLock) -> None:
        self._path, self._table, self._lock = path, table, lock
        self._insert, self._find = table.insert_sql("?"), table.find_sql("?")
        self._connection: sqlite3.Connection | None = None

    def insert(self, rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        adapted = [[_for_sqlite(value) for value in row] for row in rows]
        self._lock.acquire(first=True)  # somebody waits for an acknowledgement of each of these rows
        try:
            return self._write(adapted, before_commit)
        except (OverflowError, UnicodeEncodeError, *_SQLITE_REFUSALS) as error:
            self._roll_back()
            raise RowRefused(str(error)) from error
        except sqlite3.Error as error:
            self._close()
            raise StorageUnavailable(str(error)) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:  # the last connection to close checkpoints the log
            self._close()

    def _write(self, rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        connection = self._connection or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        stored = [self._one(connection, row) for row in rows]
        before_commit()
        connection.execute("COMMIT")
        return stored

    def _one(self, connection: sqlite3.Connection, row: Row) -> Stored:
        found = connection.execute(self._insert, row).fetchone()
        if found is not None:
            return Stored(found[0], new=True)
        found = connection.execute(self._find, self._table.unique_values(row)).fetchone()
        return Stored(found[0], new=False)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        self._connection = connection
        return connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


class PostgresStore:
    """One connection; a group travels in one pipeline."""

    def __init__(self, conninfo: str, table: Table) -> None:
        self._conninfo, self._table = conninfo, table
        self._insert, self._find = table.insert_sql("%s"), table.find_sql("%s")
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def insert(self, rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        adapted = [[_for_postgresql(value) for value in row] for row in rows]
        try:
            connection = self._connection or self._connect()
            stored = self._write(connection, adapted)
            before_commit()
            connection.commit()
            return stored
        except (UnicodeEncodeError, *_POSTGRESQL_REFUSALS) as error:
            self._roll_back()
            raise RowRefused(str(error)) from error
        except psycopg.Error as error:
            self.close()
            raise StorageUnavailable(str(error)) from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _write(self, connection: psycopg.Connection[tuple[Any, ...]], rows: Sequence[Row]) -> list[Stored]:
        with connection.cursor() as cursor:
            cursor.executemany(self._insert, rows, returning=True)
            found = [result.fetchone() for result in cursor.results()]
            return [
                Stored(new[0], new=True) if new else self._existing(cursor, row)
                for new, row in zip(found, rows, strict=True)
            ]

    def _existing(self, cursor: psycopg.Cursor[tuple[Any, ...]], row: Row) -> Stored:
        found = cursor.execute(self._find, self._table.unique_values(row)).fetchone()
        if found is None:
            raise psycopg.OperationalError("the existing row vanished meanwhile")
        return Stored(found[0], new=False)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        self._connection = psycopg.connect(self._conninfo, connect_timeout=10)
        return self._connection

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.rollback()
        except psycopg.Error:
            self.close()


def _for_sqlite(value: Any) -> Any:
    """As Django writes it: moments as naive UTC text, structures as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return value


def _for_postgresql(value: Any) -> Any:
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    if isinstance(value, str) and "\0" in value:
        raise RowRefused("text must not contain NUL")
    return value
