"""Rows from many callers, committed in groups by one thread: one fsync for all that came during the last.

A caller hears of its row after the commit, never before. A row whose unique columns are there already is
answered with the id of the existing one, so that a repeated request is the same receipt.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, Protocol

from tresen.kernel import faults
from tresen.kernel.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

Row = Sequence[Any]


class StorageUnavailable(Unavailable):
    """The group was rolled back: disk full, database away, or the writer stops. Nothing of it is stored."""


class Busy(Unavailable):
    """More rows wait than the writer takes. Try again later."""

    code = "busy"


class RowRefused(Invalid):
    """The database will never take this row: wrong types, a broken reference, a missing value."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the row is. `new` is False when it had been there before."""

    id: int
    new: bool


class Store(Protocol):
    """One table on one connection, used by one thread at a time."""

    def insert(self, rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        """Stores all rows in one transaction, durable on return. Raises StorageUnavailable or RowRefused."""

    def close(self) -> None:
        """Gives the connection back; the next insert opens another."""


# Who waits for a row: an asyncio future with its loop, or a thread's future without one.
_Waiter = tuple[Row, "asyncio.Future[Stored] | Future[Stored]", "asyncio.AbstractEventLoop | None"]
_Outcome = Stored | Exception


class GroupWriter:
    """The thread between callers and `store`. `name` prefixes its fault points and names the thread.

    `capacity`: rows that may wait; `group`: rows in one transaction at most; `on_commit` is called in the
    writer's thread after each group that stored something new.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        on_commit: Callable[[], None] = lambda: None,
        capacity: int = 10_000,
        group: int = 500,
    ) -> None:
        self._store, self._name, self._on_commit = store, name, on_commit
        self._capacity, self._group = capacity, group
        self._waiting: deque[_Waiter] = deque()
        self._condition = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name=f"{name}-writer", daemon=True)

    @property
    def waiting(self) -> int:
        """Rows not yet handed to the database."""
        return len(self._waiting)

    def start(self) -> None:
        """Starts the thread; once only."""
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Takes no more rows, commits those that wait, and ends the thread; `timeout` in seconds."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout)

    async def put(self, row: Row) -> Stored:
        """Stores a row from the event loop; returns once it is durable.

        Raises Busy, StorageUnavailable or RowRefused. Cancelling the caller does not take the row back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()
        self._enter((row, future, loop))
        return await future

    def put_from_thread(self, row: Row, timeout: float = 30.0) -> Stored:
        """Like `put`, for threads. After `timeout` seconds StorageUnavailable, the outcome then unknown."""
        future: Future[Stored] = Future()
        self._enter((row, future, None))
        try:
            return future.result(timeout)
        except TimeoutError as error:
            raise StorageUnavailable("the storage did not answer in time") from error

    def _enter(self, waiter: _Waiter) -> None:
        with self._condition:
            if self._stopping:
                raise StorageUnavailable("the writer is stopping")
            if len(self._waiting) >= self._capacity:
                raise Busy("too many rows wait for the storage")
            self._waiting.append(waiter)
            self._condition.notify()

    def _run(self) -> None:
        while group := self._take():
            outcomes = self._store_group([row for row, _, _ in group])
            _answer(group, outcomes)
            if any(isinstance(outcome, Stored) and outcome.new for outcome in outcomes):
                self._wake()
        self._store.close()

    def _take(self) -> list[_Waiter]:
        """The next group, all that waits up to the limit; empty when stopping and nothing is left."""
        with self._condition:
            while not self._waiting and not self._stopping:
                self._condition.wait()
            size = min(len(self._waiting), self._group)
            return [self._waiting.popleft() for _ in range(size)]

    def _store_group(self, rows: list[Row]) -> list[_Outcome]:
        """One outcome per row. A refused row is found by halving, so that its neighbours do not suffer."""
        try:
            stored = self._store.insert(rows, self._before_commit)
        except RowRefused as error:
            if len(rows) == 1:
                return [error]
            middle = len(rows) // 2
            return self._store_group(rows[:middle]) + self._store_group(rows[middle:])
        except Unavailable as error:
            log.warning("%s: %d rows not stored: %s", self._name, len(rows), error.message)
            return [StorageUnavailable(error.message) for _ in rows]
        except Exception:
            log.exception("%s: %d rows not stored", self._name, len(rows))
            self._store.close()
            return [StorageUnavailable("unexpected fault") for _ in rows]
        faults.reach(f"{self._name}.after-commit")
        return list(stored)

    def _before_commit(self) -> None:
        faults.reach(f"{self._name}.before-commit")

    def _wake(self) -> None:
        try:
            self._on_commit()
        except Exception:  # a wake-up is a hint; whoever waits looks again by itself
            log.exception("%s: wake-up after the commit", self._name)


def _answer(group: Sequence[_Waiter], outcomes: Sequence[_Outcome]) -> None:
    """Tells every caller; each event loop is woken once per group."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[Any, _Outcome]]] = defaultdict(list)
    for (_, future, loop), outcome in zip(group, outcomes, strict=True):
        by_loop[loop].append((future, outcome))
    for loop, pairs in by_loop.items():
        if loop is None:
            _settle(pairs)
            continue
        try:
            loop.call_soon_threadsafe(_settle, pairs)
        except RuntimeError:  # the loop is closed: its callers are gone, their rows are stored
            log.info("%d stored rows had no caller left", len(pairs))


def _settle(pairs: Sequence[tuple[Any, _Outcome]]) -> None:
    for future, outcome in pairs:
        if future.done():  # cancelled: its caller went away
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
