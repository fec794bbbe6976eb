"""Threads that keep the product moving: each runs one `step` until stopped, and tells how it fares."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from tresen.kernel import db, wake

log = logging.getLogger(__name__)
FAULT_PAUSE = 1.0
BUSY = 0.1  # s; woken again within this time counts as busy


@dataclass
class Loop:
    """Calls `step` whenever its topic wakes it and at least every `every` seconds.

    `step` returns True when there may be more to do at once. Faults are logged and tried again; they end nothing.
    `linger` (seconds): in busy times it waits this long after a wake-up, so that one transaction serves several.
    """

    name: str
    step: Callable[[], bool]
    topic: str = ""
    every: float = 1.0
    linger: float = 0.0
    beat: float = field(default=0.0, init=False)
    fault: str = field(default="", init=False)
    _stop: Event = field(default_factory=Event, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def start(self) -> None:
        self.beat = time.monotonic()
        self._thread = Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Asks to stop; `join` waits for the step in hand."""
        self._stop.set()
        if self.topic:
            wake.notify(self.topic)

    def join(self, timeout: float) -> None:
        if self._thread:
            self._thread.join(timeout)

    def healthy(self, within: float = 30.0) -> bool:
        """Alive, and went round within the last `within` seconds without a fault."""
        alive = bool(self._thread and self._thread.is_alive())
        return alive and not self.fault and time.monotonic() - self.beat < within + self.every

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._once()
        finally:
            db.close()

    def _once(self) -> None:
        seen = wake.generation(self.topic)
        self.beat = time.monotonic()
        try:
            more = self.step()
            self.fault = ""
        except Exception as error:  # a loop must survive whatever its step meets
            log.exception("%s stumbled", self.name)
            self.fault = f"{type(error).__name__}: {error}"
            db.close()
            self._stop.wait(FAULT_PAUSE)
            return
        if more or self._stop.is_set():
            return
        if not self.topic:
            self._stop.wait(self.every)
            return
        begun = time.monotonic()
        woken = wake.wait(self.topic, seen, self.every)
        if woken and self.linger and time.monotonic() - begun < BUSY:
            self._stop.wait(self.linger)


class Crew:
    """All loops of a process."""

    def __init__(self, loops: list[Loop]) -> None:
        self.loops = loops

    def start(self) -> None:
        for loop in self.loops:
            loop.start()

    def stop(self, timeout: float = 10.0) -> None:
        for loop in self.loops:
            loop.stop()
        deadline = time.monotonic() + timeout
        for loop in self.loops:
            loop.join(max(0.1, deadline - time.monotonic()))

    def faults(self) -> dict[str, str]:
        """Loops that do not fare well, by name."""
        return {loop.name: loop.fault or "no heart-beat" for loop in self.loops if not loop.healthy()}
