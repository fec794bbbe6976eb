"""The kernel's journal as the stream's source, and what the stream's threads do about a broken connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tresen.kernel import db, journal, wake
from tresen.kernel.journal import Entry, Position


def guarded(call: Callable[..., Any], *args: Any) -> Any:
    """Calls; after a fault of the database this thread's connection is given back, the next call gets a fresh one."""
    try:
        return call(*args)
    except db.DatabaseError:
        db.close()
        raise


class JournalSource:
    """Reads with the calling thread's connection."""

    def head(self) -> Position:
        """The newest position behind the safe horizon."""
        return journal.head()

    def read_after(self, position: Position, limit: int) -> Sequence[Entry]:
        """Events behind `position`, in order, at most `limit`."""
        return journal.read_after(position, limit=limit)

    def generation(self) -> int:
        """Counts the journal's wake-ups."""
        return wake.generation(journal.TOPIC)

    def wait(self, seen: int, timeout: float) -> None:
        """Returns after a wake-up later than `seen`, or after `timeout` seconds."""
        wake.wait(journal.TOPIC, seen, timeout)

    def interrupt(self) -> None:
        """Wakes all who wait for the journal; a wake-up is only a hint."""
        wake.notify(journal.TOPIC)
