"""What the command line starts: preparing an installation, serving it, working for it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import django
import uvicorn
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console

django.setup()

from tresen.accounts import actions as accounts  # noqa: E402
from tresen.accounts.models import Role, User  # noqa: E402
from tresen.accounts.principal import Principal  # noqa: E402
from tresen.channels.actions import ensure_logged_channel  # noqa: E402
from tresen.config import asgi  # noqa: E402
from tresen.config.crew import WorkCrew  # noqa: E402
from tresen.config.subscriptions import SUBSCRIPTIONS  # noqa: E402
from tresen.kernel import db  # noqa: E402
from tresen.kernel.subscriptions import Dispatcher  # noqa: E402
from tresen.kernel.wake import Listener  # noqa: E402
from tresen.sandbox.demo import load as demo_company  # noqa: E402

log = logging.getLogger(__name__)
SETUP = Principal(actor="setup", role=Role.ADMINISTRATOR)
SWITCH = 0.001  # s until a busy thread lets the event loop in: the default of 5 ms shows on 2,000 streams
GRACE = 5  # s for requests in hand when asked to stop


def need_postgresql() -> None:
    """Several processes on one SQLite file would wreck its latency, so they are refused."""
    if not db.is_postgresql():
        raise SystemExit("This needs PostgreSQL: set DATABASE_URL. On SQLite use `tresen run`.")


@contextmanager
def _alone() -> Iterator[None]:
    """Several processes may start at once on PostgreSQL; one after the other brings the database up to date."""
    if not db.is_postgresql():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(7366, 0)")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(7366, 0)")


def migrate() -> None:
    """Brings the database up to date; costs next to nothing when it is."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def prepare(console: Console, *, demo: bool, port: int) -> None:
    """Database, first channel, demo company, and what a person needs to know to begin."""
    with _alone():
        migrate()
        ensure_logged_channel()
    url = f"http://localhost:{port}"
    if demo:
        demo_company.fill(console, Dispatcher(SUBSCRIPTIONS).begin_here)
        demo_company.introduce(console, url)
    elif not User.objects.filter(role=Role.ADMINISTRATOR).exists():
        secret = accounts.make_link("setup")
        console.print(f"Create the administrator (works once): {url}/desk/start/{secret}", highlight=False)
    else:
        console.print(f"Tresen: {url}", highlight=False)
    connection.close()


def make_token(*, name: str, role: str, email: str) -> str:
    """An API token for the command line."""
    user = User.objects.filter(email__iexact=email).first() if email else None
    if email and user is None:
        raise SystemExit(f"nobody has the address {email}")
    _token, text = accounts.create_token(SETUP, name=name, role=role, user_id=user.pk if user else None)
    return text


class Server(uvicorn.Server):
    """Ends the open streams first: uvicorn would otherwise wait for them until its patience ends."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asgi.application.hub.stop()
        await super().shutdown(sockets)


def serve(host: str, port: int) -> None:
    """Serves until a signal comes."""
    sys.setswitchinterval(SWITCH)
    Server(_config(host, port)).run()


def _config(host: str, port: int) -> uvicorn.Config:
    """`TRESEN_PROXIES`: addresses and networks of proxies, by comma, whose word about the client's address counts."""
    proxies = os.environ.get("TRESEN_PROXIES", "").strip()
    return uvicorn.Config(
        asgi.application,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
        backlog=2048,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        h11_max_incomplete_event_size=64 * 1024,
    )


def work() -> None:
    """Runs the crew until a signal comes."""
    stop = Event()

    def ask(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    crew, listener = WorkCrew(), Listener(asgi.conninfo())
    listener.start()
    crew.start()
    log.info("working")
    stop.wait()
    crew.stop()
    listener.stop()
