"""A viewer of `/events` and what it believes about the world: state fetched once, then only events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

Fetch = Callable[[], "World"]
PATIENCE = 30.0


class World:
    """Conversations and messages by id, as the API shows them."""

    def __init__(self) -> None:
        self.conversations: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, dict[str, Any]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, World) and vars(self) == vars(other)

    def forget(self, conversation_id: int) -> None:
        """It is no longer visible."""
        self.conversations.pop(conversation_id, None)
        self.messages = {k: m for k, m in self.messages.items() if m["conversation"] != conversation_id}

    def apply(self, data: dict[str, Any]) -> None:
        """One event of the stream."""
        if data["kind"] == "conversation.gone":
            self.forget(data["conversation_id"])
            return
        if "conversation" in data:
            self.conversations[data["conversation_id"]] = data["conversation"]
        if "message" in data:
            self.messages[data["message"]["id"]] = data["message"]


class Viewer:
    """Reads the stream in a thread of its own. `world` follows the events from what was fetched."""

    def __init__(self, url: str, token: str, fetch: Fetch, **headers: str) -> None:
        self.url, self.headers, self.fetch = url, {"Authorization": f"Bearer {token}", **headers}, fetch
        self.world = World()
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.last_id = ""
        self.resets = 0
        self.at: list[float] = []
        self.ended = threading.Event()
        self._leaving = threading.Event()
        self._news = threading.Condition()
        self._response: httpx.Response | None = None

    def connect(self) -> None:
        """Opens the stream (again, from where it was) and returns once it is open."""
        opened, self._leaving, self.ended = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self._read, args=(opened, self._leaving, self.ended), daemon=True).start()
        assert opened.wait(PATIENCE), "the stream did not open"

    def fetch_anew(self) -> None:
        """The state as it is now; events that come meanwhile are applied on top."""
        with self._news:
            self.world = self.fetch()

    def leave(self) -> None:
        """Closes the connection, as a lost network does."""
        self._leaving.set()
        if self._response is not None:
            self._response.close()
        self.ended.wait(PATIENCE)

    def wait_for(self, true: Callable[[World], bool], seconds: float = PATIENCE) -> bool:
        """Waits until the world looks like this."""
        with self._news:
            return self._news.wait_for(lambda: true(self.world), seconds)

    def names(self) -> list[str]:
        """The events so far."""
        with self._news:
            return [name for _id, name, _data in self.events]

    def _read(self, opened: threading.Event, leaving: threading.Event, ended: threading.Event) -> None:
        headers = {**self.headers, **({"Last-Event-ID": self.last_id} if self.last_id else {})}
        try:
            with httpx.stream("GET", f"{self.url}/events", headers=headers, timeout=httpx.Timeout(60)) as response:
                assert response.status_code == 200, response.status_code
                self._response = response
                opened.set()
                self._frames(response, leaving)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError, AttributeError):
            pass  # the connection broke: whoever tests this looks at what is known
        finally:
            ended.set()

    def _frames(self, response: httpx.Response, leaving: threading.Event) -> None:
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if leaving.is_set():
                return
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self._take(fields)
            fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        with self._news:
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                data = json.loads(fields["data"])
                self.events.append((self.last_id, fields["event"], data))
                self.at.append(time.monotonic())
                if fields["event"] == "reset":
                    self.resets += 1
                    self.world = self.fetch()
                elif "kind" in data:
                    self.world.apply(data)
            self._news.notify_all()
