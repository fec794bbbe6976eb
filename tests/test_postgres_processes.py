"""Two counters and two workers on one PostgreSQL, one of them killed: everything once, in order, nobody overloaded."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from counterparts.streams import Viewer, World
from tresen.bench import machine
from tresen.bench.product import COMMAND, Process, environment, serving
from tresen.kernel.tests.counterpart import Answer, Received
from tresen.kernel.tests.counterpart import serving as listening

PATIENCE = 90.0
THREADS, MESSAGES, AGENTS, CAPACITY = 40, 300, 5, 4


class House:
    """All processes of an installation, the way to its API and to its database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.data = url, folder / "data"
        self.data.mkdir()
        self.environ = environment(self.data, {"DATABASE_URL": url, "TRESEN_ALLOW_HOSTS": "127.0.0.0/8"})
        self.webs = [self._web(n, folder) for n in range(2)]
        self.workers: list[subprocess.Popen[bytes]] = []
        self.log = folder / "workers.log"
        self.token = ""
        self.turn = itertools.cycle(self.webs)

    def _web(self, number: int, folder: Path) -> Process:
        port = machine.free_port()
        command = [COMMAND, "web", "--data", str(self.data), "--port", str(port)]
        return Process(command, port, self.environ, folder / f"web{number}.log")

    def log_in(self) -> None:
        """An administrator's token from the command line."""
        command = [COMMAND, "token", "create", "--role", "administrator", "--data", str(self.data)]
        made = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        self.token = made.stdout.split()[-1]

    def hire(self) -> subprocess.Popen[bytes]:
        """One more worker."""
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [COMMAND, "worker", "--data", str(self.data)], env=self.environ, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def dismiss(self) -> None:
        """Ends the workers that still run, by their ids."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait(5)

    def api(self, method: str, path: str, body: Any = None, expected: tuple[int, ...] = (200, 201)) -> Any:
        """A call at one counter after the other."""
        status, content = next(self.turn).call(method, f"/api/v1{path}", body, self.token, timeout=60)
        assert status in expected, f"{method} {path}: {status} {content[:300]!r}"
        return json.loads(content)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Straight from the database."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def until(self, query: str, wanted: int) -> None:
        """Waits until a counting query answers so."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.ask(query)[0][0]) != wanted:
            assert time.monotonic() < deadline, f"{query}: {found} instead of {wanted}"
            time.sleep(0.1)

    def fetched(self) -> World:
        """All conversations and messages by the API."""
        world = World()
        for item in self._pages("/conversations"):
            world.conversations[item["id"]] = item
            for message in self._pages(f"/conversations/{item['id']}/messages"):
                world.messages[message["id"]] = message
        return world

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            page = self.api("GET", f"{path}?limit=200&cursor={cursor}")
            yield from page["items"]
            cursor = page["next"]


@pytest.fixture(scope="module")
def house(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE processes")
    ours = House(postgres.rpartition("/")[0] + "/processes", tmp_path_factory.mktemp("processes"))
    with serving(ours.webs[0]), serving(ours.webs[1]):
        ours.log_in()
        try:
            ours.hire()
            ours.hire()
            yield ours
        finally:
            ours.dismiss()


class Overload(threading.Thread):
    """Looks all the time whether anybody has more than they can take."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.house, self.over, self.looks, self.stopping = house, [], 0, threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.house.url, autocommit=True) as connection:
            while not self.stopping.is_set():
                query = (
                    "SELECT p.user_id, p.load, (SELECT count(*) FROM conversations_conversation c"
                    " WHERE c.assignee_id = p.user_id AND c.status = 'assigned'), p.capacity FROM accounts_presence p"
                )
                for row in connection.execute(query).fetchall():
                    if row[1] > row[3] or row[1] != row[2]:
                        self.over.append(row)
                self.looks += 1
                self.stopping.wait(0.02)


def each(calls: list[Callable[[], Any]], threads: int = 6) -> list[Any]:
    """Runs all, some at a time; raises what one of them raised."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_two_counters_and_two_workers_do_everything_once_and_in_order(house: House):
    got: list[Received] = []

    def answer(request: Received) -> Answer:
        got.append(request)
        return Answer(204)

    with listening(answer) as receiver:
        given = {"kind": "api", "name": "Shop", "webhook_url": receiver.url}
        channel = house.api("POST", "/channels", given)
        for n in range(AGENTS):
            agent = {"email": f"agent{n}@shop.example", "name": f"Agent {n}", "capacity": CAPACITY}
            made = house.api("POST", "/agents", agent)
            house.api("POST", f"/agents/{made['id']}/presence", {"status": "online"})
        time.sleep(2.5)  # the other counter knows the new channel
        watching = Viewer(f"http://127.0.0.1:{house.webs[1].port}", house.token, house.fetched)
        watching.connect()
        overload = Overload(house)
        overload.start()

        _customers_write(house, channel)
        house.until("SELECT count(*) FROM receipts WHERE state = 'pending'", 0)
        house.until("SELECT count(*) FROM conversations_conversation WHERE status = 'assigned'", AGENTS * CAPACITY)
        _everything_once_and_in_order(house)

        _staff_answer_and_resolve(house)
        house.until("SELECT count(*) FROM conversations_conversation WHERE status = 'resolved'", THREADS)
        house.until("SELECT count(*) FROM conversations_message WHERE delivery = 'queued'", 0)
        overload.stopping.set()
        overload.join(10)

        _answers_arrived_once(house, got)
        assert overload.over == []
        assert overload.looks > 20
        assert house.ask("SELECT count(*), max(load) FROM accounts_presence") == [(AGENTS, 0)]
        assert house.ask("SELECT count(*) FROM conversations_assignment WHERE ended_at IS NULL") == [(0,)]
        assert house.ask("SELECT count(*) FROM jobs WHERE parked_at IS NOT NULL") == [(0,)]
        assert house.ask("SELECT count(*) FROM events_stalled") == [(0,)]
        fresh = house.fetched()
        assert watching.wait_for(lambda world: world == fresh)
        _stream_told_everything_once(watching)
        watching.leave()


def _customers_write(house: House, channel: dict[str, Any]) -> None:
    """Every thread's messages one after the other, many threads at once, at both counters; one worker is killed."""
    sent = Counter()
    killed = threading.Event()

    def post(client: httpx.Client, web: Process, thread: int, n: int) -> httpx.Response:
        body = {
            "id": f"m-{thread}-{n}",
            "thread": f"t{thread}",
            "from": {"kind": "email", "value": f"c{thread}@home.example", "name": f"Customer {thread}"},
            "text": f"{thread}/{n}",
        }
        url = f"http://127.0.0.1:{web.port}/in/{channel['key']}"
        return client.post(url, json=body, headers={"Authorization": f"Bearer {channel['token']}"}, timeout=60)

    def customer(thread: int) -> None:
        count = MESSAGES // THREADS + (thread < MESSAGES % THREADS)
        with httpx.Client() as client:
            for n in range(count):
                web, other = house.webs[(thread + n) % 2], house.webs[(thread + n + 1) % 2]
                first = post(client, web, thread, n)
                assert first.status_code == 202, first.text
                if n % 3 == 0:  # the provider did not hear us and tries again, at the other counter
                    again = post(client, other, thread, n)
                    assert (again.status_code, again.json()) == (200, first.json())
                sent["messages"] += 1
                if sent["messages"] > MESSAGES // 3 and not killed.is_set():
                    killed.set()
                    os.kill(house.workers[0].pid, signal.SIGKILL)
                    house.hire()

    each([lambda thread=thread: customer(thread) for thread in range(THREADS)], 8)
    assert sent["messages"] == MESSAGES
    assert killed.is_set()


def _everything_once_and_in_order(house: House) -> None:
    rows = house.ask(
        "SELECT conversation_id, seq, text, external_id FROM conversations_message ORDER BY conversation_id, seq"
    )
    assert len(rows) == MESSAGES
    assert len({row[3] for row in rows}) == MESSAGES
    by_conversation: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for conversation, seq, text, _external in rows:
        by_conversation[conversation].append((seq, text))
    assert len(by_conversation) == THREADS
    for found in by_conversation.values():
        thread = found[0][1].partition("/")[0]
        assert found == [(n + 1, f"{thread}/{n}") for n in range(len(found))]
    assert house.ask("SELECT count(*) FROM customers_customer") == [(THREADS,)]
    assert house.ask("SELECT count(*) FROM receipts") == [(MESSAGES,)]
    loads = house.ask("SELECT load FROM accounts_presence")
    assert loads == [(CAPACITY,)] * AGENTS


def _staff_answer_and_resolve(house: House) -> None:
    """Each conversation is answered twice at the same time and resolved; places that become free are filled."""
    done: set[int] = set()
    deadline = time.monotonic() + PATIENCE
    while len(done) < THREADS:
        assert time.monotonic() < deadline, f"{len(done)} of {THREADS} were given to somebody"
        items = house.api("GET", "/conversations?status=assigned&limit=200")["items"]
        fresh = [item["id"] for item in items if item["id"] not in done]
        each([lambda pk=pk, n=n: _answer(house, pk, n) for pk in fresh for n in range(2)])
        each([lambda pk=pk: house.api("POST", f"/conversations/{pk}/resolve", {}) for pk in fresh])
        done.update(fresh)


def _answer(house: House, pk: int, n: int) -> None:
    body = {"text": f"Antwort {n} auf {pk}", "key": f"answer-{n}"}
    first = house.api("POST", f"/conversations/{pk}/messages", body)
    again = house.api("POST", f"/conversations/{pk}/messages", body)
    assert first["id"] == again["id"]


def _answers_arrived_once(house: House, got: list[Received]) -> None:
    bodies = [json.loads(request.body)["data"] for request in got]
    assert len({request.headers["webhook-id"] for request in got}) == len(got) == 2 * THREADS
    by_conversation: dict[int, list[int]] = defaultdict(list)
    for body in bodies:
        by_conversation[body["conversation_id"]].append(body["message"]["seq"])
    assert all(seqs == sorted(seqs) for seqs in by_conversation.values())
    states = house.ask("SELECT delivery, count(*) FROM conversations_message WHERE direction = 'out' GROUP BY delivery")
    assert states == [("delivered", 2 * THREADS)]


def _stream_told_everything_once(watching: Viewer) -> None:
    seqs: dict[int, list[int]] = defaultdict(list)
    for _id, name, data in watching.events:
        if name == "message.created":
            seqs[data["conversation_id"]].append(data["message"]["seq"])
    assert watching.resets == 0
    assert len(seqs) == THREADS
    for found in seqs.values():
        assert found == list(range(1, len(found) + 1))
    assert sum(map(len, seqs.values())) == MESSAGES + 2 * THREADS
