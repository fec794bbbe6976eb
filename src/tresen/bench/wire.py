"""A lean HTTP/1.1 client on raw keep-alive connections, so that the load costs less than what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Then = Callable[[int, bytes], None]


def request(method: str, path: str, token: str, body: Any = None) -> bytes:
    """A whole request as bytes; `body` becomes JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def post(channel: Mapping[str, Any], number: str, thread: str, sender: str, text: str) -> bytes:
    """A customer's message to a channel of kind `api`."""
    person = {"kind": "email", "value": sender, "name": sender.partition("@")[0].title()}
    body = {"id": number, "thread": thread, "from": person, "text": text}
    return request("POST", f"/in/{channel['key']}", channel["token"], body)


class Connection(asyncio.Protocol):
    """One request at a time. `then` is called with status and body; status 0 means the connection was lost."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._data = b""
        self._then: Then | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._answer(0, b"")

    def send(self, content: bytes, then: Then) -> None:
        """Writes a request."""
        if self.transport is None:
            then(0, b"")
            return
        self._then = then
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end].lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._data) < end + 4 + size:
            return
        body, self._data = self._data[end + 4 : end + 4 + size], b""
        self._answer(int(head[9:12]), body)

    def _answer(self, status: int, body: bytes) -> None:
        then, self._then = self._then, None
        if then is not None:
            then(status, body)


async def connect(port: int) -> Connection:
    """A connection to loopback."""
    _transport, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


@dataclass
class Load:
    """What a load run saw: seconds by request of those answered well, how often each status, how long it took."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    client_cpu: float = 0.0

    @property
    def good(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Well answered requests per second."""
        return self.good / self.seconds if self.seconds else 0.0


async def closed_loop(port: int, requests: Iterator[bytes], *, lanes: int, seconds: float) -> Load:
    """`lanes` connections, each asking again as soon as it is answered, until the time or the requests end."""
    load = Load()
    connections = [await connect(port) for _ in range(lanes)]
    finished = [asyncio.get_running_loop().create_future() for _ in connections]
    begun, used = time.perf_counter(), time.process_time()
    until = begun + seconds

    def drive(connection: Connection, end: asyncio.Future[None]) -> None:
        sent = 0.0

        def ask() -> None:
            nonlocal sent
            content = next(requests, None) if time.perf_counter() < until else None
            if content is None:
                end.set_result(None)
                return
            sent = time.perf_counter()
            connection.send(content, answered)

        def answered(status: int, _body: bytes) -> None:
            load.statuses[status] += 1
            if 200 <= status < 300:
                load.latencies.append(time.perf_counter() - sent)
            if status == 0:
                end.set_result(None)
            else:
                ask()

        ask()

    for connection, end in zip(connections, finished, strict=True):
        drive(connection, end)
    await asyncio.gather(*finished)
    load.seconds, load.client_cpu = time.perf_counter() - begun, time.process_time() - used
    close(connections)
    return load


async def open_loop(
    port: int, requests: Iterator[bytes], *, rate: float, seconds: float, seen: Callable[[int, int, bytes], None]
) -> Load:
    """Sends at a fixed rate whether or not answers came; `seen` gets number, status and body of each answer."""
    load, pending = Load(), set()
    idle: deque[Connection] = deque()
    begun, used = time.perf_counter(), time.process_time()

    async def ask(number: int, content: bytes, planned: float) -> None:
        connection = idle.popleft() if idle else await connect(port)
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        connection.send(content, lambda status, body: answer.set_result((status, body)))
        status, body = await answer
        load.statuses[status] += 1
        if 200 <= status < 300:
            load.latencies.append(time.perf_counter() - planned)
        seen(number, status, body)
        if status:
            idle.append(connection)

    for number in range(int(rate * seconds)):
        planned = begun + number / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        task = asyncio.create_task(ask(number, next(requests), planned))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
    load.seconds, load.client_cpu = time.perf_counter() - begun, time.process_time() - used
    close(idle)
    return load


def close(connections: Any) -> None:
    """Ends connections."""
    for connection in connections:
        if connection.transport is not None:
            connection.transport.close()
