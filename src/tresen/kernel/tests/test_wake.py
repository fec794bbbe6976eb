"""Wake-ups: none is missed, none comes before its commit."""

from __future__ import annotations

import orjson
import pytest

from tresen.kernel import db, wake
from tresen.kernel.tests.threads import Background

TOPIC = "tests"


def test_a_wake_up_between_look_and_wait_is_not_missed():
    seen = wake.generation(TOPIC)
    wake.notify(TOPIC)
    assert wake.wait(TOPIC, seen, timeout=0) is True
    assert wake.generation(TOPIC) == seen + 1


def test_waiting_ends_by_itself():
    assert wake.wait(TOPIC, wake.generation(TOPIC), timeout=0.01) is False


def test_a_waiter_wakes_for_its_topic():
    seen = wake.generation(TOPIC)
    waiter = Background(lambda: wake.wait(TOPIC, seen, timeout=30))
    wake.notify("another")
    waiter.join(0.05)
    assert waiter.is_alive()
    wake.notify(TOPIC)
    assert waiter.result() is True


@pytest.mark.django_db(transaction=True)
def test_a_transaction_wakes_once_and_only_after_its_commit():
    before = wake.generation(TOPIC)
    with db.atomic():
        for _ in range(3):
            wake.on_commit(TOPIC)
        assert wake.generation(TOPIC) == before
    assert wake.generation(TOPIC) == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_wakes_nobody():
    before = wake.generation(TOPIC)
    with pytest.raises(ValueError), db.atomic():
        wake.on_commit(TOPIC)
        raise ValueError
    assert wake.generation(TOPIC) == before


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_after_a_rolled_back_part_still_comes():
    before = wake.generation(TOPIC)
    with db.atomic():
        with pytest.raises(ValueError), db.atomic(savepoint=True):
            wake.on_commit(TOPIC)
            raise ValueError
        wake.on_commit(TOPIC)
    assert wake.generation(TOPIC) == before + 1


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_is_at_once():
    before = wake.generation(TOPIC)
    wake.on_commit(TOPIC)
    wake.broadcast(TOPIC)
    assert wake.generation(TOPIC) == before + 2


def test_what_another_process_sends_arrives(monkeypatch):
    got = []
    monkeypatch.setattr(wake, "_passing", [got.append])
    before = wake.generation(TOPIC)
    wake._received(TOPIC)
    wake._received(orjson.dumps({"kind": "typing"}).decode())
    assert wake.generation(TOPIC) == before + 1
    assert got == [{"kind": "typing"}]


def test_bad_news_do_not_end_the_listener(monkeypatch):
    """A broken payload or a handler that fails must not stop the wake-ups of the whole process."""

    def fails(news: dict[str, object]) -> None:
        raise RuntimeError("no")

    got = []
    monkeypatch.setattr(wake, "_passing", [fails, got.append])
    wake._received('{"broken')
    wake._received('{"kind": "typing"}')
    assert got == [{"kind": "typing"}]
