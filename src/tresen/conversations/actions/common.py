"""What several verbs share: the next message, the end of an assignment, a checked transition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tresen.accounts import presence
from tresen.conversations.engine import states
from tresen.conversations.events import ConversationQueued, MessageCreated
from tresen.conversations.models import Assignment, Attachment, Conversation, Direction, Message, Status
from tresen.kernel import clock, faults, ids, journal, rows
from tresen.kernel.errors import Conflict

SYSTEM = "system"
PREVIEW = 160


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in storage already (`kernel.blobs`), on its way to becoming an attachment."""

    name: str
    content_type: str
    size: int
    sha256: str
    key: str
    content_id: str = ""


def transit(conversation: Conversation, verb: str) -> str:
    """Sets the status that `verb` leads to and returns the one before; Conflict when it is not allowed."""
    before = conversation.status
    status = states.after(verb, before)
    if status is None:
        raise Conflict(f"cannot {verb} a conversation that is {before}")
    conversation.status = status
    return before


def add_message(conversation: Conversation, message: Message, files: Iterable[StoredFile], *, actor: str) -> Message:
    """Numbers the message and stores it, its files and its event; the caller saves the conversation."""
    conversation.last_seq += 1
    message.conversation = conversation
    message.seq = conversation.last_seq
    files = tuple(files)
    message.files = len(files)
    rows.insert(message)
    attachments = [
        Attachment(
            id=ids.token(128),
            message=message,
            name=file.name[:255],
            content_type=file.content_type[:120],
            size=file.size,
            sha256=file.sha256,
            content_id=file.content_id[:255],
            key=file.key,
        )
        for file in files
    ]
    if attachments:
        Attachment.objects.bulk_create(attachments)
        faults.reach("attachment.row-written")
    if message.direction != Direction.NOTE:
        conversation.last_message_at = max(conversation.last_message_at, message.created_at)
        conversation.last_direction = message.direction
        conversation.preview = preview(message)
    journal.append(
        MessageCreated(message.pk, message.seq, message.direction, message.channel_id, message.automated),
        actor=actor,
        conversation_id=conversation.pk,
        customer_id=conversation.customer_id,
    )
    return message


def preview(message: Message) -> str:
    """The first words, for lists."""
    return " ".join((message.text or message.subject).split())[:PREVIEW]


def enqueue(
    conversation: Conversation,
    reason: str,
    *,
    actor: str,
    since: datetime | None = None,
    former_queue: int | None = None,
) -> None:
    """Marks the conversation as waiting (status is set already) and says so."""
    former_agent = conversation.assignee_id
    conversation.assignee = None
    conversation.snoozed_until = None
    conversation.waiting_since = since or conversation.waiting_since or clock.now()
    journal.append(
        ConversationQueued(conversation.queue_id, reason, former_queue, former_agent),
        actor=actor,
        conversation_id=conversation.pk,
        customer_id=conversation.customer_id,
    )


def end_assignment(conversation: Conversation, before: str, *, actor: str) -> None:
    """Closes the open assignment and frees the agent's place, if there is one. `before`: the status until now."""
    if before == Status.ASSIGNED and conversation.assignee_id:
        rows.change(Assignment, {"ended_at": clock.now()}, conversation_id=conversation.pk, ended_at=None)
        presence.free(conversation.assignee_id, actor=actor)
