"""What the channels do on events of the conversations: deliver, acknowledge."""

from __future__ import annotations

from tresen.channels import delivering
from tresen.channels.models import ChannelConfig
from tresen.conversations import actions as conversations
from tresen.conversations.models import Direction, Message
from tresen.customers.models import Identity
from tresen.kernel import limits, rows
from tresen.kernel.journal import Entry

ACKNOWLEDGED_PER_ADDRESS = 3  # an hour: two machines that answer each other stop here
ACKNOWLEDGED_PER_DOMAIN = 60
ACKNOWLEDGED_PER_CHANNEL = 2000

DEFAULT_TEXT = {
    "de": "Guten Tag,\n\nvielen Dank für Ihre Nachricht. Sie ist unter der Nummer {number} bei uns angekommen; "
    "wir melden uns so bald wie möglich.",
    "en": "Hello,\n\nthank you for your message. We received it under the number {number} and will get back to you "
    "as soon as we can.",
}


def is_outgoing(entry: Entry) -> bool:
    """A message of ours."""
    return bool(entry.data["direction"] == Direction.OUT)


def deliver(entry: Entry) -> None:
    """message.created: an outgoing message goes on its way."""
    message = Message.objects.select_related("channel").filter(pk=entry.data["message_id"]).first()
    if message is not None:
        delivering.open_delivery(message)


def is_theirs(entry: Entry) -> bool:
    """A conversation that the customer began."""
    return bool(entry.data["by"] == "in")


def acknowledge(entry: Entry) -> None:
    """conversation.created: tells the customer that the message arrived, where the channel is set to do so.

    Never to machines and lists (RFC 3834), never with a word of the sender's own text, within caps per address,
    domain and channel.
    """
    wanted = rows.values(ChannelConfig, ("acknowledge",), channel_id=entry.data["channel_id"])
    if wanted != [(True,)] or entry.conversation_id is None:
        return
    config = ChannelConfig.objects.select_related("channel").get(pk=entry.data["channel_id"])
    first = Message.objects.select_related("conversation").filter(conversation=entry.conversation_id, seq=1).first()
    if first is None or first.automated or first.meta.get("quarantine") or not _within_caps(config, first):
        return
    language = first.conversation.language if first.conversation.language in DEFAULT_TEXT else "de"
    text = getattr(config, f"acknowledge_text_{language}") or DEFAULT_TEXT[language]
    conversations.acknowledge(
        entry.conversation_id, text.replace("{number}", first.conversation.number), channel=config.channel
    )


def _within_caps(config: ChannelConfig, message: Message) -> bool:
    values = Identity.objects.filter(customer=message.conversation.customer_id).values_list("kind", "value")
    values = values.order_by("-proved", "id")  # as `delivering.recipients` chooses
    address = next((value for kind, value in values if kind == "email"), f"customer-{message.customer_id}")
    domain = address.rpartition("@")[2]
    within = [
        limits.hit(f"ack:a:{address}", ACKNOWLEDGED_PER_ADDRESS),
        limits.hit(f"ack:d:{domain}", ACKNOWLEDGED_PER_DOMAIN),
        limits.hit(f"ack:c:{config.pk}", ACKNOWLEDGED_PER_CHANNEL),
    ]
    return all(within)
