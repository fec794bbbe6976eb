"""Hosts a WSGI application (Django's synchronous views) in ASGI: threads compute, the event loop talks to clients.

A thread never waits for a client: the body is read before a thread is taken, and a long answer is handed over in
pieces between which the thread is free. Slow uploads and downloads cannot use up the threads. Later pieces may
come from another thread, so views stream files, never querysets.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_IN_MEMORY = 512 * 1024  # bytes of a body before it goes to a file
_PIECE = 256 * 1024  # bytes of an answer handed over at once


class _Disconnected(Exception):
    """The client left before its body was complete."""


class _TooLarge(Exception):
    """The body is larger than taken."""


@dataclass(slots=True)
class _Answer:
    """What a thread has made so far: `body` is the next piece, `rest` yields more, None when that was all."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    rest: Iterator[bytes] | None = None
    close: Callable[[], None] | None = None

    def advance(self) -> None:
        """Collects the next piece; closes the application's answer after the last one."""
        chunks: list[bytes] = []
        size = 0
        for chunk in self.rest or ():
            chunks.append(chunk)
            size += len(chunk)
            if size >= _PIECE:
                break
        else:
            self.rest = None
            self.finish()
        self.body = b"".join(chunks)

    def finish(self) -> None:
        """Calls the answer's `close` once (PEP 3333)."""
        close, self.close = self.close, None
        if close is not None:
            close()


class WsgiBridge:
    """ASGI application for HTTP scopes around the WSGI application `app`.

    `threads` work side by side, each with its own database connection. Beyond `waiting` requests at a time the
    answer is 503, for bodies over `max_body` bytes 413.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        *,
        threads: int = 4,
        waiting: int = 1_000,
        max_body: int = 64 * 1024 * 1024,
    ) -> None:
        self._app, self._waiting, self._max_body = app, waiting, max_body
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="web")
        self._in_hand = 0

    @property
    def in_hand(self) -> int:
        """Requests that wait, are computed or are being answered."""
        return self._in_hand

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if self._in_hand >= self._waiting:
            await _refuse(send, 503)
            return
        self._in_hand += 1
        try:
            with await self._read(receive) as body:
                await self._serve(environ(scope, body), send)
        except _TooLarge:
            await _refuse(send, 413)
        except _Disconnected:
            pass
        finally:
            self._in_hand -= 1

    async def _read(self, receive: Receive) -> IO[bytes]:
        """The whole body, in memory while small."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            return self._small(message.get("body", b""))
        body: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by whoever gets it
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise _Disconnected
                body.write(message.get("body", b""))
                if body.tell() > self._max_body:
                    raise _TooLarge
                if not message.get("more_body"):
                    return body
                message = await receive()
        except BaseException:
            body.close()
            raise

    def _small(self, content: bytes) -> IO[bytes]:
        if len(content) > self._max_body:
            raise _TooLarge
        body = io.BytesIO(content)
        body.seek(0, io.SEEK_END)
        return body

    async def _serve(self, request: dict[str, Any], send: Send) -> None:
        call = asyncio.get_running_loop().run_in_executor
        answer = await call(self._threads, self._run, request)
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            while answer.rest is not None:
                await send({"type": "http.response.body", "body": answer.body, "more_body": True})
                await call(self._threads, answer.advance)
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        finally:
            if answer.close is not None:
                await call(self._threads, answer.finish)

    def _run(self, request: dict[str, Any]) -> _Answer:
        """Calls the application in this thread, up to the first piece of its answer."""
        answer = _Answer()

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            answer.status = int(status[:3])
            answer.headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]

        result = self._app(request, start_response)
        answer.close = getattr(result, "close", None)
        answer.rest = iter(result)
        try:
            answer.advance()
        except BaseException:
            answer.finish()
            raise
        return answer


def environ(scope: Mapping[str, Any], body: IO[bytes]) -> dict[str, Any]:
    """The environment of PEP 3333; `body` stands at its end, and is rewound.

    Header names with an underscore are dropped: in the environment they would pass for others.
    """
    size = body.tell()
    body.seek(0)
    host, port = scope.get("server") or ("localhost", 80)
    found: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" not in name:
            _add_header(found, name.decode("latin-1").upper().replace("-", "_"), value.decode("latin-1"))
    if size or "CONTENT_LENGTH" in found:
        found["CONTENT_LENGTH"] = str(size)  # what was read counts, also for chunked bodies
    return found


def _add_header(found: dict[str, Any], name: str, value: str) -> None:
    if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        name = f"HTTP_{name}"
    if name in found:
        value = found[name] + ("; " if name == "HTTP_COOKIE" else ",") + value
    found[name] = value


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
