"""Recurring work of the counter."""

from __future__ import annotations

from datetime import timedelta

from tresen.channels import delivering
from tresen.channels.models import Receipt
from tresen.kernel import blobs, clock, db
from tresen.kernel.jobs import job

KEEP_RAW = timedelta(days=90)

__all__ = ["delivering", "forget_raw_receipts"]


@job("channels.forget_raw_receipts", every=3600)
def forget_raw_receipts() -> None:
    """Raw requests of finished receipts go after 90 days; their keys stay, so that a repeat is still recognised."""
    old = Receipt.objects.filter(state=Receipt.State.DONE, received_at__lt=clock.now() - KEEP_RAW)
    for receipt in old.exclude(body=None, file="")[:2000].only("id", "file"):
        with db.atomic():
            Receipt.objects.filter(pk=receipt.pk).update(body=None, file="", envelope={})
        if receipt.file:
            blobs.remove(receipt.file)
