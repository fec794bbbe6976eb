"""The ASGI application: who gets a stream, and one behind a real server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import httpx
import pytest
import uvicorn

from tresen.kernel.errors import Unavailable
from tresen.kernel.stream import Limits
from tresen.kernel.tests.streaming import Client, Person, World, world


def ask(w: World, **request: Any) -> Any:
    return w.connect(**request)


def problem(client: Client) -> tuple[int, int]:
    assert client.headers["content-type"] == "application/problem+json"
    assert int(client.headers["content-length"]) == len(client.body)
    return client.status, json.loads(client.body)["status"]


def test_the_answer_is_a_stream_that_no_proxy_keeps() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            assert client.status == 200
            assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert client.headers["cache-control"] == "no-store"
            assert client.headers["x-accel-buffering"] == "no"
            assert client.headers["access-control-allow-origin"] == "*"
            assert client.body == b"retry: 2000\n\nid: 0-0\n\n"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        ({"method": "POST"}, 405, "allow"),
        ({"method": "HEAD"}, 405, "allow"),
        ({"query_string": b"last_event_id=0-1"}, 400, "content-type"),
        ({"query_string": b"token=abc"}, 400, "content-type"),
        ({"headers": {"authorization": "nobody"}}, 401, "www-authenticate"),
        ({"headers": {"authorization": "away"}}, 503, "retry-after"),
        ({"headers": {"authorization": "bug"}}, 503, "retry-after"),
    ],
)
def test_refusals(request_: dict[str, Any], status: int, header: str) -> None:
    async def main() -> None:
        async with world() as w:
            w.people |= {"nobody": None, "away": Unavailable("database away"), "bug": KeyError("x")}
            client = await w.connect(**request_)
            await client.until_complete()
            assert problem(client) == (status, status)
            assert header in client.headers and client.headers["access-control-allow-origin"] == "*"
            assert w.hub.stats().streams == 0
            assert len(w.logins) == (status in (401, 503))

    asyncio.run(main())


def test_preflight_allows_a_token_and_never_credentials() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect(method="OPTIONS", headers={"origin": "https://shop.example"})
            await client.until_complete()
            assert (client.status, client.body) == (204, b"")
            assert "authorization" in client.headers["access-control-allow-headers"].lower()
            assert "access-control-allow-credentials" not in client.headers
            assert w.logins == []

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({}, True),
        ({"origin": "https://desk.example"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://desk.example", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_cookies_of_foreign_pages_do_not_count(headers: dict[str, str], kept: bool) -> None:
    async def main() -> None:
        async with world() as w:
            await w.connect(headers={"cookie": "sessionid=s; a=b", **headers})
            assert w.logins[0][2] == ({"sessionid": "s", "a": "b"} if kept else {})

    asyncio.run(main())


def test_log_ins_happen_in_threads() -> None:
    async def main() -> None:
        async with world() as w:
            await w.connect()
            assert w.logins[0][0].startswith("stream-login")

    asyncio.run(main())


def test_caps_per_viewer_and_in_total() -> None:
    async def main() -> None:
        async with world(Limits(per_viewer=2, streams=3)) as w:
            w.people |= {"b": Person("staff:2"), "c": Person("staff:3")}
            first = await w.connect()
            await w.connect()
            assert (await w.connect()).status == 429
            await w.connect(headers={"authorization": "b"})
            refused = await w.connect(headers={"authorization": "c"})
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
            first.left.set()
            await asyncio.sleep(0.05)
            assert (await w.connect()).status == 200

    asyncio.run(main())


def test_too_many_waiting_log_ins_are_refused() -> None:
    async def main() -> None:
        async with world(Limits(authenticating=2)) as w:
            release = threading.Event()
            w.app._authenticate = lambda headers, cookies: release.wait(5) and Person()
            waiting = [await w.connect(wait=False) for _ in range(2)]
            await asyncio.sleep(0)
            refused = await w.connect()
            release.set()
            assert refused.status == 503
            for client in waiting:
                async with asyncio.timeout(5):
                    while client.status != 200:
                        await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_client_that_leaves_frees_its_stream() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            client.left.set()
            await asyncio.sleep(0.05)
            assert (w.hub.stats().streams, w.hub._per_viewer) == (0, {})

    asyncio.run(main())


def test_behind_uvicorn() -> None:
    """A real server and client: live, resumed after a disconnect, ended by the hub."""
    w = World()

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await w.app(scope, receive, send)

    async def serve(ready: asyncio.Future[None]) -> None:
        await w.hub.start()
        ready.set_result(None)
        await server.serve(sockets=[listener])

    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
    server = uvicorn.Server(uvicorn.Config(asgi, lifespan="off", log_level="error"))

    def read(client: httpx.Client, count: int, last: str = "") -> tuple[list[str], str]:
        with client.stream("GET", url, headers={"last-event-id": last} if last else {}) as answer:
            seen = Client()
            for chunk in answer.iter_raw():
                seen.body += chunk
                if len(seen.events()) >= count:
                    break
            return seen.scopes(), seen.last_id

    def drive() -> None:
        with httpx.Client(timeout=5) as client:
            threading.Timer(0.2, lambda: w.source.append("a", "b", "a")).start()
            scopes, last = read(client, 2)
            assert (scopes, last) == (["a", "a"], "0-3")
            w.source.append("a", "a")
            assert read(client, 2, last) == (["a", "a"], "0-5")
            asyncio.run_coroutine_threadsafe(w.hub.stop(), loop).result(5)
            assert client.get(url).status_code == 503

    async def main() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        serving = asyncio.create_task(serve(ready))
        await ready
        try:
            await asyncio.to_thread(drive)
        finally:
            server.should_exit = True
            await serving
            await w.hub.stop()

    loop: asyncio.AbstractEventLoop
    asyncio.run(main())
