"""The thread that follows the journal and renders each batch once for everybody."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread
from typing import Any, Protocol

from tresen.kernel.journal import Position
from tresen.kernel.stream.contract import Render, Rendered, Source
from tresen.kernel.stream.source import guarded

log = logging.getLogger(__name__)

_POLL = 1.0  # s; a wake-up is a hint, so the journal is looked at this often anyway
_FIRST_POLL = 0.02  # s; woken but nothing readable yet: an older transaction still runs
_LINGER = 0.01  # s; in busy times one batch serves several commits
_RENDER_ATTEMPTS = 3


class Receiver(Protocol):
    """Who gets the batches. Calls return when the event loop has served them: the tail cannot run ahead."""

    def skip(self, position: Position) -> bool:
        """Nobody looks, go on to `position`; False when somebody does and the events are needed."""

    def advance(self, events: Sequence[Rendered], position: Position) -> None:
        """Deliver the events; they are complete up to `position`."""

    def lose(self, position: Position) -> None:
        """The events up to `position` cannot be shown: all clients have to fetch anew."""


class Tail(Thread):
    """Starts behind `position`. Faults of the source are waited out; what cannot be rendered is lost."""

    def __init__(self, source: Source, render: Render, receiver: Receiver, position: Position, batch: int) -> None:
        super().__init__(name="stream-tail", daemon=True)
        self._source, self._render, self._receiver = source, render, receiver
        self._position, self._batch = position, batch
        self._stopping = Flag()
        self._failing_since: float | None = None
        self._pause = _POLL

    def failing_for(self) -> float:
        """Seconds since the journal could last be followed; 0 when all is well."""
        since = self._failing_since
        return time.monotonic() - since if since is not None else 0.0

    def stop(self) -> None:
        """Ends the thread; does not wait for it."""
        self._stopping.set()
        self._source.interrupt()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
                self._failing_since = None
            except Exception:
                if self._stopping.is_set():
                    return
                self._failing_since = self._failing_since or time.monotonic()
                log.exception("the stream cannot follow the journal")
                self._stopping.wait(_POLL)

    def _step(self) -> None:
        seen = self._source.generation()
        events = guarded(self._source.read_after, self._position, self._batch)
        if events:
            self._forward(events)
            self._pause = _FIRST_POLL
            if len(events) >= self._batch:
                return
        self._source.wait(seen, self._pause)
        woken = self._source.generation() != seen
        if woken and events:
            self._stopping.wait(_LINGER)
        self._pause = _FIRST_POLL if woken else min(self._pause * 2, _POLL)

    def _forward(self, events: Sequence[Any]) -> None:
        position: Position = events[-1].position
        if not self._receiver.skip(position):
            rendered = self._rendered(events)
            if rendered is None:
                self._receiver.lose(position)
            else:
                self._receiver.advance(rendered, position)
        self._position = position

    def _rendered(self, events: Sequence[Any]) -> Sequence[Rendered] | None:
        for attempt in range(1, _RENDER_ATTEMPTS + 1):
            try:
                rendered: Sequence[Rendered] = guarded(self._render, events)
                return rendered
            except Exception:
                log.exception("events up to %s not rendered, attempt %d", events[-1].position, attempt)
                self._stopping.wait(0.2 * attempt)
        return None
