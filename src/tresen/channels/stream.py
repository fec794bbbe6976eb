"""What staff see on the stream: each event with the conversation and message as they are now, cut to their rights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db.models import prefetch_related_objects

from tresen.accounts.principal import Principal
from tresen.channels import present
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import ThreadLink
from tresen.conversations import queries
from tresen.conversations.models import Conversation, Message
from tresen.kernel import rows
from tresen.kernel.journal import Entry
from tresen.kernel.stream.contract import Rendered

STAFF, GONE = "staff", "gone"
# Events without a conversation that every member of staff may know.
COMMON = frozenset({"presence.changed", "staff.changed", "queue.changed", "channel.changed", "channel.fault"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides who sees an event. `threads`: the channel threads of its conversation, for visitors."""

    kind: str
    conversation_id: int | None = None
    queue_id: int | None = None
    assignee_id: int | None = None
    former_queue: int | None = None
    former_agent: int | None = None
    threads: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Loaded:
    """An event with what it is about."""

    entry: Entry
    facts: Facts
    conversation: Conversation | None
    message: Message | None


def load(entries: Sequence[Entry]) -> list[Loaded]:
    """Fetches what a batch of events is about, in a fixed number of queries."""
    ids = {e.conversation_id for e in entries if e.conversation_id}
    wanted = {e.data["message_id"] for e in entries if "message_id" in e.data}
    conversations = {row.pk: row for row in rows.many(Conversation, id__in=ids)} if ids else {}
    messages = {row.pk: row for row in rows.many(Message, id__in=wanted)} if wanted else {}
    prefetch_related_objects([row for row in messages.values() if row.files], "attachments")
    threads = threads_of(ids) if ids and any(view.kind == "webchat" for view in DIRECTORY.all()) else {}
    return [_loaded(entry, conversations, messages, threads) for entry in entries]


def threads_of(conversation_ids: Iterable[int]) -> dict[int, frozenset[tuple[int, str]]]:
    """(channel id, thread key) by conversation."""
    found: dict[int, set[tuple[int, str]]] = defaultdict(set)
    columns = ("conversation_id", "channel_id", "key")
    for conversation_id, channel_id, key in rows.values(
        ThreadLink, columns, conversation_id__in=list(conversation_ids)
    ):
        found[conversation_id].add((channel_id, key))
    return {conversation_id: frozenset(keys) for conversation_id, keys in found.items()}


def _loaded(
    entry: Entry,
    conversations: Mapping[int, Conversation],
    messages: Mapping[int, Message],
    threads: Mapping[int, frozenset[tuple[int, str]]],
) -> Loaded:
    row = conversations.get(entry.conversation_id or 0)
    facts = Facts(
        kind=entry.kind,
        conversation_id=entry.conversation_id,
        queue_id=row.queue_id if row else None,
        assignee_id=row.assignee_id if row else None,
        former_queue=entry.data.get("former_queue"),
        former_agent=entry.data.get("former_agent", entry.data.get("before")),
        threads=threads.get(entry.conversation_id or 0, frozenset()),
    )
    return Loaded(entry, facts, row, messages.get(entry.data.get("message_id", 0)))


def staff_payloads(loaded: Loaded) -> dict[str, bytes]:
    """JSON for staff who see the conversation now, and for those who saw it until now."""
    entry = loaded.entry
    if entry.conversation_id is None:
        return {STAFF: orjson.dumps({"kind": entry.kind, **entry.data})} if entry.kind in COMMON else {}
    if loaded.conversation is None:
        return {}
    body: dict[str, Any] = {"kind": entry.kind, "conversation_id": entry.conversation_id, **entry.data}
    body["conversation"] = present.conversation(loaded.conversation)
    if loaded.message is not None:
        body["message"] = present.message(loaded.message)
    gone = {"kind": "conversation.gone", "conversation_id": entry.conversation_id}
    return {STAFF: orjson.dumps(body), GONE: orjson.dumps(gone)}


@dataclass(eq=False)
class StaffViewer:
    """A member of staff or a token. `queues` None = all."""

    principal: Principal
    key: str
    session: str = ""
    token_id: int | None = None
    queues: frozenset[int] | None = field(default_factory=frozenset)
    closed: bool = False
    expires: datetime | None = None

    def sees(self, event: Rendered) -> bytes | None:
        """Current sight first; whoever just lost it learns only that it is gone."""
        facts: Facts = event.facts
        frames = event.frames
        if facts.conversation_id is None or self._may(facts.queue_id, facts.assignee_id):
            return frames.get(STAFF)
        if self._may(facts.former_queue, facts.former_agent):
            return frames.get(GONE)
        return None

    def _may(self, queue_id: int | None, agent_id: int | None) -> bool:
        if self.queues is None:
            return True
        return queue_id in self.queues or (agent_id is not None and agent_id == self.principal.user_id)

    def learn(
        self,
        principal: Principal | None,
        queues_of: Callable[[Principal], frozenset[int] | None] = queries.sight,
    ) -> None:
        """Takes over the rights of this moment; None closes."""
        if principal is None or "read" not in principal.scopes:
            self.closed = True
            return
        self.principal, self.queues = principal, queues_of(principal)
