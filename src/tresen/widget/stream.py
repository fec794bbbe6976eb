"""What a visitor sees on the stream: the messages of their own conversations, no notes, no address of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from tresen.channels.adapters.webchat import tokens
from tresen.channels.directory import DIRECTORY
from tresen.channels.stream import Facts, Loaded
from tresen.conversations.models import Direction, Message
from tresen.kernel import clock
from tresen.kernel.stream.contract import Rendered
from tresen.widget import present, queries

VISITOR = "visitor"  # what every visitor of the conversation may know
_CHANGES = frozenset({"conversation.assigned", "conversation.queued", "conversation.resolved", "conversation.snoozed"})


def audience(row: Message) -> str:
    """Who a message is for: an answer for the visitors of its channel, a visitor's message for that visitor."""
    if row.direction == Direction.IN:
        return f"{VISITOR}:{row.channel_id}:{(row.external_id or '').partition(':')[0]}"
    return f"{VISITOR}:{row.channel_id}"


def payloads(loaded: Loaded) -> dict[str, bytes]:
    """JSON by audience for the visitors of the event's conversation; nothing for what is none of their business."""
    entry, row, found = loaded.entry, loaded.conversation, loaded.message
    if row is None or not loaded.facts.threads:
        return {}
    base: dict[str, Any] = {"kind": entry.kind, "conversation_id": row.pk}
    if entry.kind == "message.seen":
        return {VISITOR: orjson.dumps({**base, "seq": entry.data["seq"]})}
    if entry.kind in _CHANGES:
        shown = present.conversation(row) or {}
        body = {**base, "status": shown["status"], "assignee_name": shown["assignee_name"]}
        return {VISITOR: orjson.dumps({**body, "wait": present.wait(queries.waiting(row))})}
    if found is None or found.direction == Direction.NOTE:
        return {}
    if entry.kind == "message.created":
        view = DIRECTORY.by_id(found.channel_id)
        if view is None or view.kind != "webchat":
            return {}
        body = {**base, "message": present.message(found, view.key, row.seen_seq)}
        return {audience(found): orjson.dumps(body)}
    if entry.kind == "message.delivery" and found.direction == Direction.OUT:
        body = {**base, "message_id": found.pk, "state": present.tick(found, row.seen_seq)}
        return {audience(found): orjson.dumps(body)}
    return {}


@dataclass(eq=False)
class VisitorViewer:
    """The holder of a visitor token: the threads of its ids on its channel."""

    channel_id: int
    ids: tuple[str, ...]
    key: str
    closed: bool = False
    expires: datetime | None = None

    def sees(self, event: Rendered) -> bytes | None:
        """Only events of conversations that a thread of this visitor belongs to."""
        facts: Facts = event.facts
        if not any((self.channel_id, one) in facts.threads for one in self.ids):
            return None
        channel = f"{VISITOR}:{self.channel_id}"
        for name in (VISITOR, channel, *(f"{channel}:{one}" for one in self.ids)):
            if (found := event.frames.get(name)) is not None:
                return found
        return None


def viewer_of(token: str) -> VisitorViewer | None:
    """The viewer behind a visitor token; the audience says which channel's secret has to fit."""
    view = DIRECTORY.by_key(tokens.audience_of(token))
    if view is None or view.kind != "webchat":
        return None
    try:
        visitor = tokens.read(view.secrets.get("token_secret", ""), view.key, token, clock.now())
    except tokens.TokenError:
        return None
    return VisitorViewer(view.id, visitor.ids, f"visitor:{view.id}:{visitor.id}", expires=visitor.expires_at)


def still_there(viewers: list[VisitorViewer]) -> None:
    """Closes the streams of channels that were switched off."""
    for viewer in viewers:
        if DIRECTORY.by_id(viewer.channel_id) is None:
            viewer.closed = True
