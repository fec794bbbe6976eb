"""Reactions to the journal: each event once, poison set aside, the others go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError

from tresen.kernel import clock, db, limits, subscriptions
from tresen.kernel.errors import NotFound
from tresen.kernel.journal import Entry
from tresen.kernel.models import Counter as Hits
from tresen.kernel.models import Cursor, StalledEvent
from tresen.kernel.subscriptions import ATTEMPTS, Dispatcher, Subscription
from tresen.kernel.tests.events import ring
from tresen.kernel.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = frozenset({"bell.rang"})
ONE_SHARD = subscriptions.SHARDS_POSTGRESQL  # its multiples: a batch never spans shards


class Handler:
    """Notes what it handled, in order; fails for events whose `times` is in `poison`."""

    def __init__(self, *poison: int) -> None:
        self.poison, self.handled = set(poison), []

    def __call__(self, entry: Entry) -> None:
        times = entry.data["times"]
        if times in self.poison:
            limits.hit(f"handled:{times}", 1000)  # must be gone afterwards
            raise ValueError(f"{times} is poison")
        self.handled.append(times)


def dispatcher(*handlers: Callable[[Entry], None]) -> Dispatcher:
    names = ("first", "second", "third")
    return Dispatcher([Subscription(name, KINDS, h) for name, h in zip(names, handlers, strict=False)])


def run(one: Dispatcher) -> None:
    while one.step():
        pass


@pytest.fixture
def now(frozen_clock: object) -> Iterator[Callable[[float], None]]:
    """Moves the clock by so many seconds."""
    yield lambda seconds: clock.advance(timedelta(seconds=seconds))


def test_every_event_reaches_every_subscription_once_and_in_order():
    one, two = Handler(), Handler()
    driver = dispatcher(one, two)
    for n in range(120):
        ring(n, conversation_id=1)
    run(driver)
    run(driver)
    assert one.handled == two.handled == list(range(120))
    ring(120, conversation_id=1)
    run(driver)
    assert one.handled == list(range(121))


def test_a_subscription_that_is_new_starts_at_the_beginning():
    old, new = Handler(), Handler()
    ring(1)
    run(dispatcher(old))
    ring(2)
    run(dispatcher(old, new))
    assert (old.handled, new.handled) == ([1, 2], [1, 2])


def test_after_a_restart_nothing_is_handled_again():
    first, second = Handler(), Handler()
    ring(1)
    run(dispatcher(first))
    ring(2)
    run(dispatcher(second))
    assert (first.handled, second.handled) == ([1], [2])


def test_the_database_being_away_is_nobody_s_poison(monkeypatch):
    calls = []

    def away(entry: Entry) -> None:
        calls.append(entry.data["times"])
        if len(calls) == 2:
            raise OperationalError("the database is away")

    driver = dispatcher(away)
    ring(1)
    ring(2)
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(db, "works", lambda: False)
        run(driver)
    assert not StalledEvent.objects.exists()
    assert not Cursor.objects.exclude(event_id=0).exists()
    run(driver)
    assert calls == [1, 2, 1, 2]  # the first event's effects were rolled back with the cursor


def test_a_fault_of_one_statement_is_this_event_s_own():
    """The database answers, so it is not away: the event is set aside instead of holding everything up."""

    def overloaded(entry: Entry) -> None:
        raise OperationalError("this statement is too large")

    ring(1, 7)
    run(dispatcher(overloaded))
    assert StalledEvent.objects.get().attempts == 1


def test_poison_holds_up_its_own_conversation_only():
    handler = Handler(2)
    driver = dispatcher(handler)
    for times, conversation_id in ((1, 7), (2, 7), (3, 7), (4, 8), (5, None)):
        ring(times, conversation_id)
    run(driver)
    assert sorted(handler.handled) == [1, 4, 5]
    rows = StalledEvent.objects.order_by("event_id").values_list("lane", "attempts", "event__data")
    assert list(rows) == [("c7", 1, {"times": 2}), ("c7", 0, {"times": 3})]
    assert not Hits.objects.filter(key="handled:2").exists()  # what the failed handler wrote is gone


def test_backing_off_then_parked_with_all_that_waits_behind(now):
    handler = Handler(1)
    driver = dispatcher(handler)
    ring(1, 7)
    ring(2, 7)
    run(driver)
    waits = []
    for _ in range(ATTEMPTS - 1):
        head = StalledEvent.objects.order_by("event_id").first()
        assert head is not None
        waits.append((head.due_at - clock.now()).total_seconds())
        now(waits[-1] - 0.5)
        assert driver.retry_due() is False
        head.refresh_from_db()
        assert head.attempts == len(waits)  # too early: not tried
        now(0.5)
        driver.retry_due()
    assert waits == [1, 4, 8, 16, 32, 64, 128]
    assert all(a < b for a, b in pairwise(waits))
    (head,) = subscriptions.parked()
    assert (head.attempts, head.behind, head.event.data) == (ATTEMPTS, 1, {"times": 1})
    assert "1 is poison" in head.error
    assert "__call__" in head.error  # says where
    now(3600)
    driver.retry_due()
    assert handler.handled == []
    ring(3, 7)  # the lane stays closed for what comes later, others are free
    ring(4, 8)
    run(driver)
    assert handler.handled == [4]
    assert subscriptions.parked()[0].behind == 2


def test_a_person_retries_and_all_that_waited_follows_in_order(now):
    handler = Handler(1)
    driver = dispatcher(handler)
    for times in (1, 2, 3):
        ring(times, 7)
    run(driver)
    StalledEvent.objects.filter(attempts=1).update(parked_at=clock.now())
    (head,) = subscriptions.parked()
    handler.poison.clear()
    driver.retry_due()
    assert handler.handled == []  # parked: nothing happens by itself
    subscriptions.retry(head.pk)
    now(1)
    driver.retry_due()
    assert handler.handled == [1, 2, 3]
    assert not StalledEvent.objects.exists()
    with pytest.raises(NotFound):
        subscriptions.retry(head.pk)
    ring(4, 7)
    run(driver)
    assert handler.handled == [1, 2, 3, 4]


def test_a_retry_that_fails_again_is_parked_again_only_after_all_tries(now):
    driver = dispatcher(Handler(1))
    ring(1, 7)
    run(driver)
    StalledEvent.objects.update(parked_at=clock.now(), attempts=ATTEMPTS)
    subscriptions.retry(subscriptions.parked()[0].pk)
    driver.retry_due()
    assert subscriptions.parked() == []
    assert StalledEvent.objects.get().attempts == 1


def test_one_subscription_s_poison_is_another_s_bread():
    bad, good = Handler(1), Handler()
    driver = dispatcher(bad, good)
    ring(1, 7)
    ring(2, 7)
    run(driver)
    assert (bad.handled, good.handled) == ([], [1, 2])
    assert set(StalledEvent.objects.values_list("subscription", flat=True)) == {"first"}


def test_two_dispatchers_share_the_work_and_do_nothing_twice():
    """As two workers on PostgreSQL do; each effect is counted in the transaction that moves the cursor."""
    total = 80
    for n in range(total):
        ring(n, conversation_id=n % 9)
    order: dict[int, list[int]] = {n: [] for n in range(9)}

    def count(entry: Entry) -> None:
        limits.hit(f"effect:{entry.data['times']}", 1000)
        order[entry.conversation_id or 0].append(entry.data["times"])

    def work() -> None:
        driver = dispatcher(count)
        for _ in range(200):
            driver.step()
            if Hits.objects.filter(key__startswith="effect:").count() == total:
                return

    together(work, work)
    effects = Counter(dict(Hits.objects.filter(key__startswith="effect:").values_list("key", "hits")))
    assert effects == Counter({f"effect:{n}": 1 for n in range(total)})
    assert order == {c: [n for n in range(total) if n % 9 == c] for c in range(9)}


def test_two_workers_never_drain_one_lane_at_the_same_time():
    """The second event of a conversation is never handled while its first is still in a colleague's hands."""
    handler = Handler(1)
    driver = dispatcher(handler)
    ring(1, 7)
    ring(2, 7)
    run(driver)
    StalledEvent.objects.update(due_at=clock.now() - timedelta(seconds=1))
    head = StalledEvent.objects.order_by("event_id").first()
    assert head is not None
    handler.poison.clear()
    if db.is_postgresql():
        with db.atomic():
            db.locked(StalledEvent.objects.filter(pk=head.pk)).get()
            together(driver.retry_due)
            assert handler.handled == []
    driver.retry_due()
    assert handler.handled == [1, 2]


def test_events_that_one_call_serves_are_merged_within_a_batch_only():
    handler = Handler()
    driver = Dispatcher([Subscription("first", KINDS, handler, merge=lambda entry: entry.data["times"] % 2)])
    for n in range(6):
        ring(n, conversation_id=ONE_SHARD * (n + 1))
    run(driver)
    assert handler.handled == [0, 1]
    ring(6, conversation_id=ONE_SHARD)
    run(driver)
    assert handler.handled == [0, 1, 6]


def test_a_merged_event_that_fails_leaves_the_next_its_chance():
    handler = Handler(0)
    driver = Dispatcher([Subscription("first", KINDS, handler, merge=lambda entry: "all")])
    for n in range(3):
        ring(n, conversation_id=ONE_SHARD * (n + 1))
    run(driver)
    assert handler.handled == [1]
    assert [row.event.data["times"] for row in StalledEvent.objects.select_related("event")] == [0]
