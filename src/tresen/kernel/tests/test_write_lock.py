"""One writer at a time in the process: nobody ever hears "database is locked", and nobody keeps the lock."""

from __future__ import annotations

from queue import Queue

import pytest
from django.db import IntegrityError, connection

from tresen.kernel import db
from tresen.kernel.models import Counter
from tresen.kernel.sqlite.lock import WRITER
from tresen.kernel.tests.threads import PATIENCE, Background, together

pytestmark = pytest.mark.django_db(transaction=True)


def test_reading_then_writing_in_many_threads_loses_no_update():
    """Without IMMEDIATE this is where SQLite says "database is locked", and without the lock where it is slow."""
    Counter.objects.create(key="k")

    def add() -> None:
        for _ in range(15):
            with db.atomic():
                row = db.locked(Counter.objects.filter(key="k")).get()
                row.hits += 1
                row.save(update_fields=["hits"])

    together(*[add] * 6)
    assert Counter.objects.get().hits == 90


def test_single_statements_and_transactions_mix():
    Counter.objects.create(key="k")

    def single() -> None:
        for _ in range(20):
            Counter.objects.filter(key="k").update(window=1)

    def grouped() -> None:
        for n in range(20):
            with db.atomic():
                Counter.objects.create(key=f"g{n}")

    together(single, grouped, single)
    assert Counter.objects.count() == 21
    assert not WRITER.locked()


def test_readers_are_not_held_up_by_a_writer():
    Counter.objects.create(key="k")
    read: Queue[int] = Queue()
    with db.atomic():
        Counter.objects.filter(key="k").update(hits=5)
        reader = Background(lambda: read.put(Counter.objects.get().hits))
        assert read.get(timeout=PATIENCE) == 0
    reader.result()
    assert Counter.objects.get().hits == 5


def test_the_lock_is_free_after_every_end():
    with db.atomic():
        assert WRITER.locked() is not db.is_postgresql()
        with db.atomic(), db.atomic(savepoint=True):
            Counter.objects.create(key="k")
        assert WRITER.locked() is not db.is_postgresql()
    assert not WRITER.locked()
    with pytest.raises(ValueError), db.atomic():
        raise ValueError
    assert not WRITER.locked()
    with pytest.raises(IntegrityError), db.atomic():
        Counter.objects.create(key="k")
    assert not WRITER.locked()
    with pytest.raises(IntegrityError):
        Counter.objects.bulk_create([Counter(key="k")])
    assert not WRITER.locked()
    with db.atomic():
        with pytest.raises(IntegrityError), db.atomic(savepoint=True):
            Counter.objects.create(key="k")
        Counter.objects.create(key="after")
    assert not WRITER.locked()
    assert Counter.objects.count() == 2


def test_a_connection_that_is_closed_in_a_transaction_keeps_nothing():
    def leave() -> None:
        with pytest.raises(Exception), db.atomic():  # noqa: B017
            Counter.objects.create(key="lost")
            connection.close()
            Counter.objects.create(key="after")

    Background(leave).result()
    assert not WRITER.locked()
    assert not Counter.objects.exists()
    Counter.objects.create(key="k")
    assert Counter.objects.count() == 1
