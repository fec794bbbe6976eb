"""Runs the provider beside the product while the demo is on, and tells the demo's mail channel where it listens."""

from __future__ import annotations

import asyncio
import logging
from asyncio import AbstractServer, StreamReader, StreamWriter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

from tresen.accounts.demo import DEMO
from tresen.accounts.principal import system
from tresen.channels import actions as channels
from tresen.channels.directory import DIRECTORY
from tresen.kernel import db, settings
from tresen.sandbox.mail import pop3, smtp, store

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
SMTP_PORT, POP3_PORT = 2525, 2110  # wished for; when they are taken, whatever is free
START_SECONDS = 10.0


class PostOffice:
    """SMTP and POP3 on loopback ports, in one thread. Does nothing where the demo is not on."""

    def __init__(self) -> None:
        self.hosts: tuple[str, ...] = ()  # what the product may call, as `host:port`
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._servers: list[AbstractServer] = []
        self._doorkeeper = smtp.Doorkeeper({})
        # One thread for the database, so that mails are stored in the order in which they came.
        self._database: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Listens, and brings the channel's settings in line when the ports are others than last time."""
        if not settings.get(DEMO):
            return
        view = next((one for one in DIRECTORY.all() if one.kind == "email" and one.settings["in_host"] == HOST), None)
        if view is None:  # an administrator has connected a real mailbox instead
            return
        given = dict(view.settings)
        self._database = ThreadPoolExecutor(1, thread_name_prefix="sandbox-mail")
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="sandbox-mail-servers", daemon=True)
        self._thread.start()
        self._doorkeeper = smtp.Doorkeeper(store.digests())
        out = self._listen(self._serve_smtp, int(given["out_port"] or SMTP_PORT))
        into = self._listen(self._serve_pop3, int(given["in_port"] or POP3_PORT))
        self.hosts = (f"{HOST}:{out}", f"{HOST}:{into}")
        if (given["out_port"], given["in_port"]) != (out, into):
            changed = {**given, "out_port": out, "in_port": into}
            channels.change_channel(system("sandbox"), view.id, settings=changed)
        log.info("sandbox mail: SMTP on port %s, POP3 on port %s", out, into)

    def stop(self) -> None:
        """Ends both servers and gives the ports back."""
        if self._loop is None or self._thread is None or self._database is None:
            return
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._database.submit(db.close)
        self._database.shutdown()
        self._loop = None

    def _listen(self, serve: Callable[[int], Any], port: int) -> int:
        assert self._loop is not None
        try:
            server = asyncio.run_coroutine_threadsafe(serve(port), self._loop).result(START_SECONDS)
        except OSError:
            server = asyncio.run_coroutine_threadsafe(serve(0), self._loop).result(START_SECONDS)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _serve_smtp(self, port: int) -> AbstractServer:
        return await asyncio.get_running_loop().create_server(
            lambda: smtp.make(self._in_thread, self._doorkeeper), HOST, port
        )

    async def _serve_pop3(self, port: int) -> AbstractServer:
        return await asyncio.start_server(self._pop3, HOST, port)

    async def _pop3(self, reader: StreamReader, writer: StreamWriter) -> None:
        await pop3.Session(reader, writer, self._in_thread).run()

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._database, call)
