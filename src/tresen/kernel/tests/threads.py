"""Runs things at the same time, each on a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from threading import Thread
from typing import Any

from tresen.kernel import db

PATIENCE = 60.0  # seconds; a busy machine is no fault of the code


class Connection:
    """Something to close: this thread's connection."""

    def close(self) -> None:
        db.close()


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Runs all at once and returns what they return; raises what the first of them raised."""

    def run(call: Callable[[], Any]) -> Any:
        with closing(Connection()):
            return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        waiting: Sequence[Future[Any]] = [pool.submit(run, call) for call in calls]
        return [one.result(PATIENCE) for one in waiting]


class Background(Thread):
    """One call beside the test; `result` waits for it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.call, self.value, self.error = call, None, None
        self.start()

    def run(self) -> None:
        with closing(Connection()):
            try:
                self.value = self.call()
            except BaseException as error:
                self.error = error

    def result(self) -> Any:
        self.join(PATIENCE)
        if self.error:
            raise self.error
        assert not self.is_alive(), "still running"
        return self.value
