"""How far an outgoing message has come."""

from __future__ import annotations

from tresen.conversations.engine import states
from tresen.conversations.events import MessageDelivery
from tresen.conversations.models import Direction, Message
from tresen.kernel import db, journal


def set_delivery(message_id: int, state: str, *, error: str = "", external_id: str | None = None) -> bool:
    """Moves a message's delivery forward; False when it already is as far (late and repeated reports)."""
    with db.atomic():
        message = db.locked(Message.objects.filter(pk=message_id)).first()
        if message is None or message.direction != Direction.OUT or not states.forward(message.delivery, state):
            return False
        message.delivery, message.delivery_error = state, error[:500]
        fields = ["delivery", "delivery_error"]
        if external_id and not message.external_id and not _taken(message.channel_id, external_id[:300]):
            message.external_id = external_id[:300]
            fields.append("external_id")
        message.save(update_fields=fields)
        row = message.conversation
        journal.append(
            MessageDelivery(message.pk, state),
            actor="system",
            conversation_id=row.pk,
            customer_id=row.customer_id,
        )
        return True


def _taken(channel_id: int, external_id: str) -> bool:
    """A provider that gives an id twice must not make us forget that the message went out."""
    return Message.objects.filter(channel=channel_id, external_id=external_id).exists()
