"""The latest events, rendered: reconnecting clients cost neither a database read nor a rendering each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tresen.kernel.journal import Position
from tresen.kernel.stream.contract import Rendered


class Recent:
    """All rendered events in (`start`, `end`], at most `capacity`. Belongs to the event loop."""

    def __init__(self, position: Position, capacity: int) -> None:
        self.start = self.end = position
        self._capacity = capacity
        self._events: list[Rendered] = []
        self._positions: list[Position] = []

    def __len__(self) -> int:
        return len(self._events)

    @property
    def room(self) -> int:
        """How many older events may be put before the first."""
        return self._capacity - len(self._events)

    def append(self, events: Sequence[Rendered], end: Position) -> None:
        """The next events, complete up to `end`; the oldest make room."""
        self._events.extend(events)
        self._positions.extend(_position(event) for event in events)
        self.end = end
        surplus = len(self._events) - self._capacity
        if surplus > 0:
            self.start = self._positions[surplus - 1]
            del self._events[:surplus], self._positions[:surplus]

    def prepend(self, events: Sequence[Rendered], start: Position, until: Position) -> None:
        """Older events, complete in (`start`, `until`]; dropped unless they fit and join on."""
        if until == self.start and len(events) <= self.room:
            self._events[:0] = events
            self._positions[:0] = [_position(event) for event in events]
            self.start = start

    def forget(self, end: Position) -> None:
        """Nothing up to `end` was rendered, as nobody looked."""
        self.start = self.end = end
        self._events.clear()
        self._positions.clear()

    def after(self, position: Position) -> Sequence[Rendered] | None:
        """Events behind `position`, or None when they are not all here."""
        if not self.start <= position <= self.end:
            return None
        return self._events[bisect_right(self._positions, position) :]


def _position(event: Rendered) -> Position:
    if event.position is None:
        raise ValueError("a journaled event has a position")
    return event.position
