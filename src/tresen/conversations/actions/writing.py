"""Staff write: reply, note, a new outgoing conversation, a logged call or visit; and the automatic acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tresen.accounts import presence
from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.actions.common import SYSTEM, StoredFile, add_message, preview
from tresen.conversations.actions.moving import assign
from tresen.conversations.events import ConversationCreated
from tresen.conversations.models import (
    Assignment,
    Channel,
    Conversation,
    DeliveryState,
    Direction,
    Message,
    Status,
)
from tresen.customers.models import Customer
from tresen.kernel import clock, db, journal
from tresen.kernel.errors import Invalid, NotFound

TEXT_MAX = 100_000
CALL, VISIT = "call", "visit"
ACKNOWLEDGEMENT = ":acknowledgement"  # keys of the product's own begin with a colon


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person wrote. `address` = {"to": [...], "cc": [...], "bcc": [...]}; A repeated `key` posts nothing new.

    `channel_id` None = the channel of the customer's last message.
    """

    text: str
    html: str = ""
    subject: str = ""
    channel_id: int | None = None
    address: Mapping[str, list[str]] = field(default_factory=dict)
    files: tuple[StoredFile, ...] = ()
    key: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


def reply(by: Principal, conversation_id: int, draft: Draft) -> Message:
    """An answer to the customer. Whoever answers a waiting concern has it from then on."""
    _check(draft)
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        known = _posted_before(conversation, draft)
        if known is not None:
            return known
        channel = _channel(by, conversation, draft)
        if by.user_id is not None and conversation.status != Status.ASSIGNED:
            conversation = assign(by, conversation_id, by.user_id)
        message = _message(by, draft, channel, Direction.OUT)
        add_message(conversation, message, draft.files, actor=by.actor)
        conversation.save()
        return message


def note(by: Principal, conversation_id: int, draft: Draft) -> Message:
    """For colleagues only; never leaves the house."""
    _check(draft)
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        known = _posted_before(conversation, draft)
        if known is not None:
            return known
        message = _message(by, draft, conversation.channel, Direction.NOTE)
        add_message(conversation, message, draft.files, actor=by.actor)
        conversation.save()
        return message


def start(by: Principal, channel_id: int, customer_id: int, draft: Draft) -> Message:
    """A new conversation that we begin; it belongs to whoever wrote."""
    _check(draft)
    with db.atomic():
        if draft.key:
            db.locked(Customer.objects.filter(pk=customer_id)).first()  # a repeat at the same time waits here
            begun = Message.objects.filter(conversation__customer=customer_id, channel=channel_id, key=draft.key, seq=1)
            if (known := begun.filter(direction=Direction.OUT, user=by.user_id).first()) is not None:
                return known
        channel = _visible_channel(by, channel_id)
        conversation = _open(by, channel, channel.queue_id, customer_id, draft.subject or draft.text)
        message = _message(by, draft, channel, Direction.OUT)
        add_message(conversation, message, draft.files, actor=by.actor)
        conversation.save()
        return message


def log_contact(
    by: Principal,
    channel_id: int,
    customer_id: int,
    draft: Draft,
    *,
    medium: str,
    conversation_id: int | None = None,
) -> Message:
    """Notes what was said on the phone or in the shop, as the customer's message, in a new or an open concern."""
    _check(draft)
    if medium not in (CALL, VISIT):
        raise Invalid("must be call or visit", field="medium")
    with db.atomic():
        if conversation_id is None:
            channel = _logging_channel(channel_id)
            conversation = _open(by, channel, _own_queue(by, channel), customer_id, draft.subject or draft.text)
        else:
            conversation = queries.get(by, conversation_id, lock=True)
            channel = _logging_channel(channel_id)
        message = _message(by, draft, channel, Direction.IN)
        message.customer_id = conversation.customer_id
        message.author = str(conversation.customer)[:200]
        message.delivery = ""
        message.meta = {**message.meta, "medium": medium, "logged_by": by.name}
        add_message(conversation, message, draft.files, actor=by.actor)
        conversation.save()
        return message


def acknowledge(conversation_id: int, text: str, *, channel: Channel) -> Message:
    """The automatic acknowledgement: marked as automated, counts as no answer, changes no status."""
    with db.atomic():
        conversation = db.locked(Conversation.objects.filter(pk=conversation_id)).get()
        message = Message(
            direction=Direction.OUT,
            channel=channel,
            author=channel.name,
            text=text,
            automated=True,
            delivery=DeliveryState.QUEUED,
            key=ACKNOWLEDGEMENT,
            created_at=clock.now(),
        )
        known = Message.objects.filter(conversation=conversation, key=message.key).first()
        if known is not None:
            return known
        shown = (conversation.preview, conversation.last_direction, conversation.last_message_at)
        add_message(conversation, message, (), actor=SYSTEM)
        conversation.preview, conversation.last_direction, conversation.last_message_at = shown
        conversation.save(update_fields=["last_seq"])
        return message


def _check(draft: Draft) -> None:
    if not draft.text.strip() and not draft.files:
        raise Invalid("must not be empty", field="text")
    if len(draft.text) > TEXT_MAX or len(draft.html) > 4 * TEXT_MAX:
        raise Invalid(f"must not be longer than {TEXT_MAX} characters", field="text")
    if len(draft.key or "") > 80 or (draft.key or "").startswith(":"):
        raise Invalid("must have at most 80 characters and no colon in front", field="key")


def _posted_before(conversation: Conversation, draft: Draft) -> Message | None:
    if not draft.key:
        return None
    return Message.objects.filter(conversation=conversation, key=draft.key).first()


def _visible_channel(by: Principal, channel_id: int) -> Channel:
    channel = Channel.objects.filter(pk=channel_id, enabled=True, queue__in=queries.queues(by)).first()
    if channel is None:
        raise NotFound("no such channel", field="channel")
    return channel


def _channel(by: Principal, conversation: Conversation, draft: Draft) -> Channel:
    if draft.channel_id is not None and draft.channel_id != conversation.channel_id:
        used = Message.objects.filter(conversation=conversation, channel=draft.channel_id, channel__enabled=True)
        known = used.select_related("channel").first()
        return known.channel if known else _visible_channel(by, draft.channel_id)
    if draft.channel_id is not None:
        return conversation.channel
    last = Message.objects.filter(conversation=conversation, direction=Direction.IN).order_by("-seq").first()
    channel = last.channel if last else conversation.channel
    return channel.answers_by if channel.answers_by and _has_left(channel, last) else channel


def _has_left(channel: Channel, last: Message | None) -> bool:
    """The channel has no way back, or the customer asked for the answer elsewhere."""
    return not channel.replies or bool(last and last.meta.get("answer_by"))


def _message(by: Principal, draft: Draft, channel: Channel, direction: str) -> Message:
    return Message(
        direction=direction,
        channel=channel,
        user_id=by.user_id,
        author=by.name[:200],
        subject=" ".join(draft.subject.split())[:300],
        text=draft.text.replace("\x00", ""),  # PostgreSQL holds no NUL
        html=draft.html.replace("\x00", ""),
        key=draft.key or None,
        address={k: list(v) for k, v in draft.address.items() if v},
        meta=dict(draft.meta),
        delivery=DeliveryState.QUEUED if direction == Direction.OUT else "",
        created_at=clock.now(),
    )


def _logging_channel(channel_id: int) -> Channel:
    """Whoever answers the phone may write the call down, whichever queue the entry belongs to."""
    channel = Channel.objects.filter(pk=channel_id, enabled=True).first()
    if channel is None:
        raise NotFound("no such channel", field="channel")
    return channel


def _own_queue(by: Principal, channel: Channel) -> int:
    """The channel's queue, or the first one that the writer sees: a call written down must not vanish from sight."""
    seen = queries.queues(by)
    own = seen.filter(pk=channel.queue_id).first() or seen.order_by("id").first()
    if own is None:
        raise NotFound("no queue to log into", field="channel")
    return own.pk


def _open(by: Principal, channel: Channel, queue_id: int, customer_id: int, subject: str) -> Conversation:
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("no such customer", field="customer")
    now = clock.now()
    conversation = Conversation.objects.create(
        channel=channel,
        queue_id=queue_id,
        customer=customer,
        status=Status.ASSIGNED if by.user_id else Status.RESOLVED,
        resolved_at=None if by.user_id else now,
        assignee_id=by.user_id,
        subject=preview(Message(text=subject))[:300],
        language=customer.language,
        last_message_at=now,
        created_at=now,
    )
    if by.user_id:
        presence.occupy(by.user_id)
        Assignment.objects.create(
            conversation=conversation, agent_id=by.user_id, by=by.actor, reason={"rule": "began it"}
        )
    journal.append(
        ConversationCreated(channel.pk, conversation.queue_id, conversation.status, "out"),
        actor=by.actor,
        conversation_id=conversation.pk,
        customer_id=customer.pk,
    )
    return conversation
