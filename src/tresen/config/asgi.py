"""One process: raw ASGI for `/in`, `/events` and the health endpoints, Django as WSGI in threads for all else.

Why so: docs/adr/0001-hosting.md.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import django
from django.conf import settings
from django.db import connections
from psycopg.conninfo import make_conninfo

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tresen.config.settings")
django.setup()

from tresen.channels import intake, processing  # noqa: E402
from tresen.channels.directory import DIRECTORY  # noqa: E402
from tresen.config import health, streaming  # noqa: E402
from tresen.config.crew import WorkCrew  # noqa: E402
from tresen.config.network import Exceptions  # noqa: E402
from tresen.config.rights import Rights  # noqa: E402
from tresen.config.wsgi import application as django_application  # noqa: E402
from tresen.kernel import db, wake  # noqa: E402
from tresen.kernel.groupcommit import GroupWriter  # noqa: E402
from tresen.kernel.rowstore import PostgresStore, SqliteStore  # noqa: E402
from tresen.kernel.sqlite.lock import WRITER  # noqa: E402
from tresen.kernel.stream import Hub, JournalSource, StreamApp  # noqa: E402
from tresen.kernel.wake import Listener  # noqa: E402
from tresen.kernel.wsgi import WsgiBridge  # noqa: E402

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
DJANGO_THREADS = 4


def conninfo() -> str:
    """libpq's connection string for the configured PostgreSQL, what DATABASE_URL says about TLS included."""
    params = connections["default"].get_connection_params()
    names = {"dbname", "user", "password", "host", "port", *connections["default"].settings_dict["OPTIONS"]}
    return make_conninfo(**{name: str(params[name]) for name in sorted(names) if params.get(name)})


def _store() -> SqliteStore | PostgresStore:
    if db.is_postgresql():
        return PostgresStore(conninfo(), intake.TABLE)
    return SqliteStore(str(settings.DATABASES["default"]["NAME"]), intake.TABLE, WRITER)


class Application:
    """Dispatches by path. `crew` runs the journal, jobs and pull channels unless `TRESEN_ROLE` is `web`."""

    def __init__(self) -> None:
        self.role = os.environ.get("TRESEN_ROLE", "all")
        self.writer = GroupWriter(_store(), name="receipt", on_commit=lambda: wake.broadcast(processing.TOPIC))
        self.intake = intake.Intake(DIRECTORY, self.writer, processing.backlog)
        self.hub = Hub(JournalSource(), streaming.render, Rights().refresh)
        self.stream = StreamApp(self.hub, streaming.authenticate)
        self.django = WsgiBridge(django_application, threads=DJANGO_THREADS)
        self.crew = WorkCrew() if self.role == "all" else None
        self.network = Exceptions().loop() if self.crew is None else None
        self.health = health.Health(self.crew, self.hub, self.writer)
        self.listener = Listener(conninfo()) if db.is_postgresql() else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith("/in/"):
            await self.intake(scope, receive, send)
        elif path == "/events":
            await self.stream(scope, receive, send)
        elif path in health.PATHS:
            await self.health(scope, receive, send)
        else:
            await self.django(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:
            log.exception("cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        self.writer.start()
        if self.listener:
            self.listener.start()
        await self.hub.start()
        streaming.follow_passing(self.hub)
        if self.crew:
            await asyncio.to_thread(self.crew.start)
        if self.network:
            self.network.start()

    async def _stop(self) -> None:
        await self.hub.stop()
        if self.crew:
            await asyncio.to_thread(self.crew.stop)
        if self.network:
            self.network.stop()
        self.writer.stop()
        if self.listener:
            self.listener.stop()


application = Application()
