"""The counter: what it acknowledges is stored, what it refuses leaves nothing, and it tells no stranger why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tresen.channels import intake, registry
from tresen.channels.adapters.api.adapter import ApiAdapter
from tresen.channels.contract import Answer, ChannelView
from tresen.channels.intake import Intake
from tresen.kernel import blobs
from tresen.kernel.groupcommit import Busy, RowRefused, StorageUnavailable, Stored
from tresen.kernel.limits import InMemory

TOKEN = "t" * 43
API = ChannelView(1, "shop", "Shop", "api", {}, {"token": TOKEN, "webhook_secret": "w" * 43}, "http://localhost")
CHAT = ChannelView(
    2,
    "chat",
    "Chat",
    "webchat",
    {"origins": ""},
    {"token_secret": "c" * 43, "identity_secret": "i"},
    "http://localhost",
)
MAIL = ChannelView(3, "mail", "Mail", "email", {}, {}, "http://localhost")
GOOD = {"id": "m1", "thread": "t1", "from": {"kind": "email", "value": "a@b.example"}, "text": "Hallo"}


class Channels:
    """The directory, without a database."""

    stale = False

    def __init__(self, *views: ChannelView) -> None:
        self.views = {view.key: view for view in views}

    def known(self, key: str) -> ChannelView | None:
        return self.views.get(key)

    def refresh(self) -> None:
        """Nothing to read."""


class Writer:
    """Keeps rows as the group writer does; or fails as it does."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.fault: Exception | None = None

    async def put(self, row: tuple[Any, ...]) -> Stored:
        if self.fault:
            raise self.fault
        for number, known in enumerate(self.rows, 1):
            if row[1] is not None and known[:2] == row[:2]:
                return Stored(number, False)
        self.rows.append(row)
        return Stored(len(self.rows), True)


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Counter:
    """An intake application and a way to call it."""

    writer: Writer = field(default_factory=Writer)
    backlog: int = 0

    def __post_init__(self) -> None:
        self.app = Intake(Channels(API, CHAT, MAIL), self.writer, lambda: self.backlog)  # type: ignore[arg-type]

    def call(
        self,
        path: str = "shop",
        body: Any = GOOD,
        token: str | None = TOKEN,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        chunks: list[bytes] | None = None,
        client: str = "192.0.2.1",
    ) -> Reply:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {token}"} if token is not None else {}
        sent |= dict(headers or {})
        return asyncio.run(self.ask(path, chunks or [content], sent, method, client))

    async def ask(
        self, path: str, chunks: list[bytes], headers: Mapping[str, str], method: str = "POST", client: str = "x"
    ) -> Reply:
        scope = {
            "type": "http",
            "path": f"/in/{path}",
            "query_string": b"",
            "method": method,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "client": (client, 1),
        }
        waiting = [{"type": "http.request", "body": c, "more_body": c is not chunks[-1]} for c in chunks]
        answers: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            answers.append(message)

        await self.app(scope, receive, send)
        start, content = answers
        named = {k.decode(): v.decode() for k, v in start["headers"]}
        return Reply(start["status"], named, content["body"])


@pytest.fixture
def counter() -> Counter:
    return Counter()


def problem(reply: Reply, status: int) -> dict[str, Any]:
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.json["type"], reply.json["status"]) == ("about:blank", status)
    found: dict[str, Any] = reply.json
    return found


def test_a_message_is_stored_and_then_acknowledged(counter: Counter):
    reply = counter.call()
    assert (reply.status, reply.json) == (202, {"receipt": 1})
    ((channel, key, _at, state, body, file, envelope, attempts, _due, error),) = counter.writer.rows
    assert (channel, key, state, json.loads(body), file, attempts, error) == (1, "m1", "pending", GOOD, "", 0, "")
    assert envelope == {"method": "POST", "path": "", "query": "", "headers": {}}


def test_the_token_is_never_stored(counter: Counter):
    counter.call(headers={"cookie": "session=secret", "x-shop": "1"})
    assert TOKEN not in repr(counter.writer.rows)
    assert "session=secret" not in repr(counter.writer.rows)
    assert counter.writer.rows[0][6]["headers"] == {"x-shop": "1"}


def test_the_same_id_again_is_the_same_receipt(counter: Counter):
    counter.call()
    reply = counter.call(body={**GOOD, "text": "other"})
    assert (reply.status, reply.json) == (200, {"receipt": 1})
    assert len(counter.writer.rows) == 1


@pytest.mark.parametrize("path", ["", "nope", "shop2", "SHOP", "mail", "shop%00", "../shop", "nope/x"])
def test_an_unknown_channel_is_not_there(counter: Counter, path: str):
    problem(counter.call(path), 404)
    assert counter.writer.rows == []


@pytest.mark.parametrize("body", [GOOD, b"{", b"", {"id": 3}])
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x"])
def test_a_wrong_token_learns_nothing_not_even_about_the_body(counter: Counter, token: str | None, body: Any):
    reply = counter.call(body=body, token=token)
    assert problem(reply, 401) == {"type": "about:blank", "status": 401}
    assert reply.headers["www-authenticate"] == "Bearer"
    assert counter.writer.rows == []


@pytest.mark.parametrize(
    ("change", "field_"),
    [
        ({"id": 3}, "id"),
        ({"id": ""}, "id"),
        ({"id": "x" * 251}, "id"),
        ({"thread": None}, "thread"),
        ({"from": "a@b"}, "from"),
        ({"from": {"kind": "E-Mail", "value": "x"}}, "from.kind"),
        ({"from": {"kind": "email", "value": ""}}, "from.value"),
        ({"from": {"kind": "email", "value": "x", "admin": True}}, "from.admin"),
        ({"text": 3}, "text"),
        ({"text": "x" * 100_001}, "text"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-03-02T10:00:00"}, "at"),
        ({"attachments": [{"name": "a", "base64": "***"}]}, "attachments.0.base64"),
        ({"attachments": "x"}, "attachments"),
    ],
)
def test_a_wrong_field_is_named(counter: Counter, change: dict[str, Any], field_: str):
    found = problem(counter.call(body={**GOOD, **change}), 422)
    assert [error["field"] for error in found["errors"]] == [field_]
    assert counter.writer.rows == []


@pytest.mark.parametrize("missing", ["id", "thread", "from", "text"])
def test_a_missing_field_is_named(counter: Counter, missing: str):
    body = {k: v for k, v in GOOD.items() if k != missing}
    assert problem(counter.call(body=body), 422)["errors"][0]["field"] == missing


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"x"', b'{"id": "\\ud800"}', b"[" * 100_000])
def test_what_is_no_message_at_all(counter: Counter, body: bytes):
    assert problem(counter.call(body=body), 422)["errors"][0]["field"]
    assert counter.writer.rows == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_store_nothing(counter: Counter, method: str):
    problem(counter.call(method=method), 405)
    assert counter.writer.rows == []


def test_put_is_as_good_as_post(counter: Counter):
    assert counter.call(method="PUT").status == 202


def test_more_than_fits_is_refused_before_it_is_read(counter: Counter):
    limit = ApiAdapter.body_max
    problem(counter.call(body=b"x", headers={"content-length": str(limit + 1)}), 413)
    assert counter.writer.rows == []


def test_more_than_fits_is_refused_while_it_is_read(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ApiAdapter, "body_max", 1000)
    problem(counter.call(chunks=[b"x" * 600, b"y" * 600, b"z"]), 413)
    assert counter.app.in_flight == 0
    assert counter.writer.rows == []


def test_a_request_that_breaks_off_stores_nothing(counter: Counter):
    assert asyncio.run(_breaking_off(counter)) == 400
    assert counter.writer.rows == []
    assert counter.app.in_flight == 0


async def _breaking_off(counter: Counter) -> int:
    scope = {
        "type": "http",
        "path": "/in/shop",
        "query_string": b"",
        "method": "POST",
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
    }
    waiting = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    await counter.app(scope, receive, send)
    return int(answers[0]["status"])


@pytest.mark.parametrize(
    "fault",
    [
        StorageUnavailable("database or disk is full"),
        Busy("too many rows wait"),
        OSError(28, "No space left on device"),
    ],
)
def test_what_cannot_be_stored_is_not_acknowledged(counter: Counter, fault: Exception):
    counter.writer.fault = fault
    reply = counter.call()
    found = problem(reply, 503)
    assert reply.headers["retry-after"] == "5"
    assert "disk" not in found["detail"] and "space" not in found["detail"]
    counter.writer.fault = None
    assert counter.call().status == 202


def test_a_row_that_the_database_never_takes_is_the_request_s_fault(counter: Counter):
    counter.writer.fault = RowRefused("NUL")
    problem(counter.call(), 422)


def test_a_backlog_slows_the_counter_down(counter: Counter):
    counter.backlog = intake.BACKLOG_MAX + 1
    reply = counter.call()
    problem(reply, 503)
    assert reply.headers["retry-after"] == "5"
    assert counter.writer.rows == []
    counter.backlog, counter.app._waiting_read = 0, -1e9
    assert counter.call().status == 202


def test_without_a_database_the_counter_says_so_and_nothing_else(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    def away() -> int:
        raise ConnectionError("could not connect to server at 10.0.0.5")

    counter.app.backlog = away
    reply = counter.call()
    assert "10.0.0.5" not in json.dumps(problem(reply, 503))
    monkeypatch.setattr(Channels, "stale", True)
    monkeypatch.setattr(Channels, "refresh", lambda self: away())
    reply = counter.call()
    assert "10.0.0.5" not in json.dumps(problem(reply, 503))
    assert reply.headers["retry-after"] == "5"
    assert counter.writer.rows == []


def test_too_much_at_once_is_refused_from_the_first_byte_on(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    """Bodies that are still being read count: before them nobody has shown a token."""
    monkeypatch.setattr(intake, "IN_FLIGHT_MAX", 5000)
    chunk = b"x" * 2000

    async def flood() -> list[int]:
        gate = asyncio.Event()
        answers: list[int] = []

        async def upload() -> None:
            pieces = [chunk, b""]

            async def receive() -> dict[str, Any]:
                piece = pieces.pop(0)
                if not piece:
                    await gate.wait()
                return {"type": "http.request", "body": piece, "more_body": bool(piece)}

            async def send(message: dict[str, Any]) -> None:
                if "status" in message:
                    answers.append(message["status"])

            scope = {"path": "/in/shop", "query_string": b"", "method": "POST", "headers": [], "client": ("x", 1)}
            await counter.app(scope, receive, send)

        waiting = [asyncio.create_task(upload()) for _ in range(4)]
        while len(answers) < 2:
            await asyncio.sleep(0.01)
        refused = list(answers)
        gate.set()
        await asyncio.gather(*waiting)
        return refused + sorted(answers[2:])

    assert asyncio.run(flood()) == [503, 503, 401, 401]
    assert counter.app.in_flight == 0


def test_a_large_body_goes_to_a_synced_file_first(counter: Counter, data_dir: Path):
    body = {**GOOD, "text": "x" * 90_000}
    assert counter.call(body=body).status == 202
    row = counter.writer.rows[0]
    assert row[4] is None
    assert json.loads(blobs.load(row[5])) == body
    assert counter.call(body=body).status == 200
    files = [p for p in data_dir.rglob("*") if p.is_file()]
    assert len(files) == 1  # the repeat's file is gone again


def test_a_full_disk_acknowledges_nothing(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    def full(area: str, content: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(intake.blobs, "store", full)
    problem(counter.call(body={**GOOD, "text": "x" * 90_000}), 503)
    assert counter.writer.rows == []


def test_an_adapter_may_answer_by_itself(counter: Counter, monkeypatch: pytest.MonkeyPatch):
    answer = Answer(200, "challenge", "text/plain")
    monkeypatch.setattr(ApiAdapter, "authorize", lambda self, channel, raw: answer)
    reply = counter.call(method="GET")
    assert (reply.status, reply.body) == (200, b"challenge")
    assert reply.headers["content-type"] == "text/plain"
    assert counter.writer.rows == []


ORIGIN = {"origin": "https://shop.example"}


def test_browsers_may_ask_where_browsers_call(counter: Counter):
    reply = counter.call("chat/messages", b"", None, "OPTIONS", ORIGIN)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in reply.headers
    assert reply.headers["vary"] == "origin"
    refused = counter.call("chat/messages", b"{}", "wrong", "POST", ORIGIN)
    assert problem(refused, 401)
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in counter.call(headers=ORIGIN).headers


def test_only_named_origins_where_some_are_named(counter: Counter):
    narrow = replace(CHAT, settings={"origins": "https://shop.example https://www.shop.example"})
    counter.app.directory.views["chat"] = narrow  # type: ignore[attr-defined]
    allowed = counter.call("chat/messages", b"", None, "OPTIONS", ORIGIN)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    for foreign in ("https://evil.example", "https://shop.example.evil.example", "null", "http://shop.example"):
        reply = counter.call("chat/messages", b"", None, "OPTIONS", {"origin": foreign})
        assert "access-control-allow-origin" not in reply.headers


def test_a_browser_that_calls_too_often_waits(counter: Counter):
    counter.app.clients = InMemory(2, seconds=10**9)
    answers = [counter.call("chat/messages", b"{}", "wrong").status for _ in range(3)]
    assert answers == [401, 401, 429]
    assert counter.call("chat/messages", b"{}", "wrong", client="192.0.2.2").status == 401
    assert [counter.call().status for _ in range(3)] == [202, 200, 200]  # servers have no such cap


@pytest.mark.parametrize("kind", [k for k, a in registry.all_adapters().items() if a.pushes])
def test_every_kind_refuses_what_is_too_large_for_it(kind: str):
    view = ChannelView(9, "any", "Any", kind, {}, {}, "http://localhost")
    one = Counter()
    one.app.directory.views["any"] = view  # type: ignore[attr-defined]
    limit = registry.all_adapters()[kind].body_max
    problem(one.call("any/messages", b"x", headers={"content-length": str(limit + 1)}), 413)
    assert one.writer.rows == []
