"""Messages and their attachments."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tresen.accounts.models import User
from tresen.conversations.models.channel import Channel
from tresen.conversations.models.conversation import Conversation
from tresen.customers.models import Customer
from tresen.kernel import clock


class Direction(models.TextChoices):
    IN = "in", _("From the customer")
    OUT = "out", _("To the customer")
    NOTE = "note", _("Note")


class DeliveryState(models.TextChoices):
    """Only ever moves forward, in this order; UNKNOWN means the provider's answer was lost."""

    NONE = "", _("Nothing to deliver")
    QUEUED = "queued", _("Queued")
    UNKNOWN = "unknown", _("Unknown")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    READ = "read", _("Read")
    FAILED = "failed", _("Failed")


class Message(models.Model):
    """`external_id` is unique within a channel: a message that arrives twice is stored once.

    `address`: {"to": [...], "cc": [...], "bcc": [...]} of outgoing mail. `meta`: what agents should know (cc, verdicts,
    warnings, folded quote).
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    seq = models.PositiveIntegerField()
    direction = models.CharField(max_length=4, choices=Direction.choices)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    author = models.CharField(max_length=200, default="", blank=True)
    subject = models.CharField(max_length=300, default="", blank=True)
    text = models.TextField(default="", blank=True)
    html = models.TextField(default="", blank=True)
    external_id = models.CharField(max_length=300, null=True)
    key = models.CharField(max_length=80, null=True)  # the writer's own: a reply posted twice is stored once
    automated = models.BooleanField(default=False)
    files = models.PositiveSmallIntegerField(default=0)  # how many attachments
    supported = models.BooleanField(default=True)
    address = models.JSONField(default=dict)
    meta = models.JSONField(default=dict)
    delivery = models.CharField(max_length=10, choices=DeliveryState.choices, default="", blank=True)
    delivery_error = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq"),
            models.UniqueConstraint(
                fields=["conversation", "key"], condition=models.Q(key__isnull=False), name="message_key"
            ),
            models.UniqueConstraint(
                fields=["channel", "external_id"],
                condition=models.Q(external_id__isnull=False),
                name="message_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["delivery"],
                condition=models.Q(delivery__in=["failed", "unknown"]),
                name="message_undelivered",
            ),
        ]


class Attachment(models.Model):
    """`id` is unguessable; `key` names the stored file; `name` is only ever shown, never used as a path."""

    id = models.CharField(primary_key=True, max_length=40)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=120)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content_id = models.CharField(max_length=255, default="", blank=True)
    key = models.CharField(max_length=120)
