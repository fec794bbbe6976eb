"""What a visitor may read: the messages of this channel in their own conversations, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet

from tresen.accounts.models import Presence, PresenceStatus
from tresen.channels.adapters.webchat.tokens import Visitor
from tresen.channels.models import ThreadLink
from tresen.conversations import queries as conversations
from tresen.conversations.models import Assignment, Attachment, Channel, Conversation, Direction, Message
from tresen.customers.models import Identity
from tresen.kernel import clock
from tresen.kernel.errors import NotFound
from tresen.widget.wait import OBSERVED, Wait, estimate

PAGE = 200
CONVERSATIONS_MAX = 50


def current(channel_id: int, visitor: Visitor) -> Conversation | None:
    """The conversation that the visitor's next message goes to: that of the first id which has one."""
    links = ThreadLink.objects.filter(channel=channel_id, key__in=visitor.ids)
    found = {link.key: link.conversation for link in links.select_related("conversation__assignee")}
    return next((found[one] for one in visitor.ids if one in found), None)


def _own(visitor: Visitor) -> Q:
    """Messages that bear one of the visitor's ids. Not indexed: only for the messages of few conversations."""
    own = Q()
    for one in visitor.ids:
        own |= Q(external_id__startswith=f"{one}:")
    return Q(direction=Direction.IN) & own


def _conversation_ids(channel_id: int, visitor: Visitor) -> set[int]:
    """Those of the visitor's threads, and earlier ones of the same customer in which this visitor wrote."""
    links = ThreadLink.objects.filter(channel=channel_id, key__in=visitor.ids)
    people = Identity.objects.filter(kind="visitor", value__in=visitor.ids).values("customer")
    earlier = Conversation.objects.filter(customer__in=people).order_by("-last_message_at")
    written = Message.objects.filter(
        _own(visitor),
        channel=channel_id,
        conversation__in=list(earlier.values_list("id", flat=True)[:CONVERSATIONS_MAX]),
    )
    return {*links.values_list("conversation", flat=True), *written.values_list("conversation", flat=True).distinct()}


def visible(channel_id: int, visitor: Visitor) -> QuerySet[Message]:
    """Messages the visitor wrote, and answers on this channel in conversations that are theirs. Never notes."""
    rows = Message.objects.filter(conversation__in=_conversation_ids(channel_id, visitor), channel=channel_id)
    return rows.filter(Q(direction=Direction.OUT) | _own(visitor))


def messages(channel_id: int, visitor: Visitor, *, after: int = 0) -> list[Message]:
    """The newest of all conversations, or with `after` those of the current one behind that sequence number."""
    rows = visible(channel_id, visitor).select_related("conversation").prefetch_related("attachments")
    if after:
        row = current(channel_id, visitor)
        return list(rows.filter(conversation=row, seq__gt=after).order_by("seq")[:PAGE]) if row else []
    return list(reversed(rows.order_by("-id")[:PAGE]))


def attachment(channel_id: int, visitor: Visitor, attachment_id: str) -> Attachment:
    """A file of a visible message; NotFound for all others."""
    found = Attachment.objects.filter(pk=attachment_id, message__in=visible(channel_id, visitor)).first()
    if found is None:
        raise NotFound("no such file")
    return found


def waiting(conversation: Conversation | None) -> Wait | None:
    """Place and honest range for a conversation that waits in its queue, else None."""
    position = conversations.position(conversation) if conversation else None
    if conversation is None or position is None:
        return None
    since = clock.now() - timedelta(seconds=OBSERVED)
    picked = Assignment.objects.filter(started_at__gt=since, conversation__queue=conversation.queue_id)
    return estimate(position, picked.values("conversation").distinct()[:500].count())


def somebody_there(channel_id: int) -> bool:
    """Is anybody online who serves the channel's queue?"""
    queue = Channel.objects.select_related("queue").get(pk=channel_id).queue
    online = Presence.objects.filter(status=PresenceStatus.ONLINE, leased_until__gt=clock.now(), user__is_active=True)
    return (online.filter(user__teams=queue.team_id) if queue.team_id else online).exists()
