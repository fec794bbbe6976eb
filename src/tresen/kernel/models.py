"""The kernel's tables: journal, cursors, stalled events, jobs, settings."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from tresen.kernel import clock


class TransactionId(Func):
    """The writing transaction's id on PostgreSQL, where ids commit out of order; 0 on SQLite, where they do not."""

    output_field = models.BigIntegerField()
    arity = 0

    def as_sql(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        return "0", ()

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        return "(pg_current_xact_id()::text::bigint)", ()


class Event(models.Model):
    """One fact, appended in the transaction of the change. Holds references, never contents: erasure must reach all."""

    id = models.BigAutoField(primary_key=True)
    xid = models.BigIntegerField(db_default=TransactionId())
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=60)
    scope = models.CharField(max_length=60, default="", blank=True)
    customer_id = models.BigIntegerField(null=True)
    conversation_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=60, default="system")
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "events"
        indexes = [
            models.Index(fields=["xid", "id"], name="events_position"),
            models.Index(fields=["conversation_id", "id"], name="events_conversation"),
        ]


class Cursor(models.Model):
    """How far a subscription has come, per shard. Advances in the transaction of the handler's writes."""

    subscription = models.CharField(max_length=80)
    shard = models.SmallIntegerField(default=0)
    xid = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)

    class Meta:
        db_table = "event_cursors"
        constraints = [models.UniqueConstraint(fields=["subscription", "shard"], name="one_cursor_per_shard")]


class StalledEvent(models.Model):
    """An event whose handler failed, or one that waits behind it in the same conversation.

    `attempts` is 0 for those behind. `parked_at` set: no further try by itself; a person sees it and may retry.
    """

    subscription = models.CharField(max_length=80)
    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    lane = models.CharField(max_length=40)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    parked_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "events_stalled"
        constraints = [models.UniqueConstraint(fields=["subscription", "event"], name="stalled_once")]
        indexes = [models.Index(fields=["subscription", "lane", "event"], name="stalled_lane")]


class Job(models.Model):
    """Work that waits, retries or recurs. Claimed by a lease, so that a killed worker's job comes back by itself."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    args = models.JSONField(default=dict)
    key = models.CharField(max_length=160, null=True, unique=True)
    due_at = models.DateTimeField(default=clock.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=40, default="", blank=True)
    again = models.BooleanField(default=False)
    parked_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "jobs"
        indexes = [models.Index(fields=["parked_at", "due_at"], name="jobs_due")]


class StoredSetting(models.Model):
    """A value set on a screen; `tresen.kernel.settings` gives it its type."""

    key = models.CharField(max_length=80, primary_key=True)
    value = models.JSONField()
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "settings"


class Counter(models.Model):
    """Hits of a key within a window of time: caps that hold over all processes and restarts."""

    key = models.CharField(max_length=200, primary_key=True)
    window = models.BigIntegerField(default=0)
    hits = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "counters"
