"""A channel as an entry of the counter, and the queue its conversations wait in."""

from __future__ import annotations

from django.db import models

from tresen.accounts.models import Team
from tresen.kernel import clock


class Queue(models.Model):
    """Where conversations wait. `team` = who serves it; without a team everybody does."""

    name = models.CharField(max_length=80, unique=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="queues")
    pull = models.BooleanField(default=False)  # agents take; nothing is assigned by itself

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """A configured entry. `kind` names the adapter; what the adapter needs stands in the channels room.

    `answers_by`: where answers go out when this channel has no way back (a contact form) or the customer has left it.
    """

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="channels")
    enabled = models.BooleanField(default=True)
    answers_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    replies = models.BooleanField(default=True)  # can the adapter send at all?
    reopen_days = models.PositiveSmallIntegerField(default=14)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
