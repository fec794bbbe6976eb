"""Transactions, and the few places where the two databases differ."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def atomic(*, savepoint: bool = False) -> Iterator[None]:
    """The only way to write. On SQLite it takes the process's write lock, on PostgreSQL it is a plain transaction.

    Nested calls join the outer transaction; `savepoint=True` makes an inner one that can fail alone.
    """
    with transaction.atomic(using=DEFAULT_DB_ALIAS, savepoint=savepoint):  # noqa: TID251
        yield


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
