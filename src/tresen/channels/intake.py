"""The counter: `/in/{channel-key}[/path]`, a raw ASGI application beside Django.

Authorise, store the raw request in a group commit, then answer 202. What was answered survives a power cut. Raw ASGI,
because the same endpoint costs 0.044 ms of CPU here and 1.0 to 1.6 ms as a Django view (docs/adr/0001-hosting.md).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import orjson

from tresen.channels import registry
from tresen.channels.contract import Accepted, Adapter, AdapterError, Answer, ChannelView, RawReceipt
from tresen.channels.directory import Directory
from tresen.kernel import blobs, clock
from tresen.kernel.errors import Unavailable
from tresen.kernel.groupcommit import GroupWriter, RowRefused
from tresen.kernel.limits import InMemory
from tresen.kernel.rowstore import Table

log = logging.getLogger(__name__)

TABLE = Table(
    name="receipts",
    columns=(
        "channel_id",
        "key",
        "received_at",
        "state",
        "body",
        "file",
        "envelope",
        "attempts",
        "due_at",
        "error",
    ),
    unique=("channel_id", "key"),
)
LARGE = 64 * 1024
IN_FLIGHT_MAX = 256 * 1024 * 1024
BACKLOG_MAX = 20_000
PER_CLIENT_AND_MINUTE = 120
RETRY_AFTER = "5"
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-telegram-bot-api-secret-token")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]


class Intake:
    """`writer` stores rows of `TABLE`; `backlog` counts waiting receipts (called about once a second)."""

    def __init__(self, directory: Directory, writer: GroupWriter, backlog: Callable[[], int]) -> None:
        self.directory, self.writer, self.backlog = directory, writer, backlog
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="intake")
        self.clients = InMemory(PER_CLIENT_AND_MINUTE, seconds=60)
        self.in_flight = 0
        self.waiting = 0
        self._waiting_read = -1e9
        self._refreshing: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key, _, path = scope["path"].removeprefix("/in/").partition("/")
        try:
            view = await self._channel(key)
            adapter = registry.adapter(view.kind) if view else None
            if view is None or adapter is None or not adapter.pushes:
                raise AdapterError(404, "no such channel")
        except AdapterError as error:
            await _refuse(send, error)
            return
        except Exception:
            log.exception("the directory of channels cannot be read")
            await _refuse(send, AdapterError(503, "try again later"))
            return
        cors = _cors(adapter, view, scope)
        if scope["method"] == "OPTIONS" and adapter.browser_origin:
            await _answer(send, 204, b"", cors)
            return
        try:
            status, body, kind = await self._take(view, adapter, scope, receive, path)
        except AdapterError as error:
            await _refuse(send, error, cors)
            return
        await _answer(send, status, body, cors, kind)

    async def _channel(self, key: str) -> ChannelView | None:
        if self.directory.stale:
            if self._refreshing is None or self._refreshing.done():
                loop = asyncio.get_running_loop()
                self._refreshing = loop.run_in_executor(self.pool, self.directory.refresh)
            await asyncio.shield(self._refreshing)
        return self.directory.known(key)

    async def _take(
        self, view: ChannelView, adapter: Adapter, scope: Scope, receive: Receive, path: str
    ) -> tuple[int, bytes, bytes]:
        client = (scope.get("client") or ("",))[0]
        if adapter.browser_origin and not self.clients.allows(client):
            raise AdapterError(429, "too many requests, try again in a minute")
        await self._room()
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        async with self._body(receive, headers, adapter.body_max) as body:
            raw = RawReceipt(body, headers, path, scope["query_string"].decode("latin-1"), scope["method"], clock.now())
            accepted = await self._offload(len(body), lambda: adapter.authorize(view, raw))
            if isinstance(accepted, Answer):
                return accepted.status, _encode(accepted.body), accepted.content_type.encode("latin-1")
            return await self._store(view, raw, accepted)

    async def _offload(self, size: int, call: Callable[[], Any]) -> Any:
        if size <= LARGE:
            return call()
        return await asyncio.get_running_loop().run_in_executor(self.pool, call)

    async def _room(self) -> None:
        now = time.monotonic()
        if now - self._waiting_read > 1.0:
            self._waiting_read = now
            try:
                self.waiting = await asyncio.get_running_loop().run_in_executor(self.pool, self.backlog)
            except Exception:
                log.exception("the backlog cannot be read")
                raise AdapterError(503, "try again later") from None
        if self.waiting > BACKLOG_MAX:
            raise AdapterError(503, "too much is waiting, try again later")

    @asynccontextmanager
    async def _body(self, receive: Receive, headers: Mapping[str, str], limit: int) -> AsyncIterator[bytes]:
        """The whole body, counted as in flight from its first byte on: nobody has shown a token yet."""
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise AdapterError(413, f"at most {limit} bytes")
        chunks, size, more = [], 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise AdapterError(400, "the request ended early")
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                self.in_flight += len(chunk)
                if size > limit:
                    raise AdapterError(413, f"at most {limit} bytes")
                if self.in_flight > IN_FLIGHT_MAX:
                    raise AdapterError(503, "too much is on its way, try again later")
                chunks.append(chunk)
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self.in_flight -= size

    async def _store(self, view: ChannelView, raw: RawReceipt, accepted: Accepted) -> tuple[int, bytes, bytes]:
        body = raw.body if accepted.body is None else accepted.body
        file = ""
        try:
            if len(body) > LARGE:
                file = await self._offload(len(body), lambda: blobs.store("receipts", body))
            stored = await self.writer.put(_row(view, raw, accepted.key, b"" if file else body, file))
        except (Unavailable, OSError) as error:
            log.warning("a receipt cannot be stored: %s", type(error).__name__)
            raise AdapterError(503, "nothing was stored, try again later") from None
        except RowRefused:
            raise AdapterError(422, "this cannot be stored") from None
        if file and not stored.new:
            await asyncio.get_running_loop().run_in_executor(self.pool, blobs.remove, file)
        answer = {"receipt": stored.id, **accepted.reply}
        return (202 if stored.new else 200), orjson.dumps(answer), b"application/json"


def _row(view: ChannelView, raw: RawReceipt, key: str, body: bytes, file: str) -> tuple[Any, ...]:
    headers = {k: v for k, v in raw.headers.items() if k not in _SECRET_HEADERS}
    envelope = {"method": raw.method, "path": raw.path, "query": raw.query, "headers": headers}
    at = raw.received_at
    return (view.id, key[:300] or None, at, "pending", body or None, file, envelope, 0, at, "")


def _encode(body: Mapping[str, Any] | str) -> bytes:
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _cors(adapter: Adapter, view: ChannelView, scope: Scope) -> Headers:
    """Answers to foreign pages. The widget sends a token, never cookies, so any allowed origin may read."""
    if not adapter.browser_origin:
        return []
    origin = next((v for k, v in scope["headers"] if k == b"origin"), b"")
    allowed = str(view.settings.get("origins") or "").split()
    if not origin or (allowed and origin.decode("latin-1") not in allowed):
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-headers", b"authorization, content-type"),
        (b"access-control-allow-methods", b"POST, OPTIONS"),
        (b"access-control-max-age", b"7200"),
        (b"vary", b"origin"),
    ]


async def _answer(
    send: Send, status: int, body: bytes, headers: Headers = (), kind: bytes = b"application/json"
) -> None:
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *headers,
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, error: AdapterError, headers: Headers = ()) -> None:
    problem: dict[str, Any] = {"type": "about:blank", "status": error.status}
    if error.status != 401 and error.detail:
        problem["detail"] = error.detail
    if error.field:
        problem["errors"] = [{"field": error.field, "message": error.detail}]
    extra = list(headers)
    if error.status in (429, 503):
        extra.append((b"retry-after", RETRY_AFTER.encode()))
    if error.status == 401:
        extra.append((b"www-authenticate", b"Bearer"))
    await _answer(send, error.status, orjson.dumps(problem), extra, b"application/problem+json")
