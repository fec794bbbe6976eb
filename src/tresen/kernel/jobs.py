"""Jobs: all that waits, retries or recurs. Enqueued in the caller's transaction, claimed by lease.

Looked at and not taken: django-tasks-db (no lease, no retry), Procrastinate (PostgreSQL only), Huey, Celery and RQ
(cannot enqueue in our transaction).
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from tresen.kernel import clock, db, faults, ids, rows, wake
from tresen.kernel.errors import NotFound
from tresen.kernel.models import Job

log = logging.getLogger(__name__)
TOPIC = "jobs"
BACK_OFF_MAX = 3600.0
HOLD_EVERY = 5.0  # s


class Retry(Exception):
    """Raised by a job that wants another try after so many seconds; does not count as a fault in the logs."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class JobKind:
    """`lease` in seconds: how soon after the death of its worker another one takes it over. `every`: recurs."""

    name: str
    run: Callable[..., None]
    lease: float
    attempts: int
    every: float | None


REGISTRY: dict[str, JobKind] = {}
_running: dict[int, Job] = {}  # by this process


def job(
    name: str, *, lease: float = 20, attempts: int = 8, every: float | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function as a job. It is called outside any transaction with the job's args as keywords."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        REGISTRY[name] = JobKind(name, run, lease, attempts, every)
        return run

    return register


def enqueue(
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """Adds a job in the current transaction.

    With a `key` there is at most one such job: a second call brings it forward, and if it is running just now it will
    run once more.
    """
    if name not in REGISTRY:
        raise LookupError(f"no job is called {name}")
    due = due_at or clock.now()
    with db.atomic():
        if key is None:
            Job.objects.create(name=name, args=dict(args or {}), due_at=due)
        else:
            _enqueue_once(name, dict(args or {}), key, due)
        wake.on_commit(TOPIC)


def _enqueue_once(name: str, args: dict[str, Any], key: str, due: datetime) -> None:
    """Leaves the row locked: until our commit no worker may claim it or end it, else it would miss what we wrote."""
    while (row := db.locked(Job.objects.filter(key=key)).first()) is None:
        new = Job(name=name, args=args, key=key, due_at=due)
        if rows.insert(new, unless=("key",)):
            return
    if row.leased_until is not None and row.leased_until > clock.now():
        rows.change(Job, {"again": True}, id=row.pk)
    elif row.due_at > due or row.parked_at is not None:
        rows.change(Job, {"due_at": due, "parked_at": None, "attempts": 0}, id=row.pk)


def take_over() -> None:
    """At the start of the only process (SQLite): what is leased was leased by one that died, and is due at once."""
    if not db.is_postgresql():
        with db.atomic():
            Job.objects.filter(leased_until__isnull=False).update(leased_until=None, lease="")


def schedule_recurring() -> None:
    """Makes sure that every recurring job is there."""
    with db.atomic():
        for kind in REGISTRY.values():
            if kind.every:
                Job.objects.get_or_create(key=kind.name, defaults={"name": kind.name})


def _due(now: datetime) -> QuerySet[Job]:
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    return Job.objects.filter(free, parked_at=None, due_at__lte=now, name__in=list(REGISTRY))


def claim() -> Job | None:
    """Leases the job that has been due longest; None when there is nothing."""
    now = clock.now()
    if not _due(now).exists():  # a plain read: idle workers never take the write lock
        return None
    with db.atomic():
        found = db.locked(_due(now).order_by("due_at", "id"), skip=True).first()
        if found is None:
            return None
        found.lease = ids.token(96)
        found.leased_until = now + timedelta(seconds=REGISTRY[found.name].lease)
        found.attempts += 1
        found.again = False
        found.save(update_fields=["lease", "leased_until", "attempts", "again"])
    faults.reach("job.claimed")
    return found


def run_one() -> bool:
    """Claims and runs one job; True when there was one."""
    found = claim()
    if found is None:
        return False
    kind = REGISTRY[found.name]
    _running[found.pk] = found
    try:
        kind.run(**found.args)
    except Retry as reason:
        _failed(found, kind, str(reason), reason.after)
    except db.StorageError:
        raise
    except Exception as error:  # every failure ends in the visible list
        log.warning("job %s %s failed: %s", found.name, found.pk, type(error).__name__, exc_info=error)
        _failed(found, kind, "".join(traceback.format_exception_only(error)), None)
    else:
        _done(found, kind)
    finally:
        _running.pop(found.pk, None)
        if connection.in_atomic_block:
            raise RuntimeError(f"job {found.name} left a transaction open")
    return True


def hold() -> bool:
    """Prolongs the leases of what this process is running; the step of a loop, `HOLD_EVERY` seconds apart."""
    for found in list(_running.values()):
        with db.atomic():
            until = clock.now() + timedelta(seconds=REGISTRY[found.name].lease)
            _mine(found).filter(leased_until__isnull=False).update(leased_until=until)
    return False


def _mine(found: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=found.pk, lease=found.lease)


def _done(found: Job, kind: JobKind) -> None:
    with db.atomic():
        free: dict[str, Any] = {"leased_until": None, "lease": "", "attempts": 0, "again": False, "error": ""}
        if kind.every:
            _mine(found).update(**free, due_at=clock.now() + timedelta(seconds=kind.every))
        elif _mine(found).filter(again=False).delete()[0]:
            return
        elif _mine(found).update(**free, due_at=clock.now()):
            wake.on_commit(TOPIC)


def _failed(found: Job, kind: JobKind, error: str, after: float | None) -> None:
    with db.atomic():
        wait = after if after is not None else min(2.0**found.attempts, BACK_OFF_MAX) * random.uniform(0.8, 1.2)
        if kind.every:
            wait = max(wait, kind.every)
        exhausted = found.attempts >= kind.attempts and not kind.every
        _mine(found).update(
            leased_until=None,
            lease="",
            error=error[:4000],
            due_at=clock.now() + timedelta(seconds=wait),
            parked_at=clock.now() if exhausted else None,
        )


def parked() -> list[Job]:
    """Exhausted jobs, newest first."""
    return list(Job.objects.exclude(parked_at=None).order_by("-parked_at")[:200])


def retry(job_id: int) -> None:
    """A person asks for another try: at once, with a fresh count."""
    with db.atomic():
        if (
            not Job.objects.filter(pk=job_id)
            .exclude(parked_at=None)
            .update(parked_at=None, attempts=0, due_at=clock.now())
        ):
            raise NotFound("this job is no longer parked")
        wake.on_commit(TOPIC)


def lag() -> float:
    """Seconds that the oldest due and unclaimed job has waited; 0 when none does."""
    now = clock.now()
    oldest = _due(now).order_by("due_at").values_list("due_at", flat=True).first()
    return (now - oldest).total_seconds() if oldest else 0.0
