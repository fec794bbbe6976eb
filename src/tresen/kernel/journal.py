"""The journal: append in the transaction of the change, read behind a safe horizon.

On PostgreSQL ids are given before the commit, so a lower id may appear after a higher one. Positions are therefore
(transaction id, id), and readers stay below the oldest transaction still running. Events of one conversation keep the
order in which its row was locked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple

import orjson

from tresen.kernel import clock, db, wake
from tresen.kernel.models import Event

TOPIC = "journal"


class Position(NamedTuple):
    """A place in the journal; written `xid-id` in `Last-Event-ID`."""

    xid: int = 0
    id: int = 0

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """None for anything that is not a position."""
        xid, dash, row = text.strip().partition("-")
        if not dash or not (xid + row).isascii() or not xid.isdigit() or not row.isdigit() or len(text) > 40:
            return None
        return cls(min(int(xid), 2**63 - 1), min(int(row), 2**63 - 1))


@dataclass(frozen=True, slots=True)
class Payload:
    """Base of the typed payloads in each room's `events.py`. Only references and small facts, no contents."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as read back. `data` holds the payload's fields."""

    position: Position
    at: datetime
    kind: str
    scope: str
    customer_id: int | None
    conversation_id: int | None
    actor: str
    data: dict[str, Any]


_COLUMNS = ("at", "kind", "scope", "customer_id", "conversation_id", "actor", "data")
_INSERT = f"INSERT INTO events ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
# A transaction may get its id long before it locks a conversation. Its events there still come after those that
# were committed meanwhile: they take over the highest transaction id of the conversation so far.
_INSERT_POSTGRESQL = (
    f"INSERT INTO events (xid, {', '.join(_COLUMNS)}) VALUES (GREATEST(pg_current_xact_id()::text::bigint,"
    " (SELECT xid FROM events WHERE conversation_id = %s ORDER BY id DESC LIMIT 1)),"
    f" {', '.join(['%s'] * len(_COLUMNS))})"
)


def append(
    payload: Payload,
    *,
    actor: str,
    conversation_id: int | None = None,
    customer_id: int | None = None,
    scope: str = "",
) -> None:
    """Writes one event. Refuses outside a transaction: a fact without its change would be a lie."""
    if not db.in_transaction():
        raise RuntimeError("an event is written in the transaction of its change")
    data = {f.name: getattr(payload, f.name) for f in fields(payload)}
    connection = db.current()
    at = connection.ops.adapt_datetimefield_value(clock.now())
    values = [at, payload.kind, scope, customer_id, conversation_id, actor, orjson.dumps(data).decode()]
    if db.is_postgresql():
        db.statement(_INSERT_POSTGRESQL, [conversation_id, *values])
    else:
        db.statement(_INSERT, values)
    wake.on_commit(TOPIC)


_READ = ("xid", "id", "at", "kind", "scope", "customer_id", "conversation_id", "actor", "data")


def _horizon() -> str:
    if not db.is_postgresql():
        return ""
    return " AND xid < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"


def read_after(
    position: Position,
    *,
    kinds: Collection[str] = (),
    shard: tuple[int, int] | None = None,
    limit: int = 500,
) -> list[Entry]:
    """Events behind `position`, in order, at most `limit`. `shard` = (number, of how many) by conversation."""
    sql = f"SELECT {', '.join(_READ)} FROM events WHERE (xid, id) > (%s, %s){_horizon()}"
    params: list[Any] = [position.xid, position.id]
    if kinds:
        sql += f" AND kind IN ({', '.join(['%s'] * len(kinds))})"
        params += kinds
    if shard and shard[1] > 1:
        sql += " AND MOD(COALESCE(conversation_id, 0), %s) = %s"
        params += [shard[1], shard[0]]
    return [_entry(row) for row in db.statement(sql + " ORDER BY xid, id LIMIT %s", [*params, limit])[0]]


def read_ids(ids: Iterable[int]) -> dict[int, Entry]:
    """Events by id."""
    return {row[1]: _entry(row) for row in Event.objects.filter(id__in=list(ids)).values_list(*_READ)}


def _entry(row: Sequence[Any]) -> Entry:
    xid, row_id, at, kind, scope, customer_id, conversation_id, actor, data = row
    if at.tzinfo is None:  # SQLite keeps moments without a zone, in UTC
        at = at.replace(tzinfo=UTC)
    if isinstance(data, str):
        data = orjson.loads(data)
    return Entry(Position(xid, row_id), at, kind, scope, customer_id, conversation_id, actor, data)


def head() -> Position:
    """The last position that readers may see; the start for a new stream."""
    last = Event.objects.extra(where=["TRUE" + _horizon()]).order_by("-xid", "-id").values_list("xid", "id").first()
    return Position(*last) if last else Position()


def read_conversation(conversation_id: int, *, limit: int = 500) -> list[Entry]:
    """A conversation's own history, oldest first."""
    rows = Event.objects.filter(conversation_id=conversation_id).order_by("id").values_list(*_READ)[:limit]
    return [_entry(row) for row in rows]
