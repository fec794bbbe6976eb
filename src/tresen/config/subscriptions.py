"""Who reacts to what, in one ordered list. A new reaction gets a line here."""

from __future__ import annotations

from tresen.channels import reactions as channels
from tresen.kernel.subscriptions import Subscription
from tresen.routing import reactions as routing

_BEGUN = frozenset({"conversation.created"})
_CREATED = frozenset({"message.created"})
_FREED = frozenset({"capacity.freed", "queue.changed"})

SUBSCRIPTIONS = (
    Subscription("channels.acknowledge", _BEGUN, channels.acknowledge, channels.is_theirs),
    Subscription("channels.deliver", _CREATED, channels.deliver, channels.is_outgoing),
    Subscription("routing.queued", frozenset({"conversation.queued"}), routing.on_queued, merge=routing.by_queue),
    Subscription("routing.freed", _FREED, routing.on_freed),
    Subscription("routing.staff", frozenset({"staff.changed"}), routing.on_staff),
    Subscription("routing.presence", frozenset({"presence.changed"}), routing.on_presence),
    Subscription("routing.message", _CREATED, routing.on_message, routing.is_live),
)
