"""The hub: who sees what, without gap and without double, through everything that can happen to a stream."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from tresen.kernel import clock, db
from tresen.kernel.journal import Position
from tresen.kernel.stream import Limits, Rendered
from tresen.kernel.stream.connection import Connection
from tresen.kernel.stream.frames import frame, heartbeat, reset
from tresen.kernel.stream.recent import Recent
from tresen.kernel.tests.streaming import Client, Person, World, note, world

QUICK = Limits(heartbeat=2, refresh=0.05, tick=0.02)


def test_frames_as_the_standard_wants_them() -> None:
    assert frame("note", b'{"a":1}', Position(7, 9)) == b'id: 7-9\nevent: note\ndata: {"a":1}\n\n'
    assert frame("typing", b"{}") == b"event: typing\ndata: {}\n\n"
    assert reset(Position(1, 2)) == b"id: 1-2\nevent: reset\ndata: {}\n\n"
    assert heartbeat(Position(1, 2)) == b"id: 1-2\n\n"


# Live


def test_each_viewer_gets_its_own_version_of_what_it_sees() -> None:
    async def main() -> None:
        async with world() as w:
            w.people["v"] = Person("visitor:1", "visitor", frozenset({"b"}))
            staff, visitor = await w.connect(), await w.connect(headers={"authorization": "v"})
            w.source.append("a", "b", "hidden", "c", "a")
            assert await staff.until(2) == ["a", "a"]
            assert await visitor.until(1) == ["b"]
            assert [e.data["for"] for e in staff.events() + visitor.events()] == ["staff", "staff", "visitor"]
            assert [e.id for e in staff.events()] == ["0-1", "0-5"]
            assert (w.hub.stats().streams, w.hub.stats().delivered, w.hub.stats().resets) == (2, 3, 0)

    asyncio.run(main())


def test_events_are_rendered_once_for_all_and_not_for_nobody() -> None:
    async def main() -> None:
        async with world(None, "a") as w:
            w.source.append("a", "a")
            while w.hub.stats().position != w.source.head():
                await asyncio.sleep(0.01)
            assert w.render.seen == []
            clients = [await w.connect() for _ in range(10)]
            w.source.append("a")
            for client in clients:
                await client.until(1)
            assert len(w.render.seen) == 1

    asyncio.run(main())


def test_transient_events_have_no_id_and_are_not_replayed() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            await asyncio.to_thread(w.hub.publish, note("a"))
            await client.until(1)
            assert client.events()[0].id == ""
            later = await w.connect(headers={"last-event-id": "0-0"})
            assert later.events() == []

    asyncio.run(main())


def test_one_viewers_fault_does_not_silence_the_others() -> None:
    async def main() -> None:
        async with world() as w:
            w.people["x"] = Person("staff:2", scopes=frozenset({"a", "boom"}))
            faulty, other = await w.connect(headers={"authorization": "x"}), await w.connect()
            w.source.append("a", "boom", "a")
            assert await other.until(2) == ["a", "a"]
            assert (await faulty.until_complete())[-1] == "reset"
            assert w.hub.stats().streams == 1

    asyncio.run(main())


# Replay


def test_last_event_id_replays_and_goes_on_live() -> None:
    async def main() -> None:
        async with world(None, "a", "b", "a", "a") as w:
            client = await w.connect(headers={"last-event-id": "0-1"})
            assert await client.until(2) == ["a", "a"]
            w.source.append("a")
            assert [e.id for e in client.events()] == ["0-3", "0-4"] and await client.until(3)
            assert client.events()[-1].id == "0-5"

    asyncio.run(main())


def test_many_who_reconnect_cost_one_read_and_one_rendering() -> None:
    async def main() -> None:
        async with world(None, *["a"] * 50) as w:
            reads = w.source.reads
            clients = [await w.connect(headers={"last-event-id": "1-10"}) for _ in range(10)]
            assert [len(await c.until(40)) for c in clients] == [40] * 10
            assert len(w.render.seen) == 40
            assert w.source.reads - reads <= 1 + 20  # the tail looks by itself too

    asyncio.run(main())


@pytest.mark.parametrize("last", ["rubbish", "1", "1-x", "-1-2", "9-9999", "0-1", "x" * 100])
def test_what_cannot_be_replayed_is_fetched_anew(last: str) -> None:
    """Unreadable, from a future that a restored database has lost, or too long ago."""

    async def main() -> None:
        async with world(Limits(recent=10), *["a"] * 30) as w:
            client = await w.connect(headers={"last-event-id": last})
            assert client.scopes() == ["reset"]
            assert client.last_id == str(w.source.head())
            w.source.append("a")
            assert await client.until(2) == ["reset", "a"]
            assert w.render.seen[0].position.id == 31

    asyncio.run(main())


def test_a_replay_that_cannot_be_read_is_fetched_anew() -> None:
    async def main() -> None:
        async with world(None, "a", "a") as w:
            w.source.broken = True
            client = await w.connect(headers={"last-event-id": "0-1"})
            assert client.scopes() == ["reset"]

    asyncio.run(main())


def test_heartbeats_move_the_id_without_an_event() -> None:
    async def main() -> None:
        async with world(QUICK) as w:
            client = await w.connect()
            w.source.append("hidden", "other")
            async with asyncio.timeout(5):
                while client.last_id != "0-2":
                    await asyncio.sleep(0.02)
                    assert client.events() == []

    asyncio.run(main())


def test_no_gap_and_no_double_while_clients_come_and_go() -> None:
    """Clients leave at any moment and resume by Last-Event-ID while a thread keeps appending."""
    rng = random.Random(7)

    async def visit(w: World, ledger: list[str], last: str) -> str:
        client = await w.connect(headers={"last-event-id": last})
        await asyncio.sleep(rng.random() * 0.03)
        client.left.set()
        await asyncio.sleep(0)
        ledger.extend(event.id for event in client.events())
        assert "reset" not in [event.name for event in client.events()]
        return client.last_id

    async def follow(w: World, done: threading.Event, ledger: list[str]) -> None:
        last = "0-0"
        while not done.is_set() or last != str(w.source.head()):
            last = await visit(w, ledger, last)

    async def main() -> None:
        async with world(Limits(batch=7, per_viewer=100, backlog_frames=5000, backlog_bytes=10**7)) as w:
            done = threading.Event()

            def append() -> None:
                for n in range(300):
                    w.source.append(*["a"] * (n % 4), "hidden")
                    done.wait(0.002)
                done.set()

            writer = threading.Thread(target=append)
            writer.start()
            ledgers: list[list[str]] = [[] for _ in range(8)]
            await asyncio.gather(*(follow(w, done, ledger) for ledger in ledgers))
            writer.join()
            expected = [str(e.position) for e in w.source.events if e.scope == "a"]
            assert [ledger == expected for ledger in ledgers] == [True] * 8

    asyncio.run(main())


@given(st.lists(st.tuples(st.sampled_from(["append", "prepend", "forget"]), st.integers(0, 5)), max_size=30))
def test_recent_holds_exactly_what_it_says(steps: list[tuple[str, int]]) -> None:
    recent, first = Recent(Position(0, 1000), 12), 1000
    for step, count in steps:
        start, end = recent.start, recent.end
        if step == "append":
            ids = range(end.id + 1, end.id + 1 + count)
            recent.append([note("a", Position(0, n)) for n in ids], Position(0, end.id + count + 1))
        elif step == "prepend":
            older = Position(0, start.id - count - 1)
            recent.prepend([note("a", Position(0, n)) for n in range(older.id + 1, start.id)], older, start)
        else:
            recent.forget(Position(0, end.id + count))
        assert len(recent) <= 12
    for number in range(first - 200, recent.end.id + 3):
        found = recent.after(Position(0, number))
        assert (found is None) == (not recent.start.id <= number <= recent.end.id)
        positions = [event.position for event in found or []]
        assert positions == sorted(positions) and all(p > Position(0, number) for p in positions if p)
    everything = recent.after(recent.start)
    assert everything is not None and len(everything) == len(recent)


def test_recent_keeps_what_is_complete_only() -> None:
    recent = Recent(Position(0, 0), 3)
    recent.append([note("a", Position(0, n)) for n in (1, 2, 4, 5)], Position(0, 6))
    assert (recent.start, recent.end, recent.room) == (Position(0, 1), Position(0, 6), 0)
    assert recent.after(Position(0, 0)) is None
    after = recent.after(Position(0, 3))
    assert after is not None and [e.position for e in after] == [Position(0, 4), Position(0, 5)]
    recent.forget(Position(0, 9))
    recent.prepend([note("a", Position(0, 8))], Position(0, 7), until=Position(0, 8))
    assert recent.after(Position(0, 8)) is None


# Slow clients


def test_a_slow_client_gets_one_reset_for_all_that_it_missed() -> None:
    async def main() -> None:
        async with world(Limits(backlog_frames=20)) as w:
            slow, quick = await w.connect(flowing=False), await w.connect()
            for n in itertools.count(1):
                w.source.append("a")
                await quick.until(n)
                if w.hub.stats().resets == 2:
                    break
            slow.flowing.set()
            w.source.append("a")
            scopes = await slow.until(2)
            resets = [e for e in slow.events() if e.name == "reset"]
            assert (scopes.count("reset"), len(scopes) < 30) == (1, True)
            following = [e.id for e in slow.events()][scopes.index("reset") :]
            missed = w.source.events[Position.parse(resets[0].id).id - 1 :]  # type: ignore[union-attr]
            assert following == [str(e.position) for e in missed]

    asyncio.run(main())


def test_the_backlog_is_bounded_in_bytes_too() -> None:
    async def main() -> None:
        client = Client()
        limits = Limits(backlog_bytes=1000)
        connection = Connection(Person(), client.send, Position(3, 4), limits, ends_at=0, slot=0)
        assert [connection.offer(b"x" * 400) for _ in range(4)] == [True, True, True, False]
        client.flowing.set()
        await connection.drained()
        assert client.body == b"x" * 400 + reset(Position(3, 4))  # the first was with the server already

    asyncio.run(main())


# Rights and endings


def test_lost_rights_end_the_stream_and_drop_what_waits() -> None:
    async def main() -> None:
        async with world(QUICK) as w:
            w.people["x"] = Person("staff:2")
            loser = await w.connect(headers={"authorization": "x"}, flowing=False)
            keeper = await w.connect()
            w.source.append("a")
            await keeper.until(1)
            w.revoked.add("staff:2")
            async with asyncio.timeout(5):
                while w.hub.stats().streams == 2:
                    await asyncio.sleep(0.01)
            w.source.append("a")
            await keeper.until(2)
            loser.flowing.set()
            assert (await loser.until_complete())[-1:] == ["gone"]
            assert loser.scopes().count("a") <= 1 and keeper.scopes() == ["a", "a"]
            assert w.refreshed[0] == 2

    asyncio.run(main())


def test_rights_that_cannot_be_refreshed_are_tried_again() -> None:
    async def main() -> None:
        async with world(QUICK) as w:
            refresh, failures = w.refresh, [OSError("away")]

            def failing(viewers: list[Person]) -> None:
                if failures:
                    raise failures.pop()
                refresh(viewers)

            w.hub._refresh = failing
            client = await w.connect()
            w.revoked.add("staff:1")
            assert await client.until_complete() == ["gone"]
            assert failures == []

    asyncio.run(main())


def test_a_log_in_that_expires_ends_the_stream() -> None:
    async def main() -> None:
        now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        with clock.frozen(now):
            async with world(QUICK) as w:
                w.people["x"] = Person("staff:2", expires=now + timedelta(hours=1))
                client, other = await w.connect(headers={"authorization": "x"}), await w.connect()
                await asyncio.sleep(0.1)
                assert not client.complete
                clock.advance(timedelta(hours=1))
                assert (await client.until_complete(), other.complete) == ([], False)

    asyncio.run(main())


def test_streams_have_a_maximum_age() -> None:
    async def main() -> None:
        async with world(Limits(max_age=0.1, tick=0.02)) as w:
            client = await w.connect()
            assert (await client.until_complete(), w.hub.stats().streams) == ([], 0)

    asyncio.run(main())


def test_stopping_ends_all_streams_and_admits_no_more() -> None:
    async def main() -> None:
        async with world() as w:
            clients = [await w.connect() for _ in range(5)]
            stuck = await w.connect(flowing=False)
            await w.hub.stop(timeout=0.2)
            assert [c.complete for c in clients] == [True] * 5 and not stuck.complete
            assert (await w.connect()).status == 503
            assert not [t for t in threading.enumerate() if t.name == "stream-tail"]

    asyncio.run(main())


# Faults of the journal and of the renderer


def test_a_batch_that_cannot_be_rendered_is_fetched_anew() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            w.render.failures = 3
            w.source.append("a")
            assert await client.until(1) == ["reset"]
            w.source.append("a")
            assert await client.until(2) == ["reset", "a"]
            assert [e.id for e in client.events()] == ["0-1", "0-2"]

    asyncio.run(main())


def test_a_rendering_that_fails_once_is_tried_again() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            w.render.failures = 1
            w.source.append("a")
            assert await client.until(1) == ["a"]

    asyncio.run(main())


def test_a_journal_that_goes_away_is_waited_for() -> None:
    async def main() -> None:
        async with world() as w:
            client = await w.connect()
            w.source.broken = True
            w.source.append("a")
            async with asyncio.timeout(5):
                while not w.hub.failing_for():
                    await asyncio.sleep(0.01)
            w.source.broken = False
            assert await client.until(1) == ["a"]
            async with asyncio.timeout(5):
                while w.hub.failing_for():
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_broken_connection_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the thread that had it: the tail, the one that refreshes rights, and the one that logs in."""
    given_back: list[str] = []
    monkeypatch.setattr(db, "close", lambda: given_back.append(threading.current_thread().name))
    broken = OperationalError("server closed the connection")

    async def main() -> None:
        async with world(QUICK) as w:
            client = await w.connect()
            faults = [broken]
            w.hub._refresh = lambda viewers: (_ for _ in ()).throw(faults.pop()) if faults else None
            render, w.hub._tail._render = w.render, lambda events: (_ for _ in ()).throw(broken)
            w.source.append("a")
            async with asyncio.timeout(5):
                while len(given_back) < 2:
                    await asyncio.sleep(0.01)
            w.hub._tail._render = render
            await client.until(1)
            w.people["x"] = broken
            assert (await w.connect(headers={"authorization": "x"})).status == 503

    asyncio.run(main())
    assert {name.rstrip("_0123456789") for name in given_back} == {"stream", "stream-tail", "stream-login"}


def test_a_rendered_event_needs_a_position_to_be_kept() -> None:
    with pytest.raises(ValueError, match="position"):
        Recent(Position(), 3).append([Rendered(None, "a", {})], Position(0, 1))
