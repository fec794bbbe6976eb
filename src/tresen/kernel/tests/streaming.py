"""A journal in memory, viewers and ASGI clients for the tests of the stream."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tresen.kernel.journal import Position
from tresen.kernel.stream import Hub, Limits, Rendered, StreamApp, Viewer, rendered


@dataclass(frozen=True, slots=True)
class Event:
    position: Position
    scope: str


class MemorySource:
    """Appended to by tests; `broken` makes every read fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.condition = threading.Condition()
        self.broken = False
        self.reads = self.interruptions = 0

    def append(self, *scopes: str) -> Position:
        with self.condition:
            for scope in scopes:
                number = len(self.events) + 1
                self.events.append(Event(Position(number // 10, number), scope))
            self.condition.notify_all()
            return self.events[-1].position

    def head(self) -> Position:
        return self.events[-1].position if self.events else Position()

    def read_after(self, position: Position, limit: int) -> Sequence[Event]:
        self.reads += 1
        if self.broken:
            raise OSError("database away")
        with self.condition:
            return [e for e in self.events[position.id :] if e.position > position][:limit]

    def generation(self) -> int:
        return len(self.events) + self.interruptions

    def wait(self, seen: int, timeout: float) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self.generation() != seen, timeout)

    def interrupt(self) -> None:
        with self.condition:
            self.interruptions += 1
            self.condition.notify_all()


class Renderer:
    """Renders every event but those of the scope `hidden`; `failures` calls fail first."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.failures = 0

    def __call__(self, events: Sequence[Event]) -> Sequence[Rendered]:
        if self.failures:
            self.failures -= 1
            raise ValueError("cannot be rendered")
        self.seen.extend(events)
        return [note(e.scope, e.position) for e in events if e.scope != "hidden"]


def note(scope: str, position: Position | None = None) -> Rendered:
    """What the tests send: a staff and a visitor version."""
    payloads = {who: json.dumps({"scope": scope, "for": who}).encode() for who in ("staff", "visitor")}
    return rendered(position, "note", scope, payloads)


@dataclass(slots=True, eq=False)
class Person:
    """Sees the scopes in `scopes`; "boom" raises."""

    key: str = "staff:1"
    audience: str = "staff"
    scopes: frozenset[str] = frozenset({"a"})
    closed: bool = False
    expires: datetime | None = None

    def sees(self, event: Rendered) -> bytes | None:
        if event.facts == "boom" in self.scopes:
            raise RuntimeError("boom")
        return event.frames[self.audience] if event.facts in self.scopes else None


@dataclass(slots=True)
class Got:
    """One parsed event of a stream."""

    id: str
    name: str
    data: Any


@dataclass(slots=True, eq=False)
class Client:
    """An ASGI client. `stuck` lets no write through until it is set."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    last_id: str = ""
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            await self.flowing.wait()
            self.body += message["body"]
            self.complete = not message["more_body"]
            if self.complete:
                self.left.set()
        self.changed.set()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    def events(self) -> list[Got]:
        """What a browser would dispatch; keeps its Last-Event-ID in `last_id`."""
        found = []
        for block in self.body.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                found.append(Got(fields.get("id", ""), fields["event"], json.loads(fields["data"])))
        return found

    def scopes(self) -> list[str]:
        return [event.data.get("scope", event.name) for event in self.events()]

    async def until(self, count: int) -> list[str]:
        """Waits for `count` dispatched events."""
        async with asyncio.timeout(5):
            while len(self.events()) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.scopes()

    async def until_complete(self) -> list[str]:
        async with asyncio.timeout(5):
            while not self.complete:
                self.changed.clear()
                await self.changed.wait()
        return self.scopes()


class World:
    """A hub with its app, source and renderer, and the clients that a test opens."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.source, self.render = MemorySource(), Renderer()
        self.refreshed: list[int] = []
        self.revoked: set[str] = set()
        self.people: dict[str, Viewer | Exception | None] = {"": Person()}
        self.logins: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = []
        self.hub = Hub(self.source, self.render, self.refresh, limits)
        self.app = StreamApp(self.hub, self.authenticate)
        self.tasks: set[asyncio.Task[None]] = set()

    def refresh(self, viewers: Sequence[Person]) -> None:
        self.refreshed.append(len(viewers))
        for viewer in viewers:
            viewer.closed |= viewer.key in self.revoked

    def authenticate(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
        self.logins.append((threading.current_thread().name, headers, cookies))
        person = self.people.get(headers.get("authorization", ""))
        if isinstance(person, Exception):
            raise person
        return person

    async def connect(self, *, flowing: bool = True, wait: bool = True, **request: Any) -> Client:
        """Opens a stream as the person that the Authorization header names; returns when it has begun."""
        client = Client()
        if flowing:
            client.flowing.set()
        headers = {"host": "desk.example", **request.pop("headers", {})}
        scope = {
            "type": "http",
            "method": "GET",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            **request,
        }
        task = asyncio.create_task(self.app(scope, client.receive, client.send))
        self.tasks.add(task)
        async with asyncio.timeout(5):
            while wait and not (client.body if client.status == 200 and flowing else client.status):
                client.changed.clear()
                await client.changed.wait()
        return client


@asynccontextmanager
async def world(limits: Limits | None = None, *before: str) -> AsyncIterator[World]:
    """A running world whose journal begins with the events `before`."""
    made = World(limits)
    if before:
        made.source.append(*before)
    await made.hub.start()
    try:
        yield made
    finally:
        await made.hub.stop()
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
