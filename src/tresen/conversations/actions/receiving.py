"""A customer's message comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tresen.conversations.actions.common import StoredFile, add_message, enqueue, preview, transit
from tresen.conversations.events import ConversationCreated
from tresen.conversations.models import Channel, Conversation, Direction, Message, Status
from tresen.customers.models import Customer
from tresen.kernel import clock, db, journal, rows

__all__ = ["Incoming", "StoredFile", "receive"]

CHANGED = (
    "status",
    "assignee_id",
    "last_seq",
    "last_message_at",
    "last_direction",
    "preview",
    "waiting_since",
    "snoozed_until",
    "resolved_at",
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message whose sender and thread are known. `conversation_id` None = a new concern.

    `external_id` is unique within the channel; the second arrival of the same message is answered with the first.
    """

    channel: Channel
    customer: Customer
    external_id: str | None
    conversation_id: int | None = None
    author: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    files: tuple[StoredFile, ...] = ()
    automated: bool = False
    supported: bool = True
    language: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    status: str = Status.WAITING  # of a new conversation: a bot may have the first word


def receive(incoming: Incoming, *, actor: str) -> tuple[Message, bool]:
    """Stores the message; returns it and whether it is new."""
    with db.atomic():
        if incoming.external_id is not None:
            known = rows.one(Message, channel_id=incoming.channel.pk, external_id=incoming.external_id)
            if known is not None:
                return known, False
        conversation = _continued(incoming)
        message = _message(incoming)
        if conversation is None:
            return _begin(incoming, message, actor), True
        _continue(conversation, message, incoming, actor)
        return message, True


def _message(incoming: Incoming) -> Message:
    now = clock.now()
    sent = incoming.occurred_at
    meta = dict(incoming.meta)
    if sent and abs(sent - now) > timedelta(minutes=5):
        meta["sent_at"] = sent.isoformat()  # the sender's clock is shown, never sorted by
    return Message(
        direction=Direction.IN,
        channel=incoming.channel,
        customer=incoming.customer,
        author=incoming.author[:200],
        subject=incoming.subject[:300],
        text=incoming.text,
        html=incoming.html,
        external_id=incoming.external_id,
        automated=incoming.automated,
        supported=incoming.supported,
        meta=meta,
        created_at=now,
    )


def _continued(incoming: Incoming) -> Conversation | None:
    if incoming.conversation_id is None:
        return None
    found = rows.one(Conversation, id=incoming.conversation_id, lock=True)
    if found is None or found.status != Status.RESOLVED or found.resolved_at is None:
        return found
    limit = timedelta(days=incoming.channel.reopen_days)
    return found if clock.now() - found.resolved_at <= limit else None


def _begin(incoming: Incoming, message: Message, actor: str) -> Message:
    now = message.created_at
    conversation = Conversation(
        channel=incoming.channel,
        queue_id=incoming.channel.queue_id,
        customer=incoming.customer,
        status=incoming.status,
        subject=(incoming.subject or preview(message))[:300],
        language=incoming.language or incoming.customer.language,
        preview=preview(message),
        last_message_at=now,
        created_at=now,
        waiting_since=now if incoming.status == Status.WAITING else None,
        last_seq=1,
    )
    rows.insert(conversation)
    journal.append(
        ConversationCreated(incoming.channel.pk, conversation.queue_id, conversation.status, "in"),
        actor=actor,
        conversation_id=conversation.pk,
        customer_id=incoming.customer.pk,
    )
    conversation.last_seq = 0
    add_message(conversation, message, incoming.files, actor=actor)
    if conversation.status == Status.WAITING:
        enqueue(conversation, "received", actor=actor)
    return message


def _continue(conversation: Conversation, message: Message, incoming: Incoming, actor: str) -> None:
    before = transit(conversation, "receive")
    add_message(conversation, message, incoming.files, actor=actor)
    if conversation.status == Status.WAITING and before != Status.WAITING:
        conversation.resolved_at = None
        conversation.waiting_since = None
        enqueue(conversation, "woken" if before == Status.SNOOZED else "reopened", actor=actor)
    rows.update(conversation, *CHANGED)
