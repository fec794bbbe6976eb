"""Smaller facts about a conversation: priority, tags, subject, customer, what an agent has read."""

from __future__ import annotations

from collections.abc import Iterable

from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.events import ConversationChanged, MessageSeen
from tresen.conversations.models import Conversation, Message, Priority, Tag
from tresen.customers.models import Customer
from tresen.kernel import db, journal
from tresen.kernel.errors import Invalid, NotFound

TAGS_MAX = 30


def _changed(conversation: Conversation, by: Principal, *what: str) -> None:
    journal.append(
        ConversationChanged(list(what)),
        actor=by.actor,
        conversation_id=conversation.pk,
        customer_id=conversation.customer_id,
    )


def set_priority(by: Principal, conversation_id: int, priority: int) -> Conversation:
    """0 low, 1 normal, 2 high, 3 urgent."""
    if priority not in Priority.values:
        raise Invalid("must be low, normal, high or urgent", field="priority")
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        if conversation.priority != priority:
            conversation.priority = priority
            conversation.save(update_fields=["priority"])
            _changed(conversation, by, "priority")
        return conversation


def set_tags(by: Principal, conversation_id: int, names: Iterable[str]) -> Conversation:
    """Replaces the tags; unknown names become new tags."""
    wanted = {" ".join(name.split()) for name in names} - {""}
    if len(wanted) > TAGS_MAX or any(len(name) > 60 for name in wanted):
        raise Invalid(f"at most {TAGS_MAX} tags of 60 characters", field="tags")
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        before = set(conversation.tags.values_list("name", flat=True))
        if before != wanted:
            Tag.objects.bulk_create([Tag(name=name) for name in sorted(wanted - before)], ignore_conflicts=True)
            conversation.tags.set(Tag.objects.filter(name__in=wanted))
            _changed(conversation, by, "tags")
        return conversation


def change_subject(by: Principal, conversation_id: int, subject: str) -> Conversation:
    """One line, at most 300 characters."""
    cleaned = " ".join(subject.split())[:300]
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        if cleaned and cleaned != conversation.subject:
            conversation.subject = cleaned
            conversation.save(update_fields=["subject"])
            _changed(conversation, by, "subject")
        return conversation


def change_customer(by: Principal, conversation_id: int, customer_id: int) -> Conversation:
    """The concern belongs to somebody else: an agent has made sure who it is."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        if not Customer.objects.filter(pk=customer_id).exists():
            raise NotFound("no such customer", field="customer")
        former = conversation.customer_id
        conversation.customer_id = customer_id
        conversation.save(update_fields=["customer"])
        Message.objects.filter(conversation=conversation, customer=former).update(customer=customer_id)
        _changed(conversation, by, "customer")
        return conversation


def mark_seen(by: Principal, conversation_id: int, seq: int) -> None:
    """An agent has the conversation open and has read up to `seq`. Only its assignee's reading counts."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        upto = min(seq, conversation.last_seq)
        if by.user_id is None or by.user_id != conversation.assignee_id or upto <= conversation.seen_seq:
            return
        conversation.seen_seq = upto
        conversation.save(update_fields=["seen_seq"])
        journal.append(
            MessageSeen(upto),
            actor=by.actor,
            conversation_id=conversation.pk,
            customer_id=conversation.customer_id,
        )


def spot(message_id: int, **facts: object) -> None:
    """Adds facts that a higher room found out about a message to its `meta`."""
    with db.atomic():
        message = db.locked(Message.objects.filter(pk=message_id)).first()
        if message is None:
            raise NotFound("no such message")
        message.meta = {**message.meta, **facts}
        message.save(update_fields=["meta"])
