"""The kernel's journal as the stream's source."""

from __future__ import annotations

from collections.abc import Sequence

from tresen.kernel import db, journal, wake
from tresen.kernel.journal import Entry, Position


class JournalSource:
    """Reads with the calling thread's connection; gives a broken one back for a fresh one."""

    def head(self) -> Position:
        """The newest position behind the safe horizon."""
        return journal.head()

    def read_after(self, position: Position, limit: int) -> Sequence[Entry]:
        """Events behind `position`, in order, at most `limit`."""
        try:
            return journal.read_after(position, limit=limit)
        except db.DatabaseError:
            db.close()
            raise

    def generation(self) -> int:
        """Counts the journal's wake-ups."""
        return wake.generation(journal.TOPIC)

    def wait(self, seen: int, timeout: float) -> None:
        """Returns after a wake-up later than `seen`, or after `timeout` seconds."""
        wake.wait(journal.TOPIC, seen, timeout)

    def interrupt(self) -> None:
        """Wakes all who wait for the journal; a wake-up is only a hint."""
        wake.notify(journal.TOPIC)
