"""POP3 (RFC 1939) with UIDL, TOP and CAPA (RFC 2449): the product's mail channel fetches from here."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from typing import Any

from tresen.sandbox.mail import store, wire
from tresen.sandbox.mail.store import Listed

IDLE_SECONDS = 600.0  # RFC 1939, 3: at least ten minutes
LINE_MAX = 255  # RFC 2449, 4
RunInThread = Callable[..., Awaitable[Any]]


class Refused(Exception):
    """Answered with -ERR and this text."""


class Session:
    """One connection: log-in, then the mails as they lay there at that moment."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, in_thread: RunInThread) -> None:
        self.reader, self.writer, self.in_thread = reader, writer, in_thread
        self.user = ""
        self.mailbox: int | None = None
        self.mails: list[Listed] = []
        self.deleted: set[int] = set()

    async def run(self) -> None:
        """Until the program leaves, is silent for too long, or the server ends."""
        try:
            self._say("+OK mailbox of the sandbox")
            while await self._one():
                await self.writer.drain()
            await self.writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass  # the far end is gone, or its line does not end
        finally:
            self.writer.close()

    async def _one(self) -> bool:
        line = await asyncio.wait_for(self.reader.readuntil(b"\n"), IDLE_SECONDS)
        name, _, rest = line[:LINE_MAX].decode("utf-8", "replace").strip().partition(" ")
        command = name.upper()
        free = command in ("USER", "PASS", "CAPA", "QUIT")
        handle = getattr(self, f"_{command.lower()}", None) if command in COMMANDS else None
        try:
            if handle is None:
                raise Refused("unknown command")
            if self.mailbox is None and not free:
                raise Refused("log in first")
            await handle(rest.strip())
        except Refused as refused:
            self._say(f"-ERR {refused}")
        return command != "QUIT"

    def _say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    def _lines(self, lines: list[str]) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in [*lines, "."]).encode())

    def _mail(self, text: str) -> tuple[int, Listed]:
        """(number, mail) of a message number."""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if not 1 <= number <= len(self.mails) or self.mails[number - 1].id in self.deleted:
            raise Refused("no such message")
        return number, self.mails[number - 1]

    def _present(self) -> list[tuple[int, Listed]]:
        return [(n, mail) for n, mail in enumerate(self.mails, 1) if mail.id not in self.deleted]

    async def _capa(self, rest: str) -> None:
        self._say("+OK")
        self._lines(["USER", "UIDL", "TOP"])

    async def _user(self, rest: str) -> None:
        self.user = rest
        self._say("+OK")

    async def _pass(self, rest: str) -> None:
        if self.mailbox is not None:
            raise Refused("logged in already")
        self.mailbox = await self.in_thread(lambda: store.open_mailbox(self.user, rest))
        if self.mailbox is None:
            raise Refused("wrong name or password")
        mailbox = self.mailbox
        self.mails = await self.in_thread(lambda: store.listing(mailbox))
        self._say(f"+OK {len(self.mails)} messages")

    async def _stat(self, rest: str) -> None:
        present = self._present()
        self._say(f"+OK {len(present)} {sum(mail.size for _, mail in present)}")

    async def _list(self, rest: str) -> None:
        self._scan(rest, lambda mail: str(mail.size))

    async def _uidl(self, rest: str) -> None:
        self._scan(rest, lambda mail: f"s{mail.id}")

    def _scan(self, rest: str, column: Callable[[Listed], str]) -> None:
        if rest:
            number, mail = self._mail(rest)
            self._say(f"+OK {number} {column(mail)}")
            return
        self._say("+OK")
        self._lines([f"{number} {column(mail)}" for number, mail in self._present()])

    async def _retr(self, rest: str) -> None:
        self._content(await self._read(rest))

    async def _top(self, rest: str) -> None:
        number, _, count = rest.partition(" ")
        if not (count.isascii() and count.isdigit() and len(count) < 9):
            raise Refused("how many lines?")
        head, body = wire.split(await self._read(number))
        lines = body.split(b"\r\n")[: int(count) + 1]  # the first is the empty line after the headers
        self._content(head + b"\r\n".join(lines) + b"\r\n")

    async def _read(self, number: str) -> bytes:
        mailbox, (_, mail) = self.mailbox or 0, self._mail(number)
        content = await self.in_thread(lambda: store.raw(mailbox, mail.id))
        if content is None:
            raise Refused("the message is gone")
        return bytes(content)

    def _content(self, content: bytes) -> None:
        lines = content.removesuffix(b"\r\n").split(b"\r\n")
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        self.writer.write(b"+OK\r\n" + b"".join(line + b"\r\n" for line in stuffed) + b".\r\n")

    async def _dele(self, rest: str) -> None:
        self.deleted.add(self._mail(rest)[1].id)
        self._say("+OK")

    async def _rset(self, rest: str) -> None:
        self.deleted.clear()
        self._say("+OK")

    async def _noop(self, rest: str) -> None:
        self._say("+OK")

    async def _quit(self, rest: str) -> None:
        if self.mailbox is not None and self.deleted:
            mailbox, gone = self.mailbox, frozenset(self.deleted)
            await self.in_thread(lambda: store.remove(mailbox, gone))
        self._say("+OK")


COMMANDS = frozenset({
    "CAPA", "USER", "PASS", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "RSET", "NOOP", "QUIT",
})  # fmt: skip
