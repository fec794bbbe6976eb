"""Measures the ways to host Django beside raw ASGI in one process; see 0001-hosting.md.

    python docs/adr/0001_measure.py [--streams 500] [--intake 8] [--readers 32] [--seconds 5] HOST...

HOST is `django` (Django's ASGI handler), `a2wsgi:N` or `bridge:N` (N threads). Each gets a fresh SQLite database and a
server process of its own; the load comes from this process. One line per HOST. Needs two quiet cores.
"""
# ruff: noqa: PLC0415 - Django is configured before its parts can be imported, and the load needs none of them

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 10_000
HEADERS = b"Host: localhost\r\nAccept-Language: de,en\r\nCookie: csrftoken=%s\r\n" % (b"x" * 32)


def make_database(path: str) -> None:
    """Django's settings table with rows to read, and a table for receipts."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE settings (key varchar(80) PRIMARY KEY, value text, changed_at datetime)")
    rows = [(f"k{n}", '{"a": 1}', "2026-01-01 00:00:00") for n in range(ROWS)]
    database.executemany("INSERT INTO settings VALUES (?, ?, ?)", rows)
    database.execute("CREATE TABLE receipts (id integer PRIMARY KEY, channel int, key text, body blob)")
    database.execute("CREATE UNIQUE INDEX receipts_once ON receipts (channel, key)")
    database.commit()
    database.close()


# Server


def configure_django(path: str) -> None:
    """The middleware that a desk needs, on the product's SQLite backend."""
    import django
    from django.conf import settings

    options = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    settings.configure(
        SECRET_KEY="measure",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=[
            "tresen.kernel",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "tresen.kernel.sqlite",
                "NAME": path,
                "CONN_MAX_AGE": None,
                "OPTIONS": options,
            }
        },
    )
    django.setup()


def read_view(request: Any) -> Any:
    """One row by the ORM."""
    from django.http import JsonResponse

    from tresen.kernel.models import StoredSetting

    row = StoredSetting.objects.get(pk=f"k{random.randrange(ROWS)}")
    return JsonResponse({"key": row.key, "value": row.value})


def host_django(host: str) -> Any:
    """The ASGI application that serves Django's views."""
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    from tresen.kernel.wsgi import WsgiBridge

    kind, _, threads = host.partition(":")
    if kind == "django":
        return get_asgi_application()
    if kind == "a2wsgi":
        from a2wsgi import WSGIMiddleware

        return WSGIMiddleware(get_wsgi_application(), workers=int(threads))
    return WsgiBridge(get_wsgi_application(), threads=int(threads))


def serve(host: str, port: int, path: str) -> None:
    """`/read/` by Django, `/in` by the group writer, `/events` by the hub, five events a second for every stream."""
    configure_django(path)
    global urlpatterns
    import uvicorn
    from django.urls import path as route

    from tresen.kernel.groupcommit import GroupWriter
    from tresen.kernel.rowstore import SqliteStore, Table
    from tresen.kernel.sqlite.lock import WRITER
    from tresen.kernel.stream import Hub, StreamApp, rendered
    from tresen.kernel.tests.streaming import MemorySource, Person

    urlpatterns = [route("read/", read_view)]
    table = Table("receipts", ("channel", "key", "body"), ("channel", "key"))
    writer = GroupWriter(SqliteStore(path, table, WRITER), name="receipt")
    source = MemorySource()

    def render(events: Any) -> Any:
        payload = json.dumps({"at": time.time(), "text": "x" * 300}).encode()
        return [rendered(event.position, "note", "a", {"staff": payload}) for event in events]

    hub = Hub(source, render, lambda viewers: None)
    stream = StreamApp(hub, lambda headers, cookies: Person(key=uuid.uuid4().hex))
    django_app = host_django(host)

    async def tell() -> None:
        while True:
            await asyncio.sleep(0.2)
            source.append("a")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            writer.start()
            await hub.start()
            telling = asyncio.create_task(tell())
            await send({"type": "lifespan.startup.complete"})
            await receive()
            telling.cancel()
            await hub.stop()
            writer.stop()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["path"] == "/events":
            await stream(scope, receive, send)
        elif scope["path"] == "/in":
            body = (await receive())["body"]
            stored = await writer.put((1, json.loads(body)["id"], body))
            answer = b'{"receipt": %d}' % stored.id
            headers = [(b"content-length", str(len(answer)).encode())]
            await send({"type": "http.response.start", "status": 202, "headers": headers})
            await send({"type": "http.response.body", "body": answer})
        else:
            await django_app(scope, receive, send)

    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: Any = None) -> None:
            await hub.stop()
            await super().shutdown(sockets)

    Server(config).run()


urlpatterns: list[Any] = []


# Load


class Listening(asyncio.Protocol):
    """An open stream; notes how old each event is when it comes."""

    def __init__(self, ages: list[float]) -> None:
        self.ages, self.began = ages, False

    def connection_made(self, transport: Any) -> None:
        transport.write(b"GET /events HTTP/1.1\r\n" + HEADERS + b"\r\n")

    def data_received(self, data: bytes) -> None:
        self.began = self.began or b"retry" in data
        now, place = time.time(), data.find(b'"at": ')
        while place >= 0:
            self.ages.append(now - float(data[place + 6 :].split(b",", 1)[0]))
            place = data.find(b'"at": ', place + 6)


class Asking(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered; notes how long each took."""

    def __init__(self, make: Callable[[], bytes], times: list[float]) -> None:
        self.make, self.times, self.answer = make, times, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.make())

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if not end or len(body) < int(length):
            return
        if head[9:10] != b"2":
            raise SystemExit(self.answer[:500].decode())
        self.answer = b""
        self.times.append(time.perf_counter() - self.sent)
        self.ask()


def reading() -> bytes:
    """A request for Django."""
    return b"GET /read/ HTTP/1.1\r\n" + HEADERS + b"\r\n"


def writing() -> bytes:
    """A request for the intake."""
    body = json.dumps({"id": uuid.uuid4().hex, "text": "Guten Tag, meine Maschine leckt. " * 5}).encode()
    return b"POST /in HTTP/1.1\r\n" + HEADERS + b"Content-Length: %d\r\n\r\n" % len(body) + body


def cpu_seconds(pid: int) -> float:
    """User and system time of the server so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> int:
    """Its proportional set size."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def figures(name: str, times: list[float], seconds: float) -> str:
    """Rate and percentiles, "" without any."""
    if not times:
        return ""
    ranked = sorted(times)
    p50, p99 = (ranked[int(len(ranked) * part)] * 1e3 for part in (0.5, 0.99))
    return f" | {name} {len(times) / seconds:.0f}/s p50 {p50:.1f} p99 {p99:.1f} ms"


async def load(pid: int, port: int, options: argparse.Namespace) -> str:
    """Opens everything, lets it settle for two seconds, measures."""
    loop = asyncio.get_running_loop()
    reads: list[float] = []
    writes: list[float] = []
    ages: list[float] = []

    async def connect(make: Callable[[], asyncio.Protocol], count: int) -> list[Any]:
        return [(await loop.create_connection(make, "127.0.0.1", port))[1] for _ in range(count)]

    for _ in range(100):
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            break
        except OSError:
            await asyncio.sleep(0.1)
    streams = await connect(lambda: Listening(ages), options.streams)
    while not all(stream.began for stream in streams):
        await asyncio.sleep(0.05)
    await connect(lambda: Asking(reading, reads), options.readers)
    await connect(lambda: Asking(writing, writes), options.intake)
    await asyncio.sleep(2)
    for noted in (reads, writes, ages):
        noted.clear()
    began, cpu = time.perf_counter(), cpu_seconds(pid)
    await asyncio.sleep(options.seconds)
    seconds, cpu = time.perf_counter() - began, cpu_seconds(pid) - cpu
    requests = len(reads) + len(writes)
    line = figures("read", reads, seconds) + figures("in", writes, seconds) + figures("stream", ages, seconds)
    return f"{line} | CPU {cpu * 1e3 / max(requests, 1):.2f} ms a request | {megabytes(pid)} MB"


def measure(host: str, options: argparse.Namespace) -> None:
    """One host: database, server, load, one line."""
    with tempfile.TemporaryDirectory(prefix="tresen-measure-") as folder:
        path = f"{folder}/tresen.sqlite3"
        make_database(path)
        server = subprocess.Popen([sys.executable, __file__, "--serve", host, str(options.port), path])
        try:
            line = asyncio.run(load(server.pid, options.port, options))
            print(f"[load {os.getloadavg()[0]:.1f}] {host:9}{line}", flush=True)
        finally:
            server.terminate()
            server.wait(10)


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="+", metavar="HOST")
    parser.add_argument("--streams", type=int, default=0)
    parser.add_argument("--intake", type=int, default=0)
    parser.add_argument("--readers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--port", type=int, default=8990)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    gc.disable()  # the load generator's own pauses are not the server's
    for host in options.hosts:
        measure(host, options)


if __name__ == "__main__":
    main()
