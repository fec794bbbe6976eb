"""Django's SQLite backend, with every write inside the process's one write lock and an fsync at every commit."""

from __future__ import annotations

from typing import Any

from django.db.backends.sqlite3 import base

from tresen.kernel.sqlite.lock import WRITER

_READS = ("SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT", "EXPLAIN", "VALUES")


class Cursor(base.SQLiteCursorWrapper):
    """Takes the lock for single statements that write outside a transaction."""

    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        with self.wrapper.statement_lock(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        with self.wrapper.statement_lock(query):
            return super().executemany(query, param_list)


class _StatementLock:
    __slots__ = ("locked",)

    def __init__(self, lock: bool) -> None:
        self.locked = lock

    def __enter__(self) -> None:
        if self.locked:
            WRITER.acquire()

    def __exit__(self, *_: object) -> None:
        if self.locked:
            WRITER.release()


_UNLOCKED = _StatementLock(False)


class DatabaseWrapper(base.DatabaseWrapper):
    """Transactions hold the write lock from BEGIN IMMEDIATE to the end of the commit (checkpoint included)."""

    holds_writer = False

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    def statement_lock(self, query: str) -> _StatementLock:
        if self.holds_writer or query.lstrip()[:9].upper().startswith(_READS):
            return _UNLOCKED
        return _StatementLock(True)

    def _start_transaction_under_autocommit(self) -> None:
        if not self.holds_writer:
            WRITER.acquire()
            self.holds_writer = True
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._let_go()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._let_go()

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._let_go()

    def _close(self) -> None:
        if self.holds_writer:
            try:
                super()._close()
            finally:
                self._let_go()
        else:  # the last connection to close checkpoints the log
            with WRITER:
                super()._close()

    def _let_go(self) -> None:
        if self.holds_writer:
            self.holds_writer = False
            WRITER.release()
