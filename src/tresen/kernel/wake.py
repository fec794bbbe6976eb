"""Wakes whoever waits for work: a condition in this process, LISTEN/NOTIFY between processes on PostgreSQL.

A wake-up is a hint, never the truth: every waiter also looks by itself after its time-out.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import Any

import orjson
import psycopg
from django.db import connection

from tresen.kernel import db

log = logging.getLogger(__name__)
CHANNEL = "tresen"

_passing: list[Callable[[dict[str, Any]], None]] = []


class _Topic:
    """A condition of its own per topic, so that a wake-up disturbs nobody else."""

    def __init__(self) -> None:
        self.condition = Condition()
        self.generation = 0


_topics: dict[str, _Topic] = defaultdict(_Topic)


def generation(topic: str) -> int:
    """Counts the wake-ups of a topic; hand it to `wait` so that none is missed between look and wait."""
    return _topics[topic].generation


def notify(topic: str) -> None:
    """Wakes this process's waiters now."""
    one = _topics[topic]
    with one.condition:
        one.generation += 1
        one.condition.notify_all()


def wait(topic: str, seen: int, timeout: float) -> bool:
    """Waits until the topic's generation is no longer `seen`; False after `timeout` seconds without."""
    one = _topics[topic]
    with one.condition:
        return one.condition.wait_for(lambda: one.generation != seen, timeout)


def on_commit(topic: str) -> None:
    """Wakes the topic's waiters in every process once this transaction is durable. Cheap to call many times."""
    connection = db.current()
    if connection.in_atomic_block:
        for waiting in connection.run_on_commit:
            if getattr(waiting[1], "topic", None) == topic:
                return
    if db.is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, topic])
    db.after_commit(_Call(topic))


class _Call:
    """A wake-up that can be recognised among the transaction's other after-commit calls."""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def __call__(self) -> None:
        notify(self.topic)


def broadcast(topic: str) -> None:
    """Wakes waiters in every process now; for rows that were committed past Django."""
    notify(topic)
    if db.is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, topic])


def on_passing(handle: Callable[[dict[str, Any]], None]) -> None:
    """Registers who gets passing news (typing): not journaled, gone when nobody listens."""
    _passing.append(handle)


def pass_on(news: dict[str, Any]) -> None:
    """Sends passing news to every process; at most some kilobytes."""
    if not db.is_postgresql():
        for handle in _passing:
            handle(news)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, orjson.dumps(news).decode()])


def _received(payload: str) -> None:
    if not payload.startswith("{"):
        notify(payload)
        return
    try:
        news = orjson.loads(payload)
    except orjson.JSONDecodeError:
        log.warning("a notification cannot be read")
        return
    for handle in _passing:
        try:
            handle(dict(news))
        except Exception:  # one listener's fault must not end the wake-ups of all
            log.exception("passing news could not be shown")


class Listener(Thread):
    """Turns PostgreSQL notifications from other processes into wake-ups here."""

    def __init__(self, conninfo: str) -> None:
        super().__init__(name="listener", daemon=True)
        self.conninfo, self.stopping = conninfo, Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("notifications interrupted: %s", error)
                self.stopping.wait(1)

    def _listen(self) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as conn:
            conn.execute(f"LISTEN {CHANNEL}")
            while not self.stopping.is_set():
                for notice in conn.notifies(timeout=1):
                    _received(notice.payload)

    def stop(self) -> None:
        self.stopping.set()
