"""What the stream needs from others, and what it hands to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tresen.kernel.journal import Position
from tresen.kernel.stream.frames import frame


@dataclass(frozen=True, slots=True)
class Rendered:
    """An event ready to send: `facts` decide who sees it, `frames` holds the bytes per audience.

    Without a `position` it is transient (typing): not journaled, not replayed.
    """

    position: Position | None
    facts: Any
    frames: Mapping[str, bytes]


def rendered(position: Position | None, name: str, facts: Any, payloads: Mapping[str, bytes]) -> Rendered:
    """Builds the frames from one JSON payload per audience."""
    return Rendered(position, facts, {who: frame(name, data, position) for who, data in payloads.items()})


class Viewer(Protocol):
    """Who looks at a stream. The attributes are refreshed while it is open, by another thread."""

    key: str  # streams are capped per key
    closed: bool  # True ends the stream with the event `gone`
    expires: datetime | None  # when the log-in ends by itself

    def sees(self, event: Rendered) -> bytes | None:
        """The frame for this viewer, usually `event.frames[audience]`, or None. In the event loop: no I/O."""


class Event(Protocol):
    """A journal event, of which the stream itself needs nothing but the place."""

    @property
    def position(self) -> Position: ...


class Source(Protocol):
    """Where events come from. Called in threads."""

    def head(self) -> Position:
        """The newest position that readers may see."""

    def read_after(self, position: Position, limit: int) -> Sequence[Any]:
        """Events behind `position`, in order, at most `limit`."""

    def generation(self) -> int:
        """Counts wake-ups; taken before a read, handed to `wait`."""

    def wait(self, seen: int, timeout: float) -> None:
        """Returns when the generation is no longer `seen`, or after `timeout` seconds."""

    def interrupt(self) -> None:
        """Makes `wait` return now."""


# At most one `Rendered` per event, in order; events that nobody may see are left out. Called in threads.
Render = Callable[[Sequence[Any]], Sequence[Rendered]]
# Brings the rights of all open viewers up to date in one go. Called in a thread.
Refresh = Callable[[Sequence[Any]], None]
# From lower-case header names and cookies to the viewer, or None. Called in a thread.
Authenticate = Callable[[Mapping[str, str], Mapping[str, str]], "Viewer | None"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    streams: int = 10_000
    per_viewer: int = 12
    backlog_frames: int = 256
    backlog_bytes: int = 256 * 1024
    recent: int = 2_000  # events kept for replay; who missed more fetches anew
    batch: int = 100  # events read and rendered at once
    tick: float = 1.0
    heartbeat: int = 15  # ticks
    refresh: float = 2.0
    max_age: float = 15 * 60.0
    authenticating: int = 4_096  # requests that may wait for authentication
