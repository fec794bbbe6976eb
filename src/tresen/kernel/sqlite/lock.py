"""The process's one write lock.

Two connections that write at once wreck SQLite's tail latency (p99 from 6 to some 500 ms, measured), and before 3.51.3
a reset of the write-ahead log could lose a commit when another connection wrote. Waiting here instead of in SQLite's
busy loop is fair and costs no polling.

`threading.Lock` would not do: whoever releases it and wants it again has it before those who waited wake up.
"""

from __future__ import annotations

from collections import deque
from threading import Lock


class WriteLock:
    """A lock that is handed over in the order of asking. One thread may ask to be served first (the counter)."""

    def __init__(self) -> None:
        self._inner = Lock()
        self._held = False
        self._waiting: deque[Lock] = deque()

    def acquire(self, *, first: bool = False) -> None:
        """Waits for its turn. `first` passes those who wait, but not each other's turn: it asks anew every time."""
        with self._inner:
            if not self._held:
                self._held = True
                return
            turn = Lock()
            turn.acquire()
            if first:
                self._waiting.appendleft(turn)
            else:
                self._waiting.append(turn)
        try:
            turn.acquire()
        except BaseException:  # interrupted while waiting: the turn may have come all the same
            self._forgo(turn)
            raise

    def release(self) -> None:
        """Hands the lock to whoever is next."""
        with self._inner:
            if not self._held:
                raise RuntimeError("the write lock is not held")
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def locked(self) -> bool:
        """True while somebody holds it."""
        return self._held

    def _forgo(self, turn: Lock) -> None:
        with self._inner:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


WRITER = WriteLock()
