"""Reactions to the journal: handlers with cursors, effects in the database exactly once, poison set aside."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min

from tresen.kernel import clock, db, faults, journal, rows, wake
from tresen.kernel.errors import NotFound
from tresen.kernel.journal import Entry, Position
from tresen.kernel.models import Cursor, Event, StalledEvent

log = logging.getLogger(__name__)
BATCH = 50
ATTEMPTS = 8
SHARDS_POSTGRESQL = 4


def always(entry: Entry) -> bool:
    """Every event of the subscribed kinds is wanted."""
    return True


@dataclass(frozen=True, slots=True)
class Subscription:
    """`handle` gets each event of `kinds` that `when` wants, in order, in the transaction that moves the cursor.

    It writes to the database only (no network), and may be called again after a rollback. `when` decides from the
    event alone, so that an event nobody wants costs next to nothing. `merge`: of the events of a batch that it gives
    the same value only the first is handled, by a handler that looks at the state and not at the event.
    """

    name: str
    kinds: frozenset[str]
    handle: Callable[[Entry], None]
    when: Callable[[Entry], bool] = always
    merge: Callable[[Entry], Hashable] | None = None

    def wants(self, entry: Entry) -> bool:
        """Is this event its business?"""
        return entry.kind in self.kinds and self.when(entry)


def lane(entry: Entry) -> str:
    """What keeps its order when something fails: a conversation; other events stand alone."""
    return f"c{entry.conversation_id}" if entry.conversation_id else f"e{entry.position.id}"


class Dispatcher:
    """Drives all subscriptions of one process. Several processes share the work by locking cursors, shard by shard."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self.subscriptions = list(subscriptions)
        self.by_name = {s.name: s for s in subscriptions}
        self.kinds = frozenset().union(*(s.kinds for s in subscriptions))
        self.seen: dict[int, Position] = {}

    @property
    def shards(self) -> int:
        return SHARDS_POSTGRESQL if db.is_postgresql() else 1

    def prepare(self) -> None:
        """Makes sure that every cursor exists; a new subscription starts at the journal's beginning."""
        with db.atomic():
            wanted = [Cursor(subscription=s.name, shard=n) for s in self.subscriptions for n in range(self.shards)]
            Cursor.objects.bulk_create(wanted, ignore_conflicts=True)
        self.seen = {n: Position() for n in range(self.shards)}

    def begin_here(self) -> None:
        """Everything so far is history (an import): all subscriptions begin behind it, in the caller's transaction."""
        xid, event_id = Event.objects.order_by("-xid", "-id").values_list("xid", "id").first() or (0, 0)
        wanted = [
            Cursor(subscription=s.name, shard=n, xid=xid, event_id=event_id)
            for s in self.subscriptions
            for n in range(self.shards)
        ]
        with db.atomic():
            Cursor.objects.bulk_create(
                wanted,
                update_conflicts=True,
                unique_fields=["subscription", "shard"],
                update_fields=["xid", "event_id"],
            )

    def step(self) -> bool:
        """One round over all shards; True when there may be more to do at once."""
        if not self.seen:
            self.prepare()
        more = [self._step(shard) for shard in range(self.shards)]
        return any(more)

    def _step(self, shard: int) -> bool:
        fresh = journal.read_after(self.seen[shard], kinds=self.kinds, shard=(shard, self.shards), limit=BATCH)
        if not fresh:
            return False
        if any(s.wants(entry) for entry in fresh for s in self.subscriptions) or len(fresh) == BATCH:
            end = self._advance(shard, fresh)
            if end is None:  # another worker has this shard and may leave some of it to us
                return False
            self.seen[shard] = end
        else:
            self.seen[shard] = fresh[-1].position
        return len(fresh) == BATCH or self.seen[shard] < fresh[-1].position

    def _advance(self, shard: int, fresh: list[Entry]) -> Position | None:
        """Handles the next events in one transaction; returns how far all cursors held by us have come.

        `fresh` is what lies behind `seen`; it is read again only when a cursor stands elsewhere.
        """
        with db.atomic():
            cursors = rows.many(Cursor, shard=shard, subscription__in=self.by_name, lock=True, skip=True)
            if not cursors:
                return None
            places = {c.subscription: Position(c.xid, c.event_id) for c in cursors}
            start = min(places.values())
            entries = fresh
            if start != self.seen[shard]:
                entries = journal.read_after(start, kinds=self.kinds, shard=(shard, self.shards), limit=BATCH)
            if not entries:
                return start
            end = self._handle_all(entries, places)
            behind = [c.pk for c in cursors if places[c.subscription] < end]
            rows.change(Cursor, {"xid": end.xid, "event_id": end.id}, id__in=behind)
            faults.reach("events.before-commit")
        faults.reach("events.after-commit")
        return end if len(cursors) == len(self.subscriptions) else start

    def _handle_all(self, entries: list[Entry], places: dict[str, Position]) -> Position:
        """As many as `db.HOLD` allows, at least one; how far that was."""
        until = time.monotonic() + db.HOLD
        lanes = {lane(entry) for entry in entries}
        stalled = set(rows.values(StalledEvent, ("subscription", "lane"), lane__in=lanes))
        merged: set[tuple[str, Hashable]] = set()
        for entry in entries:
            for subscription in self.subscriptions:
                place = places.get(subscription.name)
                if place is None or place >= entry.position or not subscription.wants(entry):
                    continue
                alike = (subscription.name, subscription.merge(entry)) if subscription.merge else None
                if alike in merged:
                    continue
                if (subscription.name, lane(entry)) in stalled:
                    _stall(subscription, entry, attempts=0, error="")
                    continue
                error = try_handle(subscription, entry)
                if error:
                    _stall(subscription, entry, attempts=1, error=error)
                    stalled.add((subscription.name, lane(entry)))
                elif alike:
                    merged.add(alike)
            if time.monotonic() > until:
                return entry.position
        return entries[-1].position

    def retry_due(self) -> bool:
        """Tries the heads of stalled lanes again, and what waits behind a head that now succeeds."""
        heads = StalledEvent.objects.values("subscription", "lane").annotate(head=Min("event_id"))
        due = StalledEvent.objects.filter(
            event_id__in=[h["head"] for h in heads], parked_at=None, due_at__lte=clock.now()
        ).values_list("subscription", "lane")
        progress = [self._drain(name, lane_) for name, lane_ in list(due) if name in self.by_name]
        return any(progress)

    def _drain(self, name: str, lane_: str) -> bool:
        progress = False
        while True:
            with db.atomic():
                waiting = StalledEvent.objects.filter(subscription=name, lane=lane_).order_by("event_id")
                first = waiting.values_list("pk", flat=True).first()  # skipping a locked head would break the order
                head = db.locked(StalledEvent.objects.filter(pk=first or 0), skip=True).first()
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
    except Exception as error:  # anything a handler can do wrong ends in the visible list
        if isinstance(error, db.StorageError) and not db.works():
            raise
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
    heads = list(StalledEvent.objects.exclude(parked_at=None).select_related("event").order_by("-parked_at")[:200])
    counts = {
        (c["subscription"], c["lane"]): c["n"]
        for c in StalledEvent.objects.filter(lane__in=[r.lane for r in heads])
        .values("subscription", "lane")
        .annotate(n=Count("id"))
    }
    for row in heads:
        row.behind = counts[row.subscription, row.lane] - 1  # type: ignore[attr-defined]
    return heads


def retry(stalled_id: int) -> None:
    """A person asks for another try: at once, with a fresh count."""
    with db.atomic():
        changed = StalledEvent.objects.filter(pk=stalled_id).update(parked_at=None, attempts=0, due_at=clock.now())
        if not changed:
            raise NotFound("this event is no longer parked")
        wake.on_commit(journal.TOPIC)
