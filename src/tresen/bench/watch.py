"""Open streams of `/events` on raw sockets: many of them cost this process little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

# name, data and the moment (of `time.perf_counter`) of an event
Seen = Callable[[bytes, bytes, float], None]


class Stream(asyncio.Protocol):
    """One stream. `status` is the answer's once its head is here; `lost` when the server has ended it."""

    def __init__(self, token: str, seen: Seen, opened: asyncio.Future[int]) -> None:
        self._token, self._seen, self._opened = token, seen, opened
        self._wire = self._text = b""
        self.lost = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        head = f"GET /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self._token}\r\n\r\n"
        self.transport.write(head.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self._opened.done():
            self._opened.set_result(0)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._wire += data
        if not self._opened.done():
            head, end, rest = self._wire.partition(b"\r\n\r\n")
            if not end:
                return
            self._opened.set_result(int(head[9:12]))
            self._wire = rest
        self._unchunk()
        *frames, self._text = self._text.split(b"\n\n")
        for frame in frames:
            self._frame(frame, now)

    def _unchunk(self) -> None:
        while True:
            size, end, rest = self._wire.partition(b"\r\n")
            length = int(size, 16) if end else 0
            if not end or len(rest) < length + 2:
                return
            self._text += rest[:length]
            self._wire = rest[length + 2 :]

    def _frame(self, frame: bytes, now: float) -> None:
        at = frame.find(b"event: ")
        if at < 0:  # a heart-beat
            return
        name, _, rest = frame[at + 7 :].partition(b"\n")
        self._seen(name, rest.removeprefix(b"data: "), now)

    def close(self) -> None:
        """Ends it from this side."""
        if self.transport is not None:
            self.transport.abort()


async def open_stream(port: int, token: str, seen: Seen) -> tuple[Stream, int]:
    """Opens a stream; it and the status of the answer."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[int] = loop.create_future()
    _transport, stream = await loop.create_connection(lambda: Stream(token, seen, opened), "127.0.0.1", port)
    return stream, await opened
