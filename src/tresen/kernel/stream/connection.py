"""One open stream: a bounded backlog, written at once when the client keeps up, else by a task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping, Sequence
from typing import Any

from tresen.kernel.journal import Position
from tresen.kernel.stream import frames
from tresen.kernel.stream.contract import Limits, Rendered, Viewer

log = logging.getLogger(__name__)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Connection:
    """Belongs to the event loop. A writing task exists only while something waits: idle ones stay small.

    `position`: complete up to there; `ends_at`: loop time of the maximum age; `slot`: tick of its heartbeat.
    """

    __slots__ = (
        "_backlog",
        "_limits",
        "_send",
        "_size",
        "_writing",
        "ended",
        "ends_at",
        "position",
        "resets",
        "slot",
        "viewer",
    )

    def __init__(
        self, viewer: Viewer, send: Send, position: Position, limits: Limits, *, ends_at: float, slot: int
    ) -> None:
        self.viewer, self.position, self.ends_at, self.slot = viewer, position, ends_at, slot
        self.ended = False
        self.resets = 0
        self._send, self._limits = send, limits
        self._backlog: list[bytes] = []
        self._size = 0
        self._writing: asyncio.Task[None] | None = None

    def take(self, events: Sequence[Rendered], position: Position | None) -> int:
        """Offers what the viewer may see; how many frames that was. Transient events move no position."""
        if position is not None:
            self.position = position
        taken = 0
        for event in events:
            data = self.viewer.sees(event)
            if data is not None:
                taken += 1
                if not self._add(data):
                    break  # the reset stands for the rest of the batch too
        if taken:
            self._write()
        return taken

    def offer(self, data: bytes) -> bool:
        """Queues a frame. False: the client is too slow, and one `reset` replaced all that waited."""
        fits = self._add(data)
        self._write()
        return fits

    def _add(self, data: bytes) -> bool:
        if self.ended:
            return False
        self._backlog.append(data)
        self._size += len(data)
        fits = len(self._backlog) <= self._limits.backlog_frames and self._size <= self._limits.backlog_bytes
        if not fits:
            self.resets += 1
            self._backlog = [frames.reset(self.position)]
            self._size = len(self._backlog[0])
        return fits

    def end(self, data: bytes = b"") -> None:
        """Completes the response with `data`. What waited is dropped: the right to see it may be lost."""
        if not self.ended:
            self.ended = True
            self._backlog = [data] if data else []
            self._write()

    async def drained(self) -> None:
        """Returns when nothing waits to be written."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def _write(self) -> None:
        if self._writing is not None:
            return
        flushing = self._flush()
        try:
            waits_for = flushing.send(None)
        except StopIteration:  # the server took it at once, as usual: a task would have cost as much again
            return
        self._writing = asyncio.get_running_loop().create_task(_go_on(flushing, waits_for))

    async def _flush(self) -> None:
        try:
            while self._backlog:
                body = self._backlog[0] if len(self._backlog) == 1 else b"".join(self._backlog)
                self._backlog.clear()
                self._size = 0
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            if self.ended:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:  # each server says in its own way that the client is gone
            self.ended = True
            log.debug("stream of %s: %s", self.viewer.key, error)
        finally:
            self._writing = None


class _Begun:
    """A coroutine that was begun outside of any task; `waits_for` is what it yielded there."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine, self._waits_for = coroutine, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            try:
                try:
                    answer = yield self._waits_for
                except BaseException as error:
                    self._waits_for = self._coroutine.throw(error)
                else:
                    self._waits_for = self._coroutine.send(answer)
            except StopIteration:
                return


async def _go_on(coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _Begun(coroutine, waits_for)
