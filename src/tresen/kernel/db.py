"""Transactions, and the few places where the two databases differ."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper

from tresen.kernel.sqlite.base import DatabaseWrapper as SqliteWrapper

T = TypeVar("T", bound=models.Model)

# s; a loop's transaction ends after this long and another begins: whoever waits for an acknowledgement waits no longer
HOLD = 0.02
StorageError = (OperationalError, InterfaceError)
DatabaseError = Error


_thread = threading.local()


def current() -> BaseDatabaseWrapper:
    """This thread's connection. `django.db.connection` looks it up at every attribute, which shows on the hot path."""
    try:
        found: BaseDatabaseWrapper = _thread.connection
    except AttributeError:
        found = _thread.connection = connections[DEFAULT_DB_ALIAS]
    return found


def atomic(*, savepoint: bool = False) -> AbstractContextManager[None]:
    """The only way to write. On SQLite it takes the process's write lock, on PostgreSQL it is a plain transaction.

    Nested calls join the outer transaction; `savepoint=True` makes an inner one that can fail alone.
    """
    if savepoint or not current().in_atomic_block:
        return transaction.atomic(using=DEFAULT_DB_ALIAS, savepoint=savepoint)  # noqa: TID251
    return _Joined()


class _Joined:
    """What Django's `atomic` does inside another one without a savepoint, at a tenth of its cost."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:  # whoever swallows the error further out must not commit half of it
            current().needs_rollback = True


def statement(sql: str, params: Sequence[Any] = ()) -> tuple[list[tuple[Any, ...]], int]:
    """One statement with `%s` marks: its rows, and how many it touched.

    The same transaction, lock and errors as by `connection.cursor()`, but on SQLite past Django's cursor, whose layers
    cost twice as much as the statement; a message passes some thirty of them on its way to the desk.
    """
    connection = current()
    if not isinstance(connection, SqliteWrapper) or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return (cursor.fetchall() if cursor.description else []), cursor.rowcount
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, connection.statement_lock(sql):
        done = connection.connection.execute(_native(sql), params)
        return done.fetchall(), done.rowcount


@lru_cache(maxsize=1000)
def _native(sql: str) -> str:
    return sql.replace("%s", "?").replace("%%", "%")


def in_transaction() -> bool:
    """True inside `atomic`."""
    return current().in_atomic_block


def after_commit(call: Callable[[], Any]) -> None:
    """Runs `call` once the surrounding transaction is durable; at once outside of one."""
    current().on_commit(call)


def is_postgresql() -> bool:
    """True on PostgreSQL, False on SQLite."""
    return current().vendor == "postgresql"


def locked(rows: models.QuerySet[T], *, skip: bool = False) -> models.QuerySet[T]:
    """Locks the rows until the transaction ends. On SQLite the write lock is held already."""
    if not is_postgresql():
        return rows
    return rows.select_for_update(skip_locked=skip, of=("self",))


def works() -> bool:
    """Does the connection still answer? Tells a statement's own fault from a database that is away."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def close() -> None:
    """Gives the thread's connection back."""
    connection.close()
