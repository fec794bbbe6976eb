"""A bare Starlette endpoint whose one writer thread group-commits the same row with plain sqlite3.

Started as a process: `python -m tresen.bench.floor.intake DATABASE PORT`. The table is there already.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections import deque
from datetime import UTC, datetime
from threading import Condition, Thread

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

INSERT = (
    "INSERT INTO receipts (channel_id, key, received_at, state, body, file, envelope, attempts, due_at, error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)


class Writer(Thread):
    """Commits all rows that came during the last commit."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.waiting: deque[tuple[tuple[object, ...], asyncio.Future[int]]] = deque()
        self.condition = Condition()

    def put(self, row: tuple[object, ...]) -> asyncio.Future[int]:
        self.loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = self.loop.create_future()
        with self.condition:
            self.waiting.append((row, future))
            self.condition.notify()
        return future

    def run(self) -> None:
        database = sqlite3.connect(self.path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        while True:
            with self.condition:
                while not self.waiting:
                    self.condition.wait()
                group = [self.waiting.popleft() for _ in range(len(self.waiting))]
            database.execute("BEGIN IMMEDIATE")
            stored = [(future, database.execute(INSERT, row).fetchone()[0]) for row, future in group]
            database.execute("COMMIT")
            self.loop.call_soon_threadsafe(settle, stored)


def settle(stored: list[tuple[asyncio.Future[int], int]]) -> None:
    for future, row_id in stored:
        if not future.done():
            future.set_result(row_id)


def application(writer: Writer) -> Starlette:
    """`POST /in/{key}` → 202 once the row is durable."""

    async def take(request: Request) -> Response:
        body = await request.body()
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
        headers = {"content-type": request.headers["content-type"]}
        envelope = orjson.dumps({"method": request.method, "headers": headers}).decode()
        key = orjson.loads(body)["id"]
        row_id = await writer.put((1, key, now, "pending", body, "", envelope, 0, now, ""))
        return Response(orjson.dumps({"receipt": row_id}), 202, media_type="application/json")

    async def alive(_request: Request) -> Response:
        return Response(b"{}")

    return Starlette(routes=[Route("/in/{key}", take, methods=["POST"]), Route("/healthz", alive)])


if __name__ == "__main__":
    writer = Writer(sys.argv[1])
    writer.start()
    uvicorn.run(
        application(writer),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        access_log=False,
        log_level="warning",
        timeout_keep_alive=30,
        backlog=2048,
        server_header=False,
        proxy_headers=False,
    )
