"""Who reacts to what, in one ordered list. A new reaction gets a line here."""

from __future__ import annotations

from tresen.channels import reactions as channels
from tresen.kernel.subscriptions import Subscription
from tresen.routing import reactions as routing

SUBSCRIPTIONS = (
    Subscription("channels.acknowledge", frozenset({"conversation.created"}), channels.acknowledge),
    Subscription("channels.deliver", frozenset({"message.created"}), channels.deliver),
    Subscription("routing.queued", frozenset({"conversation.queued"}), routing.on_queued),
    Subscription(
        "routing.freed", frozenset({"capacity.freed", "queue.changed", "staff.changed"}), routing.on_freed
    ),
    Subscription("routing.presence", frozenset({"presence.changed"}), routing.on_presence),
    Subscription("routing.message", frozenset({"message.created"}), routing.on_message),
)
