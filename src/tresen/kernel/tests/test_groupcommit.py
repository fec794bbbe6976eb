"""The group-commit writer, on whichever database the suite runs."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg.conninfo import make_conninfo

from tresen.kernel import db, faults
from tresen.kernel.groupcommit import Busy, GroupWriter, Row, RowRefused, StorageUnavailable, Stored
from tresen.kernel.rowstore import PostgresStore, SqliteStore, Table
from tresen.kernel.sqlite.lock import WriteLock

NOTES = Table("notes", ("box", "key", "body", "at"), ("box", "key"), where="key <> ''")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CREATE = (
    "CREATE TABLE notes (id {id}, box integer NOT NULL, key text NOT NULL, body text NOT NULL, at {moment})",
    "CREATE UNIQUE INDEX notes_once ON notes (box, key) WHERE key <> ''",
)


class Backend:
    """The store under test, and an independent connection that sees only what is committed."""

    def __init__(self, store: SqliteStore | PostgresStore, query: Callable[[str], list[tuple]]) -> None:
        self.store, self.query = store, query

    def bodies(self) -> list[str]:
        return [row[0] for row in self.query("SELECT body FROM notes ORDER BY id")]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    if db.is_postgresql():
        yield from on_postgresql()
    else:
        yield on_sqlite(tmp_path / "notes.sqlite3")


def on_sqlite(path: Path) -> Backend:
    other = create_on_sqlite(path)
    lock = WriteLock()
    return Backend(SqliteStore(str(path), NOTES, lock), lambda sql: other.execute(sql).fetchall())


def create_on_sqlite(path: Path) -> sqlite3.Connection:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = WAL")
    for statement in CREATE:
        other.execute(statement.format(id="INTEGER PRIMARY KEY", moment="text"))
    return other


def on_postgresql() -> Iterator[Backend]:
    """A schema of its own, so that tests may run side by side."""
    params = django_connection.get_connection_params()
    wanted = {k: params[k] for k in ("dbname", "user", "password", "host", "port") if k in params}
    schema = f"test_{uuid.uuid4().hex}"
    conninfo = make_conninfo(**wanted, options=f"-c search_path={schema}")
    with psycopg.connect(conninfo, autocommit=True) as other:
        other.execute(f"CREATE SCHEMA {schema}")
        for statement in CREATE:
            other.execute(statement.format(id="bigserial PRIMARY KEY", moment="timestamptz"))
        store = PostgresStore(conninfo, NOTES)
        yield Backend(store, lambda sql: other.execute(sql).fetchall())
        store.close()
        other.execute(f"DROP SCHEMA {schema} CASCADE")


def started(backend: Backend, **options: object) -> GroupWriter:
    writer = GroupWriter(backend.store, name="notes", **options)  # type: ignore[arg-type]
    writer.start()
    return writer


def note(key: str, body: str = "x", box: object = 1) -> Row:
    return (box, key, body, AT)


def put_all(writer: GroupWriter, rows: Sequence[Row]) -> list[Stored | BaseException]:
    async def main() -> list[Stored | BaseException]:
        return await asyncio.gather(*(writer.put(row) for row in rows), return_exceptions=True)

    return asyncio.run(main())


def test_rows_are_durable_when_acknowledged(backend: Backend) -> None:
    writer = started(backend)
    assert writer.put_from_thread(note("a", "one")) == Stored(1, True)
    assert backend.bodies() == ["one"]
    assert [s.new for s in put_all(writer, [note("b", "two"), note("c", "three")])] == [True, True]
    assert backend.bodies() == ["one", "two", "three"]
    writer.stop()


def test_a_repeated_row_is_the_same_row(backend: Backend) -> None:
    writer = started(backend)
    first = writer.put_from_thread(note("a", "one"))
    again, other = put_all(writer, [note("a", "changed"), note("a", "other box", box=2)])
    assert (again, other.new) == (Stored(first.id, False), True)
    same_group = put_all(writer, [note("twin", "t")] * 5)
    assert sorted(s.new for s in same_group) == [False] * 4 + [True]
    assert len({s.id for s in same_group}) == 1
    assert backend.bodies() == ["one", "other box", "t"]
    writer.stop()


def test_rows_without_a_key_are_never_the_same(backend: Backend) -> None:
    writer = started(backend)
    assert [s.new for s in put_all(writer, [note("")] * 3)] == [True] * 3
    writer.stop()


def test_moments_are_stored_as_django_writes_them(backend: Backend) -> None:
    writer = started(backend)
    writer.put_from_thread(note("a"))
    expected = AT if db.is_postgresql() else "2026-03-02 09:30:00"
    assert backend.query("SELECT at FROM notes") == [(expected,)]
    writer.stop()


def test_structures_become_json(backend: Backend) -> None:
    writer = started(backend)
    writer.put_from_thread((1, "a", {"ä": [1]}, AT))
    assert backend.bodies() == ['{"ä":[1]}']
    writer.stop()


def test_waiting_rows_share_a_commit(backend: Backend) -> None:
    groups: list[int] = []
    insert = backend.store.insert

    def counting(rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        groups.append(len(rows))
        return insert(rows, before_commit)

    backend.store.insert = counting  # type: ignore[method-assign]
    writer = GroupWriter(backend.store, name="notes", group=40)

    async def main() -> list[Stored]:
        waiting = [asyncio.ensure_future(writer.put(note(str(n), str(n)))) for n in range(100)]
        await asyncio.sleep(0)
        writer.start()
        return await asyncio.gather(*waiting)

    ids = [stored.id for stored in asyncio.run(main())]
    writer.stop()
    assert groups == [40, 40, 20]
    assert ids == sorted(ids)
    assert backend.bodies() == [str(n) for n in range(100)]


def test_the_loop_is_woken_once_per_group(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = GroupWriter(backend.store, name="notes")

    async def main() -> int:
        loop = asyncio.get_running_loop()
        wakes: list[object] = []
        wake = loop.call_soon_threadsafe
        monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *a, **k: (wakes.append(a), wake(*a, **k))[1])
        waiting = [asyncio.ensure_future(writer.put(note(str(n)))) for n in range(50)]
        await asyncio.sleep(0)
        writer.start()
        await asyncio.gather(*waiting)
        return len(wakes)

    assert asyncio.run(main()) == 1
    writer.stop()


@pytest.mark.parametrize("bad", [{"box": None}, {"box": "no number"}, {"body": "nul \0"}, {"body": "\ud800"}])
def test_a_refused_row_does_not_hurt_its_neighbours(backend: Backend, bad: dict) -> None:
    if not db.is_postgresql() and bad.get("box") == "no number":
        bad = {"box": 2**70}
    if not db.is_postgresql() and "\0" in bad.get("body", ""):
        bad = {"body": object()}
    writer = GroupWriter(backend.store, name="notes")
    rows = [note(str(n), str(n)) for n in range(9)]
    rows[4] = note("bad", **bad)

    async def main() -> list:
        waiting = [asyncio.ensure_future(writer.put(row)) for row in rows]
        await asyncio.sleep(0)
        writer.start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(main())
    writer.stop()
    assert isinstance(outcomes.pop(4), RowRefused)
    assert all(isinstance(outcome, Stored) and outcome.new for outcome in outcomes)
    assert backend.bodies() == [str(n) for n in range(9) if n != 4]


@pytest.mark.parametrize("fault", [StorageUnavailable("disk full"), ValueError("unexpected")])
def test_storage_that_fails_answers_its_group_only(backend: Backend, fault: Exception) -> None:
    insert, faults_left = backend.store.insert, [fault]

    def failing(rows: Sequence[Row], before_commit: Callable[[], None]) -> list[Stored]:
        if faults_left:
            raise faults_left.pop()
        return insert(rows, before_commit)

    backend.store.insert = failing  # type: ignore[method-assign]
    writer = GroupWriter(backend.store, name="notes", group=2)

    async def main() -> list:
        waiting = [asyncio.ensure_future(writer.put(note(str(n), str(n)))) for n in range(4)]
        await asyncio.sleep(0)
        writer.start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(main())
    writer.stop()
    assert [type(o) for o in outcomes] == [StorageUnavailable] * 2 + [Stored] * 2
    assert outcomes[0] is not outcomes[1]
    assert backend.bodies() == ["2", "3"]


def test_stopping_commits_what_waits_and_takes_no_more(backend: Backend) -> None:
    writer = GroupWriter(backend.store, name="notes", group=3)
    outcomes: list[Stored] = []
    threads = [Thread(target=lambda n=n: outcomes.append(writer.put_from_thread(note(str(n))))) for n in range(10)]
    for thread in threads:
        thread.start()
    while writer.waiting < 10:
        Event().wait(0.001)
    writer.start()
    writer.stop()
    for thread in threads:
        thread.join()
    assert (len(outcomes), len(backend.bodies())) == (10, 10)
    with pytest.raises(StorageUnavailable):
        writer.put_from_thread(note("late"))


def test_a_full_queue_is_busy(backend: Backend) -> None:
    writer = GroupWriter(backend.store, name="notes", capacity=2)

    async def main() -> list:
        waiting = [asyncio.ensure_future(writer.put(note(str(n)))) for n in range(3)]
        await asyncio.sleep(0)
        writer.start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(main())
    writer.stop()
    assert [type(o) for o in outcomes] == [Stored, Stored, Busy]
    assert len(backend.bodies()) == 2


def test_a_cancelled_caller_does_not_take_its_row_back(backend: Backend) -> None:
    writer = GroupWriter(backend.store, name="notes")

    async def main() -> Stored:
        gone = asyncio.ensure_future(writer.put(note("gone", "gone")))
        await asyncio.sleep(0)
        gone.cancel()
        stays = asyncio.ensure_future(writer.put(note("stays", "stays")))
        await asyncio.sleep(0)
        writer.start()
        return await stays

    assert asyncio.run(main()).new
    writer.stop()
    assert backend.bodies() == ["gone", "stays"]


def test_callers_of_a_closed_loop_do_not_stop_the_writer(backend: Backend) -> None:
    writer = GroupWriter(backend.store, name="notes")

    async def leave() -> None:
        leaving = asyncio.ensure_future(writer.put(note("left", "left")))
        await asyncio.sleep(0)
        assert not leaving.done()

    asyncio.run(leave())
    writer.start()
    assert writer.put_from_thread(note("next", "next")).new
    writer.stop()
    assert backend.bodies() == ["left", "next"]


def test_wake_up_follows_the_commit_and_only_news(backend: Backend) -> None:
    seen: list[list[str]] = []
    writer = started(backend, on_commit=lambda: seen.append(backend.bodies()))
    writer.put_from_thread(note("a", "one"))
    writer.put_from_thread(note("a", "again"))
    writer.put_from_thread(note("b", "two"))
    writer.stop()
    assert seen == [["one"], ["one", "two"]]


def test_a_wake_up_that_fails_is_not_the_callers_fault(backend: Backend) -> None:
    def fail() -> None:
        raise ValueError

    writer = started(backend, on_commit=fail)
    assert [writer.put_from_thread(note(k)).new for k in "ab"] == [True, True]
    writer.stop()


def test_fault_points_stand_around_the_commit(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[tuple[str, int]] = []
    monkeypatch.setattr(faults, "reach", lambda name: passed.append((name, len(backend.bodies()))))
    writer = started(backend)
    writer.put_from_thread(note("a"))
    writer.stop()
    assert passed == [("notes.before-commit", 0), ("notes.after-commit", 1)]


# What only SQLite has


def test_sqlite_writes_inside_the_process_lock(tmp_path: Path) -> None:
    lock = WriteLock()
    create_on_sqlite(tmp_path / "n.sqlite3").close()
    held: list[bool] = []
    store = SqliteStore(str(tmp_path / "n.sqlite3"), NOTES, lock)
    store.insert([note("a")], lambda: held.append(lock.locked()))
    assert (held, lock.locked()) == ([True], False)
    with pytest.raises(RowRefused):
        store.insert([note("a", box=None)], lambda: None)
    assert not lock.locked()
    assert store._connect().execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_sqlite_that_goes_away_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "later" / "n.sqlite3"
    writer = GroupWriter(SqliteStore(str(path), NOTES, WriteLock()), name="notes")
    writer.start()
    with pytest.raises(StorageUnavailable):
        writer.put_from_thread(note("a"))
    path.parent.mkdir()
    create_on_sqlite(path).close()
    assert writer.put_from_thread(note("a")).new
    writer.stop()


def test_postgresql_that_is_away_is_unavailable() -> None:
    writer = GroupWriter(PostgresStore("host=127.0.0.1 port=1 connect_timeout=1", NOTES), name="notes")
    writer.start()
    with pytest.raises(StorageUnavailable):
        writer.put_from_thread(note("a"))
    writer.stop()


@pytest.mark.parametrize(("point", "expected"), [("before-commit", 0), ("after-commit", 1)])
def test_a_kill_leaves_all_or_nothing(tmp_path: Path, point: str, expected: int) -> None:
    path = tmp_path / "n.sqlite3"
    create_on_sqlite(path).close()
    program = """
        import sys
        from tresen.kernel.sqlite.lock import WriteLock
        from tresen.kernel.groupcommit import GroupWriter
        from tresen.kernel.rowstore import SqliteStore, Table
        table = Table("notes", ("box", "key", "body"), ("box", "key"), where="key <> ''")
        writer = GroupWriter(SqliteStore(sys.argv[1], table, WriteLock()), name="notes")
        writer.start()
        writer.put_from_thread((1, "a", "x"))
        print("acknowledged", flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        env={"TRESEN_FAULT": f"notes.{point}"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (-9, "")
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT count(*) FROM notes").fetchone() == (expected,)
