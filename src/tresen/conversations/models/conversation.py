"""The conversation: one concern of one customer."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tresen.accounts.models import User
from tresen.conversations.models.channel import Channel, Queue
from tresen.customers.models import Customer
from tresen.kernel import clock, ids


class Status(models.TextChoices):
    BOT = "bot", _("Bot")
    WAITING = "waiting", _("Waiting")
    ASSIGNED = "assigned", _("Assigned")
    SNOOZED = "snoozed", _("Snoozed")
    RESOLVED = "resolved", _("Resolved")


class Priority(models.IntegerChoices):
    LOW = 0, _("Low")
    NORMAL = 1, _("Normal")
    HIGH = 2, _("High")
    URGENT = 3, _("Urgent")


class Tag(models.Model):
    name = models.CharField(max_length=60, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Conversation(models.Model):
    """`channel` is where it began; its messages may come over several. `last_seq` numbers them without a gap."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+")
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="conversations")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    assignee = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="conversations")
    subject = models.CharField(max_length=300, default="", blank=True)
    preview = models.CharField(max_length=200, default="", blank=True)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    language = models.CharField(max_length=5, default="", blank=True)
    last_seq = models.PositiveIntegerField(default=0)
    seen_seq = models.PositiveIntegerField(default=0)  # up to here an agent has read
    last_message_at = models.DateTimeField(default=clock.now)
    last_direction = models.CharField(max_length=4, default="in")
    avoid = models.BigIntegerField(null=True, blank=True)  # the agent who gave it back: not to them again at once
    waiting_since = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    tags: models.ManyToManyField[Tag, Any] = models.ManyToManyField(Tag, related_name="conversations", blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-last_message_at", "-id"], name="conv_newest"),
            models.Index(fields=["status", "-last_message_at", "-id"], name="conv_status"),
            models.Index(fields=["queue", "status", "-last_message_at", "-id"], name="conv_queue_status"),
            models.Index(fields=["assignee", "status", "-last_message_at", "-id"], name="conv_assignee"),
            models.Index(fields=["queue", "status", "-priority", "waiting_since", "id"], name="conv_waiting"),
            models.Index(fields=["customer", "-last_message_at"], name="conv_customer"),
            models.Index(fields=["status", "snoozed_until"], name="conv_snoozed"),
        ]

    @property
    def number(self) -> str:
        """What one says on the phone."""
        return ids.spoken(self.pk)


class Assignment(models.Model):
    """Who had it, from when to when, and why it came to them."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="assignments")
    agent = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    by = models.CharField(max_length=60)
    reason = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(ended_at=None), name="one_open_assignment"
            )
        ]
