"""What the chat keeps beside conversations: codes that carry one from one device to another."""

from __future__ import annotations

from django.db import models

from tresen.conversations.models import Channel


class ResumeCode(models.Model):
    """A single-use code. Only its keyed hash is stored; `visitor` says who goes on with it."""

    digest = models.CharField(max_length=64, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    visitor = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "resume_codes"
