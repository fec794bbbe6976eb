"""Facts about conversations and messages. References only: contents stay in their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tresen.kernel.journal import Payload


@dataclass(frozen=True, slots=True)
class ConversationCreated(Payload):
    kind: ClassVar[str] = "conversation.created"
    channel_id: int
    queue_id: int
    status: str
    by: str  # in | out: who began


@dataclass(frozen=True, slots=True)
class ConversationQueued(Payload):
    """It waits for a person. `reason`: received, released, moved, reopened, woken."""

    kind: ClassVar[str] = "conversation.queued"
    queue_id: int
    reason: str
    former_queue: int | None = None
    former_agent: int | None = None


@dataclass(frozen=True, slots=True)
class ConversationAssigned(Payload):
    kind: ClassVar[str] = "conversation.assigned"
    agent_id: int
    before: int | None
    reason: dict[str, Any]
    former_queue: int | None = None


@dataclass(frozen=True, slots=True)
class ConversationSnoozed(Payload):
    kind: ClassVar[str] = "conversation.snoozed"
    until: str


@dataclass(frozen=True, slots=True)
class ConversationResolved(Payload):
    kind: ClassVar[str] = "conversation.resolved"
    before: str


@dataclass(frozen=True, slots=True)
class ConversationChanged(Payload):
    """Something else about it changed: `what` names the fields (priority, tags, subject, customer, queue)."""

    kind: ClassVar[str] = "conversation.changed"
    what: list[str]
    former_queue: int | None = None


@dataclass(frozen=True, slots=True)
class MessageCreated(Payload):
    kind: ClassVar[str] = "message.created"
    message_id: int
    seq: int
    direction: str
    channel_id: int
    automated: bool


@dataclass(frozen=True, slots=True)
class MessageDelivery(Payload):
    """A delivery went forward (or failed)."""

    kind: ClassVar[str] = "message.delivery"
    message_id: int
    state: str


@dataclass(frozen=True, slots=True)
class MessageSeen(Payload):
    """An agent has read up to `seq`."""

    kind: ClassVar[str] = "message.seen"
    seq: int


@dataclass(frozen=True, slots=True)
class QueueChanged(Payload):
    """Queues or their teams changed: rights are read anew."""

    kind: ClassVar[str] = "queue.changed"
    queue_id: int
