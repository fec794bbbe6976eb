"""`GET /events`: the raw ASGI application in front of the hub.

Django's async views would hold a thread and a database connection per open stream; this holds neither.
Positions and log-ins travel in headers only: a URL ends up in logs and histories, so a query is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.http.cookie import parse_cookie

from tresen.kernel.errors import TresenError
from tresen.kernel.journal import Position
from tresen.kernel.stream.connection import Send
from tresen.kernel.stream.contract import Authenticate, Viewer
from tresen.kernel.stream.hub import Closed, Hub, TooMany
from tresen.kernel.stream.source import guarded

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = list[tuple[bytes, bytes]]

# Visitors come from foreign pages with a token; "*" forbids browsers to let cookies take part.
_CORS: Headers = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT: Headers = [
    *_CORS,
    (b"access-control-allow-methods", b"GET"),
    (b"access-control-allow-headers", b"Authorization, Last-Event-ID, Cache-Control"),
    (b"access-control-max-age", b"86400"),
]
_STREAM: Headers = [
    *_CORS,
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
_RETRY_LATER: Headers = [(b"retry-after", b"5")]


class Refused(Exception):
    """An answer other than a stream."""

    def __init__(self, status: int, title: str, headers: Headers | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.headers = status, title, headers or []


class StreamApp:
    """ASGI application for HTTP scopes; start and stop the hub in the lifespan of whoever mounts it.

    `threads` authenticate side by side; each keeps its database connection.
    """

    def __init__(self, hub: Hub, authenticate: Authenticate, *, threads: int = 4) -> None:
        self._hub, self._authenticate = hub, authenticate
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="stream-login")
        self._authenticating = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _answer(send, 204, b"", _PREFLIGHT)
            return
        try:
            headers = _headers(scope)
            viewer = await self._viewer(scope, headers)
        except Refused as refusal:
            body = orjson.dumps({"type": "about:blank", "title": refusal.title, "status": refusal.status})
            await _answer(send, refusal.status, body, _CORS + refusal.headers)
            return
        await self._stream(viewer, headers.get("last-event-id", ""), receive, send)

    async def _viewer(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Viewer:
        if scope["method"] != "GET":
            raise Refused(405, "Only GET", [(b"allow", b"GET, OPTIONS")])
        if scope["query_string"]:
            raise Refused(400, "The stream takes no query string")
        viewer = await self._log_in(headers)
        if viewer is None:
            raise Refused(401, "Not logged in", [(b"www-authenticate", b"Bearer")])
        try:
            self._hub.admit(viewer)
        except TooMany:
            raise Refused(429, "Too many streams", _RETRY_LATER) from None
        except Closed:
            raise Refused(503, "Try again later", _RETRY_LATER) from None
        return viewer

    async def _log_in(self, headers: Mapping[str, str]) -> Viewer | None:
        if self._authenticating >= self._hub.limits.authenticating:
            raise Refused(503, "Try again later", _RETRY_LATER)
        cookies = {} if _foreign(headers) else parse_cookie(headers.get("cookie", ""))
        self._authenticating += 1
        try:
            call = asyncio.get_running_loop().run_in_executor
            viewer: Viewer | None = await call(self._threads, guarded, self._authenticate, headers, cookies)
            return viewer
        except TresenError as error:
            raise Refused(error.status, error.message or error.code, _RETRY_LATER) from error
        except Exception as error:
            log.exception("log-in to the stream")
            raise Refused(503, "Try again later", _RETRY_LATER) from error
        finally:
            self._authenticating -= 1

    async def _stream(self, viewer: Viewer, last_id: str, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        last = Position.parse(last_id)
        try:
            connection = await self._hub.open(viewer, send, last, reset=bool(last_id) and last is None)
        except (Closed, TooMany):  # it has become so since the check
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._hub.discard(connection)


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _foreign(headers: Mapping[str, str]) -> bool:
    """True when another site's page asks: its visitor's cookies must not speak for it."""
    site = headers.get("sec-fetch-site", "")
    origin = headers.get("origin", "")
    return site in ("cross-site", "same-site") or (bool(origin) and urlsplit(origin).netloc != headers.get("host"))


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    if body:
        length = str(len(body)).encode()
        headers = [*headers, (b"content-type", b"application/problem+json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
