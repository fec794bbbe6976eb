"""The journal: written only with its change, read in order, nothing skipped behind a slow transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event as Signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.kernel import clock, db, journal
from tresen.kernel.journal import Position
from tresen.kernel.models import Counter, Event
from tresen.kernel.tests.events import Fell, Rang, ring
from tresen.kernel.tests.threads import PATIENCE, Background, together

MAX = 2**63 - 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_outside_a_transaction():
    with pytest.raises(RuntimeError, match="in the transaction of its change"):
        journal.append(Rang(1), actor="tests")
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_goes_with_its_change():
    with pytest.raises(ZeroDivisionError), db.atomic():
        journal.append(Rang(1), actor="tests")
        1 / 0  # noqa: B018
    assert Event.objects.count() == 0
    assert journal.head() == Position()


@pytest.mark.django_db(transaction=True)
def test_an_event_comes_back_as_it_was_written():
    at = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    with clock.frozen(at):
        ring(3, 7, customer_id=9, scope="shop")
    (entry,) = journal.read_after(Position())
    assert (entry.at, entry.kind, entry.scope, entry.actor) == (at, "bell.rang", "shop", "tests")
    assert (entry.conversation_id, entry.customer_id, entry.data) == (7, 9, {"times": 3})
    assert journal.read_ids([entry.position.id]) == {entry.position.id: entry}
    assert journal.read_ids([entry.position.id + 1]) == {}


@pytest.mark.django_db(transaction=True)
def test_reading_steps_through_everything_once_and_in_order():
    for n in range(7):
        ring(n, conversation_id=n % 3 or None)
    seen, position = [], Position()
    while page := journal.read_after(position, limit=3):
        seen += [entry.data["times"] for entry in page]
        assert [e.position for e in page] == sorted(e.position for e in page)
        position = page[-1].position
    assert seen == list(range(7))
    assert journal.head() == position


@pytest.mark.django_db(transaction=True)
def test_kinds_and_shards_share_the_events_out():
    for n in range(6):
        ring(n, conversation_id=n)
    with db.atomic():
        journal.append(Fell(["cup"]), actor="tests", conversation_id=1)
    assert [e.data for e in journal.read_after(Position(), kinds={"cup.fell"})] == [{"what": ["cup"]}]
    assert journal.read_after(Position(), kinds={"no.such"}) == []
    shards = [journal.read_after(Position(), kinds={"bell.rang"}, shard=(n, 4)) for n in range(4)]
    assert [[e.conversation_id for e in shard] for shard in shards] == [[0, 4], [1, 5], [2], [3]]


@pytest.mark.django_db(transaction=True)
def test_an_event_without_a_conversation_belongs_to_the_first_shard():
    ring(1)
    assert len(journal.read_after(Position(), shard=(0, 4))) == 1
    assert [journal.read_after(Position(), shard=(n, 4)) for n in (1, 2, 3)] == [[], [], []]


@pytest.mark.django_db(transaction=True)
def test_a_slow_transaction_loses_nothing():
    """A stranger's open transaction may delay events, but no reader ever steps over one of them."""
    written, go = Signal(), Signal()

    def slow() -> None:
        with db.atomic():
            journal.append(Rang(1), actor="slow")
            written.set()
            assert go.wait(PATIENCE)

    first = Background(slow)
    assert written.wait(PATIENCE)
    second = Background(lambda: ring(2))
    second.join(1.0 if db.is_postgresql() else 0.2)  # SQLite has one writer: there it waits its turn
    assert second.is_alive() is not db.is_postgresql()
    early = journal.read_after(Position())
    assert early == []
    assert journal.head() == Position()
    go.set()
    first.result()
    second.result()
    late = journal.read_after(Position())
    assert sorted(entry.data["times"] for entry in late) == [1, 2]
    assert [e.position for e in late] == sorted(e.position for e in late)
    assert journal.head() == late[-1].position


@pytest.mark.django_db(transaction=True)
def test_a_conversation_keeps_the_order_in_which_it_was_written():
    """An old transaction that comes to the conversation late comes after a young one that was there before."""
    begun, go = Signal(), Signal()

    def old() -> None:
        with db.atomic():
            Counter.objects.create(key="has a transaction id now")
            begun.set()
            assert go.wait(PATIENCE)
            journal.append(Rang(2), actor="old", conversation_id=7)
            journal.append(Rang(3), actor="old", conversation_id=7)

    first = Background(old)
    assert begun.wait(PATIENCE)
    young = Background(lambda: ring(1, 7))
    if db.is_postgresql():  # on SQLite there is one writer at a time
        young.result()
    go.set()
    first.result()
    young.result()
    found = [entry.data["times"] for entry in journal.read_after(Position(), kinds={"bell.rang"})]
    assert found == ([1, 2, 3] if db.is_postgresql() else [2, 3, 1])
    assert [entry.data["times"] for entry in journal.read_conversation(7)] == found
    assert [e.data["times"] for n in (0, 1) for e in journal.read_after(Position(), shard=(n, 2))] == found


@pytest.mark.django_db(transaction=True)
def test_many_writers_lose_nothing_for_a_reader_who_follows():
    writers = 4
    seen: list[int] = []

    def write(which: int) -> None:
        for n in range(15):
            ring(which * 100 + n, conversation_id=which)

    def follow() -> None:
        position, idle = Position(), 0
        while len(seen) < writers * 15 and idle < 20_000:
            page = journal.read_after(position, limit=7)
            idle = 0 if page else idle + 1
            seen.extend(entry.data["times"] for entry in page)
            position = page[-1].position if page else position

    together(follow, *(lambda which=which: write(which) for which in range(writers)))
    assert sorted(seen) == sorted(w * 100 + n for w in range(writers) for n in range(15))
    for w in range(writers):
        assert [n for n in seen if n // 100 == w] == [w * 100 + n for n in range(15)]


@pytest.mark.django_db(transaction=True)
def test_a_conversation_reads_its_own_history():
    for n, conversation_id in enumerate((5, 6, 5)):
        ring(n, conversation_id)
    assert [e.data["times"] for e in journal.read_conversation(5)] == [0, 2]
    assert [e.data["times"] for e in journal.read_conversation(5, limit=1)] == [0]
    assert journal.read_conversation(4) == []


@given(st.integers(0, MAX), st.integers(0, MAX))
def test_a_position_survives_being_written_and_read(xid: int, row: int):
    assert Position.parse(str(Position(xid, row))) == Position(xid, row)


@given(st.text(max_size=60))
def test_any_text_is_a_position_that_the_database_can_hold_or_none(text: str):
    found = Position.parse(text)
    assert found is None or (0 <= found.xid <= MAX and 0 <= found.id <= MAX)


@pytest.mark.parametrize(
    "text", ["", "-", "1", "1-", "-1", "1-2-3", "a-1", "1--2", "+1-2", "²-1", "1-٣", "1" * 50 + "-1"]
)
def test_what_is_no_position(text: str):
    assert Position.parse(text) is None


def test_a_position_beyond_the_database_is_cut():
    assert Position.parse("9" * 30 + "-1") == Position(MAX, 1)
    assert Position.parse(" 12-34 ") == Position(12, 34)
