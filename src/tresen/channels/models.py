"""Configuration, receipts, thread links and deliveries."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tresen.conversations.models import Channel, Conversation, Message
from tresen.kernel import clock


class ChannelConfig(models.Model):
    """What the adapter needs. `key` is the public part of `/in/{key}`; `sealed` holds the encrypted secrets."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, primary_key=True, related_name="config")
    key = models.CharField(max_length=60, unique=True)
    settings = models.JSONField(default=dict)
    sealed = models.TextField(default="", blank=True)
    cursor = models.JSONField(default=dict)  # how far a pull channel has fetched
    pull_lease = models.CharField(max_length=40, default="", blank=True)  # one process fetches at a time
    pull_leased_until = models.DateTimeField(null=True)
    acknowledge = models.BooleanField(default=False)
    acknowledge_text_de = models.TextField(default="", blank=True)
    acknowledge_text_en = models.TextField(default="", blank=True)
    fault = models.TextField(default="", blank=True)  # the last connection fault, shown on the desk
    fault_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    check_result = models.JSONField(default=list)


class Receipt(models.Model):
    """One request or one fetched mail, raw, stored before it is understood. `key` makes repeats the same receipt."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        PARKED = "parked", _("Parked")

    id = models.BigAutoField(primary_key=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    key = models.CharField(max_length=300, null=True)
    received_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    body = models.BinaryField(null=True)
    file = models.CharField(max_length=120, default="", blank=True)  # large bodies lie in a synced file
    envelope = models.JSONField(default=dict)  # method, path, query, headers
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "receipts"
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="receipt_once")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(state="pending"), name="receipts_pending"),
            models.Index(fields=["state"], condition=models.Q(state="parked"), name="receipts_parked"),
        ]


class ThreadLink(models.Model):
    """Ties a thread of a channel to a conversation. One table for every kind of channel."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    key = models.CharField(max_length=300)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="threads")
    context = models.JSONField(default=dict)  # reply context, handed back to the adapter
    token = models.CharField(max_length=60, default="", blank=True, db_index=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="thread_once")]
        indexes = [models.Index(fields=["conversation", "channel"], name="thread_conversation")]


class KnownReference(models.Model):
    """External ids we sent or received, for References of later mails and for delivery reports."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    external_id = models.CharField(max_length=300)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="references")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="reference_once")]


class Delivery(models.Model):
    """One outgoing message on its way. `steps`: [{"at", "state", "detail"}], the whole story."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="dispatch")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    error = models.TextField(default="", blank=True)
    steps = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "channel", "state"], name="delivery_lane"),
            models.Index(fields=["state"], condition=models.Q(state__in=["failed", "unknown"]), name="delivery_stuck"),
        ]
