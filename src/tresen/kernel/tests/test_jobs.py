"""Jobs: enqueued with their cause, claimed by lease, retried, parked, and never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError

from tresen.kernel import clock, db, jobs
from tresen.kernel.errors import NotFound
from tresen.kernel.jobs import REGISTRY, JobKind, Retry
from tresen.kernel.models import Job
from tresen.kernel.tests.threads import Background, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("frozen_clock")]


class Work:
    """A job that notes its calls and does what `then` says."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []
        self.then: Callable[[], None] = lambda: None

    def __call__(self, **args: object) -> None:
        assert not db.in_transaction()
        self.calls.append(args)
        self.then()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """`tests.work` (lease 60 s, 3 attempts), beside no other job."""
    one = Work()
    monkeypatch.setattr(jobs, "REGISTRY", REGISTRY.copy())
    jobs.REGISTRY.clear()
    jobs.REGISTRY["tests.work"] = JobKind("tests.work", one, 60, 3, None)
    monkeypatch.setattr(jobs.random, "uniform", lambda low, high: 1.0)
    yield one


def failing(text: str = "broken") -> Callable[[], None]:
    def fail() -> None:
        raise ValueError(text)

    return fail


def later(seconds: float) -> None:
    clock.advance(timedelta(seconds=seconds))


def test_a_job_runs_once_outside_of_any_transaction_and_is_gone(work: Work):
    jobs.enqueue("tests.work", {"n": 1})
    assert jobs.run_one() is True
    assert work.calls == [{"n": 1}]
    assert jobs.run_one() is False
    assert not Job.objects.exists()


def test_it_comes_with_its_cause_or_not_at_all(work: Work):
    with pytest.raises(ValueError), db.atomic():
        jobs.enqueue("tests.work", {"n": 1})
        raise ValueError
    assert jobs.run_one() is False
    assert work.calls == []


def test_an_unknown_job_is_refused_when_it_is_enqueued(work: Work):
    with pytest.raises(LookupError):
        jobs.enqueue("tests.wrok")
    assert not Job.objects.exists()


def test_the_longest_due_comes_first_and_the_future_waits(work: Work):
    jobs.enqueue("tests.work", {"n": 3}, due_at=clock.now() + timedelta(seconds=30))
    jobs.enqueue("tests.work", {"n": 2})
    jobs.enqueue("tests.work", {"n": 1}, due_at=clock.now() - timedelta(seconds=5))
    assert jobs.lag() == 5
    while jobs.run_one():
        pass
    assert [c["n"] for c in work.calls] == [1, 2]
    assert jobs.lag() == 0
    later(30)
    assert jobs.run_one() is True
    assert [c["n"] for c in work.calls] == [1, 2, 3]


def test_the_job_of_a_killed_worker_comes_back_when_its_lease_is_over(work: Work):
    jobs.enqueue("tests.work", {"n": 1})
    killed = jobs.claim()
    assert killed is not None
    later(59)
    assert jobs.claim() is None
    later(1)
    assert jobs.run_one() is True
    assert work.calls == [{"n": 1}]
    assert not Job.objects.exists()


def test_a_worker_that_was_too_slow_cannot_end_the_job_of_another(work: Work):
    jobs.enqueue("tests.work")
    slow = jobs.claim()
    later(61)
    quick = jobs.claim()
    assert slow is not None and quick is not None
    jobs._done(slow, jobs.REGISTRY["tests.work"])
    jobs._failed(slow, jobs.REGISTRY["tests.work"], "too late", None)
    row = Job.objects.get()
    assert (row.lease, row.attempts, row.error) == (quick.lease, 2, "")


def test_a_failing_job_backs_off_and_is_parked_after_its_last_try(work: Work):
    work.then = failing()
    jobs.enqueue("tests.work", {"n": 1})
    waits = []
    for _ in range(3):
        assert jobs.run_one() is True
        assert jobs.run_one() is False
        row = Job.objects.get()
        waits.append((row.due_at - clock.now()).total_seconds())
        later(waits[-1])
    assert waits == [2, 4, 8]
    (parked,) = jobs.parked()
    assert (parked.attempts, parked.args) == (3, {"n": 1})
    assert "ValueError: broken" in parked.error
    later(1_000_000)
    assert jobs.run_one() is False
    assert len(work.calls) == 3


def test_a_person_retries_a_parked_job(work: Work):
    work.then = failing()
    jobs.enqueue("tests.work", {"n": 1})
    for _ in range(3):
        jobs.run_one()
        later(60)
    (parked,) = jobs.parked()
    work.then = lambda: None
    jobs.retry(parked.pk)
    assert jobs.parked() == []
    assert jobs.run_one() is True
    assert len(work.calls) == 4
    with pytest.raises(NotFound):
        jobs.retry(parked.pk)


def test_only_what_is_parked_can_be_retried(work: Work):
    jobs.enqueue("tests.work", due_at=clock.now() + timedelta(hours=1))
    with pytest.raises(NotFound):
        jobs.retry(Job.objects.get().pk)
    assert jobs.run_one() is False


def test_a_job_may_ask_for_a_later_try(work: Work):
    def wait() -> None:
        raise Retry("not yet", after=17)

    work.then = wait
    jobs.enqueue("tests.work")
    jobs.run_one()
    row = Job.objects.get()
    assert ((row.due_at - clock.now()).total_seconds(), row.error, row.parked_at) == (17, "not yet", None)


def test_the_database_being_away_is_not_the_job_s_fault(work: Work):
    def away() -> None:
        raise OperationalError("away")

    work.then = away
    jobs.enqueue("tests.work")
    with pytest.raises(OperationalError):
        jobs.run_one()
    assert Job.objects.get().parked_at is None
    work.then = lambda: None
    later(60)
    assert jobs.run_one() is True
    assert not Job.objects.exists()


def test_a_key_holds_at_most_one_job_and_the_earlier_time_counts(work: Work):
    jobs.enqueue("tests.work", {"n": 1}, key="k", due_at=clock.now() + timedelta(hours=1))
    jobs.enqueue("tests.work", {"n": 2}, key="k", due_at=clock.now() + timedelta(hours=2))
    row = Job.objects.get()
    assert ((row.due_at - clock.now()).total_seconds(), row.args) == (3600, {"n": 1})
    jobs.enqueue("tests.work", {"n": 3}, key="k")
    assert Job.objects.get().due_at == clock.now()
    assert jobs.run_one() is True
    assert work.calls == [{"n": 1}]
    assert not Job.objects.exists()


def test_what_is_enqueued_while_its_job_runs_runs_once_more(work: Work):
    def once_more() -> None:
        work.then = lambda: None
        jobs.enqueue("tests.work", {"n": 1}, key="k")
        jobs.enqueue("tests.work", {"n": 1}, key="k")

    work.then = once_more
    jobs.enqueue("tests.work", {"n": 1}, key="k")
    assert jobs.run_one() is True
    assert jobs.run_one() is True
    assert jobs.run_one() is False
    assert len(work.calls) == 2
    assert not Job.objects.exists()


def test_enqueueing_a_parked_key_again_gives_it_a_fresh_start(work: Work):
    work.then = failing()
    jobs.enqueue("tests.work", key="k")
    for _ in range(3):
        jobs.run_one()
        later(60)
    assert len(jobs.parked()) == 1
    work.then = lambda: None
    jobs.enqueue("tests.work", key="k")
    assert jobs.parked() == []
    assert jobs.run_one() is True
    assert not Job.objects.exists()


def test_a_wish_that_commits_while_the_job_ends_is_not_lost(work: Work):
    """The running job cannot have seen what the wish is about, so it has to run once more."""
    ended = []
    jobs.enqueue("tests.work", {"n": 1}, key="k")
    running = jobs.claim()
    assert running is not None

    def finish() -> None:
        jobs._done(running, jobs.REGISTRY["tests.work"])
        ended.append(True)

    with db.atomic():
        jobs.enqueue("tests.work", {"n": 1}, key="k")
        asked = Background(finish)
        asked.join(0.5)
        assert ended == []  # it waits for us
    asked.result()
    assert jobs.run_one() is True
    assert work.calls == [{"n": 1}]
    assert jobs.run_one() is False


def test_a_wish_for_a_waiting_job_keeps_it_waiting_until_the_commit(work: Work):
    """Else the job could run before that which it is to work on is there, and be gone afterwards."""
    jobs.enqueue("tests.work", {"n": 1}, key="k")
    with db.atomic():
        jobs.enqueue("tests.work", {"n": 1}, key="k")
        early = Background(jobs.run_one)
        early.join(0.5)
        assert work.calls == []
    early.result()
    while jobs.run_one():
        pass
    assert len(work.calls) == 1


def test_two_wishes_at_once_make_one_job_and_both_are_heard(work: Work):
    with db.atomic():
        jobs.enqueue("tests.work", {"n": 1}, key="k")
        other = Background(lambda: jobs.enqueue("tests.work", {"n": 1}, key="k"))
        other.join(0.5)
        assert other.is_alive()
    other.result()
    assert Job.objects.count() == 1
    assert jobs.run_one() is True
    assert jobs.run_one() is False


def test_recurring_jobs_are_there_once_and_come_back(work: Work):
    jobs.REGISTRY["tests.tick"] = JobKind("tests.tick", work, 60, 3, 300)
    jobs.schedule_recurring()
    jobs.schedule_recurring()
    assert Job.objects.count() == 1
    assert jobs.run_one() is True
    assert jobs.run_one() is False
    later(300)
    assert jobs.run_one() is True
    assert len(work.calls) == 2


def test_a_recurring_job_that_fails_is_never_parked_and_keeps_its_pace(work: Work):
    jobs.REGISTRY["tests.tick"] = JobKind("tests.tick", work, 60, 3, 300)
    jobs.schedule_recurring()
    work.then = failing()
    for _ in range(5):
        assert jobs.run_one() is True
        row = Job.objects.get()
        assert (row.due_at - clock.now()).total_seconds() == 300
        later(300)
    assert jobs.parked() == []
    assert len(work.calls) == 5


def test_a_job_that_leaves_a_transaction_open_is_a_fault_of_the_program(work: Work):
    open_one = db.atomic()
    work.then = lambda: open_one.__enter__()
    jobs.enqueue("tests.work")
    with pytest.raises(RuntimeError, match="left a transaction open"):
        jobs.run_one()
    open_one.__exit__(None, None, None)


def test_jobs_of_a_newer_version_are_left_alone(work: Work):
    Job.objects.create(name="tests.tomorrow")
    assert jobs.run_one() is False
    assert Job.objects.count() == 1


def test_several_workers_run_each_job_once(work: Work):
    for n in range(30):
        jobs.enqueue("tests.work", {"n": n})

    def until_empty() -> None:
        while jobs.run_one() or Job.objects.exists():
            pass

    together(until_empty, until_empty, until_empty)
    assert sorted(c["n"] for c in work.calls) == list(range(30))


def test_the_only_process_takes_over_what_a_dead_one_had_leased(work: Work):
    jobs.enqueue("tests.work")
    assert jobs.claim() is not None
    jobs.take_over()
    if db.is_postgresql():  # others may be alive: their leases hold
        assert jobs.run_one() is False
        later(61)
    assert jobs.run_one() is True
    assert work.calls == [{}]


def test_the_lease_of_a_running_job_is_held_until_it_ends(work: Work):
    taken: list[bool] = []

    def long() -> None:
        for _ in range(3):
            later(50)
            jobs.hold()
        taken.append(jobs.claim() is not None)

    work.then = long
    jobs.enqueue("tests.work")
    assert jobs.run_one() is True
    assert taken == [False]
    assert not Job.objects.exists()


def test_what_nobody_runs_any_more_is_not_held(work: Work):
    jobs.enqueue("tests.work")
    assert jobs.claim() is not None  # and dies here
    later(50)
    jobs.hold()
    later(11)
    assert jobs.run_one() is True
