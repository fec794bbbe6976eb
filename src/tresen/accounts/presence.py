"""Presence and capacity. Both change by single conditional updates, so that two workers cannot both win."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from tresen.accounts.events import CapacityFreed, PresenceChanged
from tresen.accounts.models import Presence, PresenceStatus
from tresen.kernel import clock, db, journal, rows
from tresen.kernel.errors import Invalid, NotFound

_CLAIM = (
    "UPDATE accounts_presence SET load = load + 1, idle_since = %s"
    " WHERE user_id = %s AND status = %s AND leased_until > %s AND load < capacity"
)
DESK_LEASE = timedelta(seconds=60)
API_LEASE = timedelta(hours=12)  # an integration says so once a shift


def set_presence(user_id: int, status: str, *, actor: str, lease: timedelta = DESK_LEASE) -> None:
    """Says where someone is. Going online starts their idle time."""
    if status not in PresenceStatus.values:
        raise Invalid("must be online, away or offline", field="status")
    with db.atomic():
        row = db.locked(Presence.objects.filter(user_id=user_id, user__is_active=True)).first()
        if row is None:
            raise NotFound("no such member of staff")
        now = clock.now()
        before = row.effective(now)
        row.status, row.leased_until = status, now + lease
        if status == PresenceStatus.ONLINE and before != PresenceStatus.ONLINE:
            row.idle_since = now
        row.save(update_fields=["status", "leased_until", "idle_since"])
        if before != status:
            journal.append(PresenceChanged(user_id, status), actor=actor)


def renew(user_id: int) -> None:
    """A heart-beat of the desk: prolongs the lease, never shortens it. Revives one that ran out."""
    now = clock.now()
    row = Presence.objects.filter(user_id=user_id).first()
    if (
        row is None
        or row.status == PresenceStatus.OFFLINE
        or (row.leased_until and row.leased_until > now + DESK_LEASE)
    ):
        return
    if row.effective(now) == PresenceStatus.OFFLINE:
        set_presence(user_id, row.status, actor=f"user:{user_id}")
        return
    with db.atomic():
        Presence.objects.filter(user_id=user_id).update(leased_until=now + DESK_LEASE)


def expire_leases() -> int:
    """Tells the journal about leases that ran out; returns how many. The next heart-beat brings the person back."""
    with db.atomic():
        over = Presence.objects.exclude(status=PresenceStatus.OFFLINE).filter(leased_until__lte=clock.now())
        gone = [row.user_id for row in db.locked(over, skip=True)]
        Presence.objects.filter(user_id__in=gone).update(leased_until=None)
        for user_id in gone:
            journal.append(PresenceChanged(user_id, PresenceStatus.OFFLINE), actor="system")
    return len(gone)


def available() -> QuerySet[Presence]:
    """Who is online, with a live lease, and has room for one more."""
    return Presence.objects.filter(
        status=PresenceStatus.ONLINE,
        leased_until__gt=clock.now(),
        load__lt=F("capacity"),
        user__is_active=True,
    )


def free_places(limit: int) -> list[tuple[int, int, int, datetime]]:
    """(user id, capacity, load, idle since) of those available, longest idle first. Lean: asked for every message."""
    now = clock.now()
    columns = ("user_id", "capacity", "load", "idle_since")
    found = rows.values(Presence, columns, status="online", leased_until__gt=now, order=("idle_since", "user_id"))
    free = [(user, capacity, load, idle) for user, capacity, load, idle in found if load < capacity]
    return free[:limit]  # cut last: those who are full have been idle longest


def claim_capacity(user_id: int) -> bool:
    """Takes one place if the agent is online and has one. Call in the transaction that assigns.

    One table, no join: PostgreSQL checks the condition again on the row as another transaction left it.
    """
    now = clock.now()
    moment = db.current().ops.adapt_datetimefield_value(now)
    return bool(db.statement(_CLAIM, [moment, user_id, PresenceStatus.ONLINE.value, moment])[1])


def occupy(user_id: int) -> None:
    """Takes a place whatever the capacity: someone took a conversation, or was given it by name."""
    Presence.objects.filter(user_id=user_id).update(load=F("load") + 1, idle_since=clock.now())


def free(user_id: int, *, actor: str) -> None:
    """Gives one place back. Call in the transaction that ends the assignment."""
    Presence.objects.filter(user_id=user_id, load__gt=0).update(load=F("load") - 1)
    journal.append(CapacityFreed(user_id), actor=actor)
