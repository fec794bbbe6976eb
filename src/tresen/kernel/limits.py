"""Caps per key and window, kept in the database: they hold over all processes and restarts."""

from __future__ import annotations

import time

from django.db.models import F

from tresen.kernel import db
from tresen.kernel.models import Counter


def hit(key: str, limit: int, *, seconds: int = 3600) -> bool:
    """Counts one; True while the key stays within `limit` hits in the present window."""
    window = int(time.time() // seconds)
    with db.atomic():
        row = db.locked(Counter.objects.filter(key=key[:200])).first()
        if row is None:
            Counter.objects.bulk_create([Counter(key=key[:200], window=window)], ignore_conflicts=True)
            row = db.locked(Counter.objects.filter(key=key[:200])).get()
        if row.window != window:
            Counter.objects.filter(pk=row.pk).update(window=window, hits=1)
            return limit >= 1
        Counter.objects.filter(pk=row.pk).update(hits=F("hits") + 1)
        return row.hits + 1 <= limit
