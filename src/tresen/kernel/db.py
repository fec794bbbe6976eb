"""Transactions, and the few places where the two databases differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    OperationalError,
    connection,
    models,
    transaction,
)

T = TypeVar("T", bound=models.Model)

StorageError = (OperationalError, InterfaceError)
DatabaseError = Error


@contextmanager
def atomic(*, savepoint: bool = False) -> Iterator[None]:
    """The only way to write. On SQLite it takes the process's write lock, on PostgreSQL it is a plain transaction.

    Nested calls join the outer transaction; `savepoint=True` makes an inner one that can fail alone.
    """
    with transaction.atomic(using=DEFAULT_DB_ALIAS, savepoint=savepoint):
        yield


def in_transaction() -> bool:
    """True inside `atomic`."""
    return connection.in_atomic_block


def after_commit(call: Callable[[], Any]) -> None:
    """Runs `call` once the surrounding transaction is durable; at once outside of one."""
    transaction.on_commit(call)


def is_postgresql() -> bool:
    """True on PostgreSQL, False on SQLite."""
    return connection.vendor == "postgresql"


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
