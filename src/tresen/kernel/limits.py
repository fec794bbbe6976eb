"""Caps per key and window: in the database (they hold over all processes and restarts), or cheap in memory."""

from __future__ import annotations

import time
from collections import OrderedDict

from django.db.models import F

from tresen.kernel import clock, db
from tresen.kernel.models import Counter


def hit(key: str, limit: int, *, seconds: int = 3600) -> bool:
    """Counts one; True while the key stays within `limit` hits in the present window."""
    window = int(clock.now().timestamp() // seconds)
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


class InMemory:
    """A cap per key and window in this process; the keys longest unseen are forgotten first."""

    def __init__(self, limit: int, *, seconds: int, remember: int = 50_000) -> None:
        self.limit, self.seconds, self.remember = limit, seconds, remember
        self._hits: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Counts one hit; False beyond the cap."""
        window = int(time.monotonic() // self.seconds)
        then, hits = self._hits.pop(key, (window, 0))
        hits = hits + 1 if then == window else 1
        self._hits[key] = (window, hits)
        while len(self._hits) > self.remember:
            self._hits.popitem(last=False)
        return hits <= self.limit
