"""Reactions to the journal: handlers with cursors, effects in the database exactly once, poison set aside."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min

from tresen.kernel import clock, db, journal, wake
from tresen.kernel.errors import NotFound
from tresen.kernel.journal import Entry, Position
from tresen.kernel.models import Cursor, StalledEvent

log = logging.getLogger(__name__)
BATCH = 50
ATTEMPTS = 8
SHARDS_POSTGRESQL = 4


@dataclass(frozen=True, slots=True)
class Subscription:
    """`handle` gets each event of `kinds`, per conversation in order, in the transaction that moves the cursor.

    It writes to the database only (no network), and may be called again after a rollback.
    """

    name: str
    kinds: frozenset[str]
    handle: Callable[[Entry], None]


def lane(entry: Entry) -> str:
    """What keeps its order when something fails: a conversation; other events stand alone."""
    return f"c{entry.conversation_id}" if entry.conversation_id else f"e{entry.position.id}"


class Dispatcher:
    """Drives all subscriptions of one process. Several processes share the work by locking cursors."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self.subscriptions = list(subscriptions)
        self.by_name = {s.name: s for s in subscriptions}
        self.seen = Position()
        self.prepared = False
        self.dirty: set[tuple[str, int]] = set()

    @property
    def shards(self) -> int:
        return SHARDS_POSTGRESQL if db.is_postgresql() else 1

    def prepare(self) -> None:
        """Makes sure that every cursor exists; a new subscription starts at the journal's beginning."""
        with db.atomic():
            rows = [
                Cursor(subscription=s.name, shard=n) for s in self.subscriptions for n in range(self.shards)
            ]
            Cursor.objects.bulk_create(rows, ignore_conflicts=True)
        self.dirty = {(s.name, n) for s in self.subscriptions for n in range(self.shards)}
        self.prepared = True

    def step(self) -> bool:
        """One round over all subscriptions; True when there may be more to do at once."""
        if not self.prepared:
            self.prepare()
        more = self._look()
        for subscription in self.subscriptions:
            for shard in range(self.shards):
                if (subscription.name, shard) in self.dirty:
                    more |= self._advance(subscription, shard)
        return more

    def _look(self) -> bool:
        fresh = journal.read_after(self.seen, limit=500)
        if not fresh:
            return False
        kinds = {entry.kind for entry in fresh}
        for s in self.subscriptions:
            if not kinds.isdisjoint(s.kinds):
                self.dirty.update((s.name, n) for n in range(self.shards))
        self.seen = fresh[-1].position
        return len(fresh) == 500

    def _advance(self, subscription: Subscription, shard: int) -> bool:
        with db.atomic():
            cursor = db.locked(
                Cursor.objects.filter(subscription=subscription.name, shard=shard), skip=True
            ).first()
            if cursor is None:  # another worker has it; it stays dirty for the next round
                return False
            entries = journal.read_after(
                Position(cursor.xid, cursor.event_id),
                kinds=subscription.kinds,
                shard=(shard, self.shards),
                limit=BATCH,
            )
            if entries:
                self._handle_all(subscription, entries)
                last = entries[-1].position
                Cursor.objects.filter(pk=cursor.pk).update(xid=last.xid, event_id=last.id)
        if len(entries) < BATCH:
            self.dirty.discard((subscription.name, shard))
            return False
        return True

    def _handle_all(self, subscription: Subscription, entries: list[Entry]) -> None:
        lanes = set(
            StalledEvent.objects.filter(subscription=subscription.name)
            .values_list("lane", flat=True)
            .distinct()
        )
        for entry in entries:
            if lane(entry) in lanes:
                _stall(subscription, entry, attempts=0, error="")
                continue
            error = try_handle(subscription, entry)
            if error:
                _stall(subscription, entry, attempts=1, error=error)
                lanes.add(lane(entry))

    def retry_due(self) -> bool:
        """Tries the heads of stalled lanes again, and what waits behind a head that now succeeds."""
        heads = StalledEvent.objects.values("subscription", "lane").annotate(head=Min("event_id"))
        due = StalledEvent.objects.filter(
            event_id__in=[h["head"] for h in heads], parked_at=None, due_at__lte=clock.now()
        ).values_list("subscription", "lane")
        return any([self._drain(name, lane_) for name, lane_ in list(due) if name in self.by_name])

    def _drain(self, name: str, lane_: str) -> bool:
        progress = False
        while True:
            with db.atomic():
                rows = StalledEvent.objects.filter(subscription=name, lane=lane_).order_by("event_id")
                head = db.locked(rows, skip=True).first()
                if head is None or head.parked_at or head.due_at > clock.now():
                    return progress
                entry = journal.read_ids([head.event_id])[head.event_id]
                error = try_handle(self.by_name[name], entry)
                if error:
                    _back_off(head, error)
                    return progress
                head.delete()
                progress = True


def try_handle(subscription: Subscription, entry: Entry) -> str:
    """Runs the handler in a savepoint; "" or the error. Storage faults are not the event's fault and pass through."""
    try:
        with db.atomic(savepoint=True):
            subscription.handle(entry)
    except db.StorageError:
        raise
    except Exception as error:  # anything a handler can do wrong ends in the visible list
        log.warning("%s failed on event %s: %s", subscription.name, entry.position, type(error).__name__)
        return "".join(traceback.format_exception_only(error)) + _where(error)
    return ""


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return "".join(f"  {f.name} ({f.filename.rsplit('/tresen/', 1)[-1]}:{f.lineno})\n" for f in frames)


def _stall(subscription: Subscription, entry: Entry, *, attempts: int, error: str) -> None:
    StalledEvent.objects.get_or_create(
        subscription=subscription.name,
        event_id=entry.position.id,
        defaults={
            "lane": lane(entry),
            "attempts": attempts,
            "error": error,
            "due_at": clock.now() + timedelta(seconds=attempts),
        },
    )


def _back_off(row: StalledEvent, error: str) -> None:
    row.attempts += 1
    row.error = error
    row.due_at = clock.now() + timedelta(seconds=2**row.attempts)
    if row.attempts >= ATTEMPTS:
        row.parked_at = clock.now()
    row.save()


def parked() -> list[StalledEvent]:
    """Heads that no longer retry by themselves, newest first, each with `behind`: how many events wait for it."""
    rows = list(
        StalledEvent.objects.exclude(parked_at=None).select_related("event").order_by("-parked_at")[:200]
    )
    counts = {
        (c["subscription"], c["lane"]): c["n"]
        for c in StalledEvent.objects.filter(lane__in=[r.lane for r in rows])
        .values("subscription", "lane")
        .annotate(n=Count("id"))
    }
    for row in rows:
        row.behind = counts[row.subscription, row.lane] - 1  # type: ignore[attr-defined]
    return rows


def retry(stalled_id: int) -> None:
    """A person asks for another try: at once, with a fresh count."""
    with db.atomic():
        changed = StalledEvent.objects.filter(pk=stalled_id).update(
            parked_at=None, attempts=0, due_at=clock.now()
        )
        if not changed:
            raise NotFound("this event is no longer parked")
        wake.on_commit(journal.TOPIC)
