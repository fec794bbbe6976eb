"""The write lock is handed over in the order of asking, and nobody is passed twice by the same impatient one."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

import pytest

from tresen.kernel.sqlite.lock import WriteLock

PATIENCE = 10.0


def waiting(lock: WriteLock, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while len(lock._waiting) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


def asks(lock: WriteLock, log: list[str], name: str, *, first: bool = False) -> Callable[[], None]:
    def take() -> None:
        lock.acquire(first=first)
        log.append(name)
        lock.release()

    thread = Thread(target=take)
    thread.start()
    return lambda: thread.join(PATIENCE)


def test_it_is_handed_over_in_the_order_of_asking():
    lock, log, joins = WriteLock(), [], []
    lock.acquire()
    for count, name in enumerate("abcde", start=1):
        joins.append(asks(lock, log, name))
        waiting(lock, count)
    lock.release()
    for join in joins:
        join()
    assert log == list("abcde")
    assert not lock.locked()


def test_the_counter_goes_first():
    lock, log = WriteLock(), []
    lock.acquire()
    joins = [asks(lock, log, "a")]
    waiting(lock, 1)
    joins.append(asks(lock, log, "counter", first=True))
    waiting(lock, 2)
    lock.release()
    for join in joins:
        join()
    assert log == ["counter", "a"]


def test_whoever_goes_first_again_and_again_starves_nobody():
    lock, log = WriteLock(), []

    def counter() -> None:
        for _ in range(50):
            lock.acquire(first=True)
            log.append("counter")
            time.sleep(0.001)
            lock.release()

    thread = Thread(target=counter)
    thread.start()
    until = time.monotonic() + PATIENCE
    while not log:
        assert time.monotonic() < until
    lock.acquire()
    log.append("other")
    lock.release()
    thread.join(PATIENCE)
    assert log.count("counter") == 50
    assert log.index("other") < 5


def test_an_interrupted_wait_leaves_the_lock_usable(monkeypatch: pytest.MonkeyPatch):
    lock = WriteLock()
    lock.acquire()

    class Interrupted:
        """A turn whose owner is interrupted while waiting for it."""

        def __init__(self) -> None:
            self.asked = 0

        def acquire(self) -> None:
            self.asked += 1
            if self.asked == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("tresen.kernel.sqlite.lock.Lock", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire()
    assert lock.locked()
    lock.release()
    assert not lock.locked()


def test_releasing_what_is_free_is_an_error():
    with pytest.raises(RuntimeError):
        WriteLock().release()
