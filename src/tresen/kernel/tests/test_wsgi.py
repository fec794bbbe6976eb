"""The bridge between the event loop and synchronous views."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tresen.kernel.wsgi import WsgiBridge

MEGA = 1024 * 1024


class Call:
    """One request: `chunks` of its body arrive as told, `ready` lets the answer flow."""

    def __init__(self, *chunks: bytes, more: bool = False, **scope: Any) -> None:
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "https",
            "headers": [],
            "server": ("127.0.0.1", 8000),
            "client": ("192.0.2.7", 4711),
            **scope,
        }
        parts = chunks or (b"",)
        self.messages: asyncio.Queue[dict] = asyncio.Queue()
        for number, chunk in enumerate(parts, 1):
            self.messages.put_nowait({"type": "http.request", "body": chunk, "more_body": more or number < len(parts)})
        self.ready = asyncio.Event()
        self.ready.set()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.complete = False

    async def send(self, message: dict) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            await self.ready.wait()
            self.pieces.append(message["body"])
            self.complete = not message["more_body"]

    async def through(self, bridge: WsgiBridge) -> Call:
        async with asyncio.timeout(5):
            await bridge(self.scope, self.messages.get, self.send)
        return self


class Site:
    """A WSGI application that records its environments; the body says how to answer."""

    def __init__(self) -> None:
        self.environs: list[dict] = []
        self.bodies: list[bytes] = []
        self.closed = 0

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        start_response("201 Created", [("Content-Type", "text/plain"), ("X-Thread", threading.current_thread().name)])
        if environ["PATH_INFO"] == "/long":
            return Long(self)
        if environ["PATH_INFO"] == "/fails":
            return Long(self, fails=True)
        return [b"he", b"llo"]


class Long:
    """An answer of one megabyte in small chunks, to be closed."""

    def __init__(self, site: Site, *, fails: bool = False) -> None:
        self.site, self.fails = site, fails

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(256):
            if self.fails:
                raise ValueError("broken")
            yield b"x" * 4096

    def close(self) -> None:
        self.site.closed += 1


def run(*calls: Callable[[], Call], **options: Any) -> tuple[Site, list[Call]]:
    site = Site()

    async def main() -> list[Call]:
        bridge = WsgiBridge(site, **options)
        return [await make().through(bridge) for make in calls]

    return site, asyncio.run(main())


def test_an_answer_in_one_piece_from_a_thread() -> None:
    _, [call] = run(lambda: Call())
    assert (call.status, call.pieces, call.complete) == (201, [b"hello"], True)
    assert call.headers["content-type"] == "text/plain"
    assert call.headers["x-thread"].startswith("web")


def test_the_environment() -> None:
    headers = [
        (b"host", b"desk.example"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"4"),
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"x_forwarded_for", b"6.6.6.6"),
        (b"x-name", b"\xe4"),
    ]
    site, _ = run(lambda: Call(b"body", method="POST", path="/ä b", query_string=b"q=\xff%20", headers=headers))
    got = site.environs[0]
    assert site.bodies == [b"body"]
    assert (got["REQUEST_METHOD"], got["SERVER_PROTOCOL"]) == ("POST", "HTTP/1.1")
    assert got["PATH_INFO"].encode("latin-1").decode() == "/ä b"
    assert got["QUERY_STRING"].encode("latin-1") == b"q=\xff%20"
    assert (got["CONTENT_TYPE"], got["CONTENT_LENGTH"]) == ("text/plain", "4")
    assert (got["HTTP_ACCEPT"], got["HTTP_COOKIE"], got["HTTP_X_NAME"]) == ("a,b", "a=1; b=2", "ä")
    assert got["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"
    assert (got["REMOTE_ADDR"], got["SERVER_NAME"], got["SERVER_PORT"]) == ("192.0.2.7", "127.0.0.1", "8000")
    assert (got["wsgi.url_scheme"], got["wsgi.multithread"], got["SCRIPT_NAME"]) == ("https", True, "")


def test_chunked_bodies_get_their_length() -> None:
    site, _ = run(lambda: Call(b"a" * MEGA, b"b", b"", method="POST"))
    assert site.bodies == [b"a" * MEGA + b"b"]
    assert site.environs[0]["CONTENT_LENGTH"] == str(MEGA + 1)


def test_no_body_no_length() -> None:
    site, _ = run(lambda: Call())
    assert "CONTENT_LENGTH" not in site.environs[0]


@pytest.mark.parametrize("chunks", [(b"x" * 11,), (b"x" * 6, b"x" * 5)])
def test_bodies_over_the_limit_are_refused(chunks: tuple[bytes, ...]) -> None:
    site, [refused, taken] = run(lambda: Call(*chunks), lambda: Call(b"x" * 10), max_body=10)
    assert (refused.status, taken.status, len(site.environs)) == (413, 201, 1)


def test_a_client_that_leaves_early_costs_no_thread() -> None:
    def leaving() -> Call:
        call = Call(b"half", more=True)
        call.messages.put_nowait({"type": "http.disconnect"})
        return call

    site, [call] = run(leaving)
    assert (call.status, site.environs) == (0, [])


def test_slow_clients_do_not_hold_a_thread() -> None:
    """One thread; one client uploads for ever, another does not read its answer; a third is served."""

    async def main() -> None:
        site = Site()
        bridge = WsgiBridge(site, threads=1)
        uploading, stuck = Call(b"half", more=True), Call(path="/long")
        stuck.ready.clear()
        waiting = [asyncio.create_task(call.through(bridge)) for call in (uploading, stuck)]
        while not stuck.status:
            await asyncio.sleep(0.001)
        assert (await Call().through(bridge)).pieces == [b"hello"]
        assert (bridge.in_hand, site.closed) == (2, 0)
        stuck.ready.set()
        uploading.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await asyncio.gather(*waiting)
        assert (b"".join(stuck.pieces), len(stuck.pieces), site.closed) == (b"x" * MEGA, 5, 1)
        assert bridge.in_hand == 0

    asyncio.run(main())


def test_more_than_may_wait_are_refused() -> None:
    async def main() -> None:
        bridge = WsgiBridge(Site(), waiting=1)
        uploading = Call(b"half", more=True)
        waiting = asyncio.create_task(uploading.through(bridge))
        await asyncio.sleep(0)
        refused = await Call().through(bridge)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        uploading.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await waiting
        assert (await Call().through(bridge)).status == 201

    asyncio.run(main())


def test_a_broken_answer_is_closed_and_reported() -> None:
    site = Site()
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(Call(path="/fails").through(WsgiBridge(site)))
    assert site.closed == 1


def test_a_cancelled_answer_is_closed() -> None:
    async def main() -> int:
        site = Site()
        call = Call(path="/long")
        call.ready.clear()
        task = asyncio.create_task(call.through(WsgiBridge(site)))
        while not call.status:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return site.closed

    assert asyncio.run(main()) == 1
