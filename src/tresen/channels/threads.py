"""Which conversation a message belongs to, and why. Own ids first, then references, then a number, else a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tresen.channels.contract import Assurance, ChannelView, InboundEvent
from tresen.channels.models import KnownReference, ThreadLink
from tresen.conversations.models import Conversation, Message
from tresen.customers.models import Customer, Identity
from tresen.kernel import ids, rows


@dataclass(frozen=True, slots=True)
class Match:
    """`rule` is the kind of hint that decided; `stranger`: the sender was no participant so far."""

    conversation_id: int | None
    rule: str = "new"
    value: str = ""
    stranger: bool = False


def find(channel: ChannelView, event: InboundEvent, customer: Customer) -> Match:
    """Tries the hints in order. References and numbers count only when the sender takes part in the conversation."""
    if event.meta.get("quarantine"):
        return Match(None, "quarantine")
    for hint in event.hints:
        if hint.kind == "key":
            found = _linked(channel, key=hint.value[:300])
            if found is not None:
                return Match(found, "key", hint.value)
        elif hint.kind == "token":
            found = _linked(channel, token=hint.value[:60])
            if found is not None:
                return Match(found, "token", "", stranger=not takes_part(found, event, customer))
        else:
            found = _by_reference(channel, hint.value) if hint.kind == "reference" else _by_number(hint.value)
            guessable = hint.kind == "number"
            if found is not None and takes_part(found, event, customer, guessable=guessable):
                return Match(found, hint.kind, hint.value)
    return Match(None)


def _linked(channel: ChannelView, **by: Any) -> int | None:
    found = rows.values(ThreadLink, ("conversation_id",), limit=1, channel_id=channel.id, **by)
    return found[0][0] if found else None


def _by_reference(channel: ChannelView, external_id: str) -> int | None:
    known = KnownReference.objects.filter(channel=channel.id, external_id=external_id[:300])
    return known.values_list("message__conversation", flat=True).first()


def _by_number(number: str) -> int | None:
    row_id = ids.from_spoken(number)
    exists = row_id is not None and Conversation.objects.filter(pk=row_id).exists()
    return row_id if exists else None


def takes_part(conversation_id: int, event: InboundEvent, customer: Customer, *, guessable: bool = False) -> bool:
    """Is the sender the conversation's customer, one of their identities, or somebody an agent wrote to in it?

    `guessable`: anybody can name this conversation. Then a mere claim to an address that somebody has proved is no
    proof of taking part: a forged sender must not speak in the conversation of whom it pretends to be.
    """
    if event.sender is None:
        return False
    conversation = Conversation.objects.filter(pk=conversation_id).values_list("customer", flat=True).first()
    if conversation == customer.pk:
        return True
    value = event.sender.value.strip().lower()
    claimed = guessable and event.sender.assurance is Assurance.CLAIMED
    if claimed and Identity.objects.filter(kind=event.sender.kind, value=value, proved=True).exists():
        return False
    if Identity.objects.filter(customer=conversation, kind=event.sender.kind, value=value).exists():
        return True
    sent = Message.objects.filter(conversation=conversation_id, direction="out").values_list("address", flat=True)
    return any(value in _addresses(address) for address in sent.order_by("-seq")[:50])


def _addresses(address: dict[str, Any]) -> set[str]:
    return {str(one).strip().lower() for key in ("to", "cc") for one in address.get(key, [])}


def remember(channel: ChannelView, event: InboundEvent, message: Message) -> ThreadLink:
    """Ties the thread to the message's conversation, keeps how to answer and the message's id for later references."""
    key = next((hint.value for hint in event.hints if hint.kind == "key"), "")
    link = open_thread(channel.id, message.conversation_id, key=key, context=dict(event.reply_context))
    note_reference(channel.id, event.external_id, message.pk)
    return link


def open_thread(
    channel_id: int, conversation_id: int, *, key: str = "", context: dict[str, Any] | None = None
) -> ThreadLink:
    """The thread of a conversation on a channel, made when it is missing. Its token is what replies carry back."""
    own_key = key or f"conversation:{conversation_id}"
    link = ThreadLink(
        channel_id=channel_id,
        key=own_key[:300],
        conversation_id=conversation_id,
        context=context or {},
        token=ids.token(160),
    )
    if rows.insert(link, unless=("channel_id", "key")):
        return link
    known = rows.one(ThreadLink, channel_id=channel_id, key=own_key[:300], lock=True)
    if known is None:
        raise LookupError("the thread vanished meanwhile")
    if known.conversation_id != conversation_id or (context and known.context != context):
        known.conversation_id = conversation_id
        known.context = context or known.context
        rows.update(known, "conversation_id", "context")
    return known


def note_reference(channel_id: int, external_id: str, message_id: int) -> None:
    """Remembers the id of a message we sent or received."""
    if external_id:
        reference = KnownReference(channel_id=channel_id, external_id=external_id[:300], message_id=message_id)
        rows.insert(reference, unless=("channel_id", "external_id"))
