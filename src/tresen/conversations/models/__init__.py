"""Channel (as an entry), queue, conversation, message, assignment."""

from tresen.conversations.models.channel import Channel, Queue
from tresen.conversations.models.conversation import Assignment, Conversation, Priority, Status, Tag
from tresen.conversations.models.message import Attachment, DeliveryState, Direction, Message

__all__ = [
    "Assignment",
    "Attachment",
    "Channel",
    "Conversation",
    "DeliveryState",
    "Direction",
    "Message",
    "Priority",
    "Queue",
    "Status",
    "Tag",
]
