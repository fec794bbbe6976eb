"""Fans journal events out to all open streams of this process.

Reading, rendering, rights and log-ins happen in threads, so that the event loop never waits for the database.
A stream is registered and takes what it missed from `Recent` in one step of the loop: nothing slips between
replay and live, nothing comes twice.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tresen.kernel import clock
from tresen.kernel.journal import Position
from tresen.kernel.stream import frames
from tresen.kernel.stream.connection import Connection, Send
from tresen.kernel.stream.contract import Limits, Refresh, Render, Rendered, Source, Viewer
from tresen.kernel.stream.recent import Recent
from tresen.kernel.stream.source import guarded
from tresen.kernel.stream.tail import Tail

log = logging.getLogger(__name__)

_SLICE = 250  # streams served before the loop's other work gets its turn


class Closed(Exception):
    """The hub is stopping or full; the client should come back later."""


class TooMany(Exception):
    """This viewer has as many streams open as one may have."""


@dataclass(frozen=True, slots=True)
class Stats:
    """`streams` open now; `delivered` frames and `resets` since the start; `position` in the journal."""

    streams: int
    delivered: int
    resets: int
    position: Position


class Hub:
    """`publish`, `stats` and `failing_for` may be called anywhere, the rest belongs to the event loop."""

    def __init__(self, source: Source, render: Render, refresh: Refresh, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._source, self._render, self._refresh = source, render, refresh
        self._connections: dict[Connection, None] = {}
        self._per_viewer: Counter[str] = Counter()
        self._recent = Recent(Position(), self.limits.recent)
        self._closed = True
        self._opening = self._opened = self._delivered = self._resets = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._filling = asyncio.Lock()
        self._too_old = Position(-1, -1)
        self._threads: ThreadPoolExecutor
        self._loop: asyncio.AbstractEventLoop
        self._tail: Tail

    async def start(self) -> None:
        """Begins at the journal's head. Raises what the source raises when it is away."""
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="stream")
        self._recent.forget(await self._in_thread(self._source.head))
        self._tail = Tail(self._source, self._render, self, self._recent.end, self.limits.batch)
        self._closed = False
        self._tail.start()
        self._tasks = [asyncio.create_task(self._keep_time()), asyncio.create_task(self._keep_rights())]

    async def stop(self, timeout: float = 2.0) -> None:
        """Ends all streams, whose clients then reconnect, and the threads. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._tail.stop()
        for task in self._tasks:
            task.cancel()
        ending = list(self._connections)
        for connection in ending:
            self._finish(connection)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(c.drained() for c in ending)), timeout)
        await self._in_thread(self._tail.join, timeout)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def stats(self) -> Stats:
        """Figures for the metrics page."""
        resets = self._resets + sum(connection.resets for connection in list(self._connections))
        return Stats(len(self._connections), self._delivered, resets, self._recent.end)

    def failing_for(self) -> float:
        """Seconds for which the journal could not be followed; 0 when all is well."""
        return self._tail.failing_for()

    # Streams

    def admit(self, viewer: Viewer) -> None:
        """Raises Closed or TooMany when this viewer may open no stream now."""
        if self._closed or len(self._connections) >= self.limits.streams:
            raise Closed
        if self._per_viewer[viewer.key] >= self.limits.per_viewer:
            raise TooMany

    async def open(self, viewer: Viewer, send: Send, last: Position | None, *, reset: bool = False) -> Connection:
        """Registers a stream whose response has begun, and replays what it missed behind `last`.

        What cannot be replayed, or `reset` (an unreadable Last-Event-ID), makes the client fetch anew.
        Raises Closed or TooMany.
        """
        if last is not None and last < self._recent.start:
            self._opening += 1
            try:
                await self._fill(last)
            finally:
                self._opening -= 1
        self.admit(viewer)
        missed = self._recent.after(last) if last is not None else []
        connection = self._register(viewer, send)
        connection.offer(frames.RETRY)
        if missed is None or reset:
            connection.offer(frames.reset(connection.position))
        else:
            self._take(connection, missed, connection.position)
            connection.offer(frames.heartbeat(connection.position))
        return connection

    def _register(self, viewer: Viewer, send: Send) -> Connection:
        age = self.limits.max_age * random.uniform(0.9, 1.0)  # so that not all come back at once
        connection = Connection(
            viewer,
            send,
            self._recent.end,
            self.limits,
            ends_at=self._loop.time() + age,
            slot=self._opened % self.limits.heartbeat,
        )
        self._opened += 1
        self._connections[connection] = None
        self._per_viewer[viewer.key] += 1
        return connection

    def discard(self, connection: Connection) -> None:
        """Forgets a stream whose client is gone. May be called twice."""
        connection.ended = True
        if connection in self._connections:
            del self._connections[connection]
            self._resets += connection.resets
            key = connection.viewer.key
            self._per_viewer[key] -= 1
            if not self._per_viewer[key]:
                del self._per_viewer[key]

    def _finish(self, connection: Connection, data: bytes = b"") -> None:
        connection.end(data)
        self.discard(connection)

    def publish(self, event: Rendered) -> None:
        """Sends a transient event to whoever sees it now. From any thread; never waits."""
        if not self._closed:
            self._loop.call_soon_threadsafe(lambda: self._serve(list(self._connections), [event], None))

    def _serve(self, connections: Sequence[Connection], events: Sequence[Rendered], position: Position | None) -> None:
        for connection in connections:
            self._take(connection, events, position)

    def _take(self, connection: Connection, events: Sequence[Rendered], position: Position | None) -> None:
        try:
            self._delivered += connection.take(events, position)
        except Exception:  # a fault with one viewer must not silence the others
            log.exception("stream of %s", connection.viewer.key)
            self._finish(connection, frames.reset(connection.position))

    # Replay

    async def _fill(self, last: Position) -> None:
        """Reads and renders the events between `last` and the recent ones, if there are not too many."""
        async with self._filling:
            until = self._recent.start
            if last >= until or last <= self._too_old:
                return
            try:
                events = await self._in_thread(self._read_between, last, until, self._recent.room)
            except Exception:
                log.exception("replay behind %s", last)
                return
            if events is None:
                self._too_old = last
            else:
                self._recent.prepend(events, last, until)

    def _read_between(self, last: Position, until: Position, room: int) -> list[Rendered] | None:
        events = self._source.read_after(last, room + 1)
        events = [event for event in events if event.position <= until]
        if len(events) > room:
            return None
        step = self.limits.batch
        batches = (events[start : start + step] for start in range(0, len(events), step))
        return [event for batch in batches for event in self._render(batch)]

    # The tail's thread calls these; they wait for the loop.

    def skip(self, position: Position) -> bool:
        """Part of `Receiver`."""
        if self._connections:  # usual; the way through the loop and back would cost as much as the event
            return False
        return bool(self._from_thread(self._skip(position)))

    def advance(self, events: Sequence[Rendered], position: Position) -> None:
        """Part of `Receiver`."""
        self._from_thread(self._advance(events, position))

    def lose(self, position: Position) -> None:
        """Part of `Receiver`."""
        self._from_thread(self._lose(position))

    async def _skip(self, position: Position) -> bool:
        if self._connections or self._opening:
            return False
        self._recent.forget(position)
        return True

    async def _advance(self, events: Sequence[Rendered], position: Position) -> None:
        self._recent.append(events, position)
        connections = list(self._connections)  # one that opens meanwhile has these events from `Recent`
        for start in range(0, len(connections), _SLICE):
            self._serve(connections[start : start + _SLICE], events, position)
            await asyncio.sleep(0)

    async def _lose(self, position: Position) -> None:
        self._recent.forget(position)
        for connection in list(self._connections):
            connection.position = position
            connection.offer(frames.reset(position))

    def _from_thread(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _in_thread(self, call: Any, *args: Any) -> Any:
        return await self._loop.run_in_executor(self._threads, guarded, call, *args)

    # Time and rights

    async def _keep_time(self) -> None:
        """Every tick: the heartbeats of some streams, and the end of those whose time has come."""
        for tick in itertools.count():
            await asyncio.sleep(self.limits.tick)
            slot, now, moment = tick % self.limits.heartbeat, self._loop.time(), clock.now()
            for connection in list(self._connections):
                expires = connection.viewer.expires
                if now >= connection.ends_at or (expires is not None and moment >= expires):
                    self._finish(connection)
                elif connection.slot == slot:
                    connection.offer(frames.heartbeat(connection.position))

    async def _keep_rights(self) -> None:
        while True:
            await asyncio.sleep(self.limits.refresh)
            viewers = [connection.viewer for connection in self._connections]
            if not viewers:
                continue
            try:
                await self._in_thread(self._refresh, viewers)
            except Exception:
                log.exception("rights of %d streams not refreshed", len(viewers))
            for connection in list(self._connections):
                if connection.viewer.closed:
                    self._finish(connection, frames.GONE)
