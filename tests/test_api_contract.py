"""The running product, as an integration meets it: `tresen run` on loopback, its API, its counter and its stream."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from counterparts.streams import Viewer, World
from tresen.bench.product import COMMAND, Product, serving
from tresen.kernel.tests.counterpart import Answer, Received, Server
from tresen.kernel.tests.counterpart import serving as listening

PATIENCE = 30.0


class Receiver:
    """A webhook receiver of a customer's system; the first `failures` deliveries fail."""

    def __init__(self) -> None:
        self.failures: list[Answer] = []
        self.got: list[Received] = []
        self.news = threading.Condition()

    def __call__(self, request: Received) -> Answer:
        with self.news:
            self.got.append(request)
            self.news.notify_all()
            return self.failures.pop(0) if self.failures else Answer(204)

    def wait_for(self, what: str, times: int = 1) -> list[Received]:
        """The deliveries whose body holds `what`."""

        def found() -> list[Received]:
            return [r for r in self.got if what.encode() in r.body]

        with self.news:
            assert self.news.wait_for(lambda: len(found()) >= times, PATIENCE), f"{len(found())} of {times}"
            return found()


class Shop:
    """A system that posts customers' messages to its channel."""

    def __init__(self, product: Product, **more: Any) -> None:
        self.product = product
        made = product.api("POST", "/channels", {"kind": "api", "name": "Shop", **more})
        self.id, self.key, self.token = made["id"], made["key"], made["token"]
        self.secret = made.get("webhook_secret", "")

    def post(self, message_id: str, text: str = "Hallo", thread: str = "t1", **more: Any) -> httpx.Response:
        """One message."""
        body = {
            "id": message_id,
            "thread": thread,
            "from": {"kind": "email", "value": f"{thread}@home.example", "name": thread},
            "text": text,
            **more,
        }
        return self.raw(json.dumps(body).encode())

    def raw(self, body: bytes, token: str | None = None, **headers: str) -> httpx.Response:
        """One request."""
        sent = {"Authorization": f"Bearer {self.token if token is None else token}", **headers}
        url = f"http://127.0.0.1:{self.product.port}/in/{self.key}"
        return httpx.post(url, content=body, headers=sent, timeout=PATIENCE)


@pytest.fixture(scope="module")
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture(scope="module")
def hook(receiver: Receiver) -> Iterator[Server]:
    with listening(receiver) as server:
        yield server


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    one = Product(tmp_path_factory.mktemp("contract") / "data", TRESEN_ALLOW_HOSTS="127.0.0.0/8")
    with serving(one):
        one.log_in()
        yield one


@pytest.fixture(scope="module")
def shop(product: Product) -> Shop:
    return Shop(product)


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first thing found that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found


def conversation_of(product: Product, text: str) -> dict[str, Any]:
    """The conversation that began with this text."""

    def find() -> dict[str, Any] | None:
        items = product.api("GET", "/conversations?limit=200")["items"]
        return next((item for item in items if item["subject"] == text), None)

    found: dict[str, Any] = until(find)
    return found


def fetched(product: Product, token: str) -> World:
    """All that this token sees, fetched page by page."""
    world = World()
    with httpx.Client(base_url=f"http://127.0.0.1:{product.port}/api/v1", timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        for item in _pages(client, "/conversations"):
            world.conversations[item["id"]] = item
            for message in _pages(client, f"/conversations/{item['id']}/messages"):
                world.messages[message["id"]] = message
    return world


def _pages(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(path, params={"cursor": cursor, "limit": 40})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield from page["items"]
        cursor = page["next"]


def viewer(product: Product, token: str) -> Viewer:
    return Viewer(f"http://127.0.0.1:{product.port}", token, lambda: fetched(product, token))


def personal_token(product: Product, email: str) -> str:
    """Made on the command line, as its last word."""
    command = [COMMAND, "token", "create", "--user", email, "--data", str(product.data)]
    made = subprocess.run(command, env=product.environ, capture_output=True, text=True, check=True)
    return made.stdout.split()[-1]


def test_the_health_of_the_process(product: Product):
    assert json.loads(product.call("GET", "/healthz")[1]) == {"status": "ok"}
    status, body = product.call("GET", "/readyz")
    assert (status, json.loads(body)["status"], json.loads(body)["faults"]) == (200, "ok", [])
    metrics = product.metrics()
    assert metrics["tresen_receipts_parked"] == metrics["tresen_jobs_parked"] == 0
    assert "process_resident_memory_bytes" in metrics


def test_the_counter_takes_once_and_refuses_without_a_trace(product: Product, shop: Shop):
    first, again = shop.post("c1", "Zähler"), shop.post("c1", "Zähler")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json() == {"receipt": first.json()["receipt"]}
    conversation = conversation_of(product, "Zähler")
    assert shop.raw(b"{}", token="wrong").status_code == 401
    assert shop.raw(b"{}", token="wrong").json() == {"type": "about:blank", "status": 401}
    wrong = shop.post("c2", 3)  # type: ignore[arg-type]
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "text")
    assert shop.raw(b"{").status_code == 422
    assert product.call("POST", "/in/nope", {})[0] == 404
    found = product.api("GET", f"/conversations/{conversation['id']}/messages")["items"]
    assert [m["text"] for m in found] == ["Zähler"]


def test_what_is_too_large_is_refused_and_what_is_large_is_not(product: Product, shop: Shop):
    big = "x" * 95_000
    assert shop.post("l1", big, "large").status_code == 202
    message = until(lambda: product.api("GET", f"/conversations/{_large(product)}/messages")["items"])[0]
    assert message["text"] == big
    url = f"http://127.0.0.1:{product.port}/in/{shop.key}"
    headers = {"Authorization": f"Bearer {shop.token}"}

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 1024 * 1024

    try:
        answer = httpx.post(url, content=endless(), headers=headers, timeout=PATIENCE)
    except httpx.HTTPError:  # the server answered and closed while we were still talking
        return
    assert answer.status_code == 413


def _large(product: Product) -> int:
    return int(conversation_of(product, "x" * 160)["id"])


def test_an_acknowledged_message_survives_a_kill_in_the_next_moment(product: Product, shop: Shop):
    acknowledged = []
    for n in range(20):
        if shop.post(f"k{n}", f"Nummer {n}", "killed").status_code in (200, 202):
            acknowledged.append(f"Nummer {n}")
    product.kill()
    product.start()
    row = conversation_of(product, "Nummer 0")
    texts = until(
        lambda: (
            found
            if len(found := product.api("GET", f"/conversations/{row['id']}/messages?limit=200")["items"]) >= 20
            else None
        )
    )
    assert [m["text"] for m in texts] == acknowledged
    assert [m["seq"] for m in texts] == list(range(1, 21))


def test_a_reply_arrives_as_a_signed_webhook_once_in_spite_of_failures(
    product: Product, receiver: Receiver, hook: Server
):
    hooked = Shop(product, webhook_url=hook.url)
    hooked.post("w1", "Bitte um Antwort", "hooked")
    row = conversation_of(product, "Bitte um Antwort")
    receiver.failures = [Answer(503, {"retry-after": "1"})]
    sent = product.api("POST", f"/conversations/{row['id']}/messages", {"text": "Guten Tag 👋"})
    first, second = receiver.wait_for("Guten Tag", 2)
    verified = Webhook(hooked.secret).verify(second.body, second.headers)
    assert verified["data"]["thread"] == "hooked"
    assert verified["data"]["to"] == ["hooked@home.example"]
    assert verified["data"]["message"]["id"] == sent["id"]
    assert verified["data"]["message"]["text"] == "Guten Tag 👋"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]

    def delivery() -> bool:
        items = product.api("GET", f"/conversations/{row['id']}/messages")["items"]
        return bool(items[-1]["delivery"] == "delivered")

    assert until(delivery)
    time.sleep(1.5)
    assert len(receiver.wait_for("Guten Tag")) == 2


def test_replies_arrive_in_their_order(product: Product, receiver: Receiver, hook: Server):
    hooked = Shop(product, webhook_url=hook.url)
    hooked.post("o1", "Der Reihe nach", "ordered")
    row = conversation_of(product, "Der Reihe nach")
    receiver.failures = [Answer(503, {"retry-after": "1"})]
    for n in range(5):
        product.api("POST", f"/conversations/{row['id']}/messages", {"text": f"Folge {n}", "key": f"k{n}"})
    got = receiver.wait_for("Folge", 6)
    texts = [json.loads(r.body)["data"]["message"]["text"] for r in got]
    assert texts == [f"Folge {n}" for n in (0, 0, 1, 2, 3, 4)]


def test_the_stream_is_for_those_with_a_token(product: Product):
    url = f"http://127.0.0.1:{product.port}/events"
    for headers in ({}, {"Authorization": "Bearer tsn_wrong"}, {"Authorization": "Basic x"}):
        assert httpx.get(url, headers=headers).status_code == 401
    with_query = httpx.get(f"{url}?token={product.token}", headers={"Authorization": f"Bearer {product.token}"})
    assert with_query.status_code == 400


def play(product: Product, shop: Shop, seed: int, rounds: int) -> None:
    """Customers write and staff act, in an order that the seed gives."""
    chance = random.Random(seed)
    for n in range(rounds):
        shop.post(f"p{seed}-{n}", f"Text {n}", f"thread{chance.randrange(4)}")
        items = product.api("GET", "/conversations?limit=20")["items"]
        row = chance.choice(items)
        path = f"/conversations/{row['id']}"
        verb, body = chance.choice(
            [
                ("messages", {"text": f"Antwort {n}"}),
                ("messages", {"text": f"Notiz {n}", "kind": "note"}),
                ("assign", {"agent": None}),
                ("resolve", {}),
                ("reopen", {}),
            ]
        )
        status, _ = product.call("POST", f"/api/v1{path}/{verb}", body, product.token)
        assert status in (200, 201, 409)
        status, _ = product.call("PUT", f"/api/v1{path}/priority", {"priority": "high"}, product.token)
        assert status == 200


def settled(product: Product, shop: Shop, watching: Viewer, mark: str) -> None:
    """Everything that was done has been processed and has reached the stream."""
    shop.post(mark, mark, mark)
    product.settle()
    assert watching.wait_for(lambda w: any(m["text"] == mark for m in w.messages.values()))
    assert watching.wait_for(lambda w: all(m["delivery"] != "queued" for m in w.messages.values()))
    time.sleep(0.5)


def test_state_fetched_and_events_replayed_are_the_state_fetched_anew(product: Product, shop: Shop):
    watching = viewer(product, product.token)
    watching.connect()
    shop.post("begin", "begin", "begin")
    until(lambda: watching.last_id)
    watching.fetch_anew()
    play(product, shop, 1, 12)
    settled(product, shop, watching, "quiet one")
    assert watching.world == fetched(product, product.token)

    watching.leave()  # the network is gone for a while
    play(product, shop, 2, 12)
    watching.connect()
    settled(product, shop, watching, "quiet two")
    assert watching.world == fetched(product, product.token)
    assert watching.resets == 0

    product.stop()  # and the server is restarted, while a customer writes before anybody looks again
    assert watching.ended.wait(PATIENCE)
    product.start()
    play(product, shop, 3, 8)
    watching.connect()
    settled(product, shop, watching, "quiet three")
    assert watching.world == fetched(product, product.token)
    seqs: dict[int, list[int]] = {}
    for _id, name, data in watching.events:
        if name == "message.created":
            seqs.setdefault(data["conversation_id"], []).append(data["message"]["seq"])
    for found in seqs.values():
        assert found == list(range(found[0], found[0] + len(found)))  # no gap, no double, in order


def test_a_stream_that_cannot_resume_says_so(product: Product, shop: Shop):
    watching = viewer(product, product.token)
    watching.last_id = "nonsense"
    watching.connect()
    settled(product, shop, watching, "reset me")
    assert watching.names()[0] == "reset"
    assert watching.world == fetched(product, product.token)


def test_a_team_sees_its_own_and_what_leaves_is_gone(product: Product):
    agent = product.api("POST", "/agents", {"email": "ada@shop.example", "name": "Ada"})
    team = product.api("POST", "/teams", {"name": "Returns", "members": [agent["id"]]})
    other = product.api("POST", "/teams", {"name": "Others", "members": []})
    ours = product.api("POST", "/queues", {"name": "Returns", "team": team["id"]})
    theirs = product.api("POST", "/queues", {"name": "Others", "team": other["id"]})
    shop, foreign = Shop(product, queue=ours["id"]), Shop(product, queue=theirs["id"])
    token = personal_token(product, "ada@shop.example")
    watching = viewer(product, token)
    watching.connect()
    shop.post("s1", "sichtbar", "seen")
    foreign.post("f1", "geheim", "unseen")
    shop.post("s2", "wandert", "moving")
    row = conversation_of(product, "wandert")
    assert watching.wait_for(lambda w: row["id"] in w.conversations)
    watching.fetch_anew()
    product.api("POST", f"/conversations/{row['id']}/assign", {"agent": None, "queue": theirs["id"]})
    shop.post("s3", "danach", "seen")
    assert watching.wait_for(lambda w: any(m["text"] == "danach" for m in w.messages.values()))
    assert ("conversation.gone", {"kind": "conversation.gone", "conversation_id": row["id"]}) in [
        (data["kind"], data) for _id, _name, data in watching.events
    ]
    assert watching.world == fetched(product, token)
    assert "geheim" not in json.dumps([data for _id, _name, data in watching.events])

    # Rights that are lost are lost on the open stream too, within five seconds.
    product.api("PUT", f"/teams/{team['id']}", {"name": "Returns", "members": []})
    lost_at = time.monotonic()
    n = 0
    while time.monotonic() - lost_at < 7:
        shop.post(f"late{n}", f"nach dem Entzug {n}", "seen")
        n += 1
        time.sleep(0.25)
    seen = [
        (at, data)
        for at, (_id, name, data) in zip(watching.at, watching.events, strict=True)
        if name == "message.created" and "nach dem Entzug" in data["message"]["text"]
    ]
    assert all(at - lost_at < 5 for at, _data in seen)
    assert len(seen) < n
    url = f"http://127.0.0.1:{product.port}/api/v1/conversations/{row['id']}"
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 404
    watching.leave()
