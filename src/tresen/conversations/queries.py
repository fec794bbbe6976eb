"""Reads of conversations. Every one begins with `visible`: what you may not see is not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Prefetch, Q, QuerySet

from tresen.accounts.principal import Principal
from tresen.conversations.models import Attachment, Channel, Conversation, Message, Queue, Status, Tag
from tresen.kernel import db, ids
from tresen.kernel.errors import Invalid, NotFound

OPEN = (Status.BOT, Status.WAITING, Status.ASSIGNED, Status.SNOOZED)
COUNT_MAX = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def queues(principal: Principal) -> QuerySet[Queue]:
    """Queues of the principal's teams and those that belong to no team; all for administrators."""
    rows = Queue.objects.select_related("team")
    if principal.is_administrator:
        return rows
    return rows.filter(Q(team=None) | Q(team__in=principal.teams))


def queue_ids(principal: Principal) -> list[int] | None:
    """Ids of the visible queues; None means all."""
    return None if principal.is_administrator else list(queues(principal).values_list("id", flat=True))


def sight(principal: Principal) -> frozenset[int] | None:
    """The same as a set, to be kept for a moment. Depends on the role and the teams alone."""
    seen = queue_ids(principal)
    return None if seen is None else frozenset(seen)


def visible(principal: Principal) -> QuerySet[Conversation]:
    """Conversations in visible queues, and those assigned to the principal wherever they are."""
    rows = Conversation.objects.all()
    seen = queue_ids(principal)
    if seen is None:
        return rows
    return (
        rows.filter(Q(queue__in=seen) | Q(assignee=principal.user_id))
        if principal.user_id
        else rows.filter(queue__in=seen)
    )


def get(principal: Principal, conversation_id: int, *, lock: bool = False) -> Conversation:
    """One conversation. NotFound whether it is missing or foreign. `lock` inside `atomic` only."""
    rows = visible(principal).filter(pk=conversation_id)
    found = (db.locked(rows) if lock else rows.select_related("customer", "channel", "queue", "assignee")).first()
    if found is None:
        raise NotFound("no such conversation")
    return found


# What a list shows: a row of it costs half of what whole rows of five tables cost.
_LISTED = (
    *(f.name for f in Conversation._meta.concrete_fields if f.name not in ("language", "seen_seq", "avoid")),
    "customer__name",
    "channel__name",
    "channel__kind",
    "queue__name",
    "assignee__name",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list; `cursor` opens the next one, None at the end."""

    items: list[Conversation]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list may be narrowed by. `status` may name several, comma-separated; `open` is all but resolved."""

    status: str = ""
    queue: int | None = None
    assignee: int | None = None
    customer: int | None = None
    channel: int | None = None
    tag: str = ""
    oldest_first: bool = False

    def apply(self, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
        if self.status:
            wanted = set(OPEN) if self.status == "open" else set(self.status.split(","))
            if not wanted <= set(Status.values):
                raise Invalid("must be of bot, waiting, assigned, snoozed, resolved, open", field="status")
            rows = rows.filter(status__in=wanted)
        for name in ("queue", "assignee", "customer", "channel"):
            value = getattr(self, name)
            if value is not None:
                rows = rows.filter(**{name: value})
        return rows.filter(tags__name=self.tag) if self.tag else rows


def page(principal: Principal, given: Filter, *, cursor: str = "", limit: int = 50) -> Page:
    """Newest message first (or oldest first), `limit` at most 200, stepping by position so that depth costs nothing."""
    if not 1 <= limit <= 200:
        raise Invalid("must be between 1 and 200", field="limit")
    rows = given.apply(visible(principal))
    if cursor:
        at, row_id = _read_cursor(cursor)
        before = Q(last_message_at__gt=at) | Q(last_message_at=at, pk__gt=row_id)
        after = Q(last_message_at__lt=at) | Q(last_message_at=at, pk__lt=row_id)
        rows = rows.filter(before if given.oldest_first else after)
    order = ("last_message_at", "id") if given.oldest_first else ("-last_message_at", "-id")
    found = list(
        rows.select_related("customer", "channel", "queue", "assignee").only(*_LISTED).order_by(*order)[: limit + 1]
    )
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], f"{(last.last_message_at - _EPOCH) // _MICROSECOND}~{last.pk}" if last else None)


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    at, _, row_id = cursor.partition("~")
    if not (at + row_id).isascii() or not at.isdigit() or not row_id.isdigit() or len(at) > 18 or len(row_id) > 18:
        raise Invalid("is not a cursor of this list", field="cursor")
    return _EPOCH + timedelta(microseconds=int(at)), int(row_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations each list holds; counted up to 1,000, so that the cost does not grow with the total."""

    mine: int
    waiting: int
    open: int


def counts(principal: Principal) -> Counts:
    """Numbers for the desk's lists."""
    rows = visible(principal)
    mine = Conversation.objects.filter(assignee=principal.user_id, status=Status.ASSIGNED)
    return Counts(
        mine=_count(mine) if principal.user_id else 0,
        waiting=_count(rows.filter(status=Status.WAITING)),
        open=_count(rows.filter(status__in=OPEN)),
    )


def _count(rows: QuerySet[Conversation]) -> int:
    return rows.order_by()[:COUNT_MAX].count()


def messages(
    conversation_id: int, *, after: int = 0, before: int | None = None, limit: int = 200, last: bool = False
) -> list[Message]:
    """Messages by sequence with attachments, oldest first. `last`: the newest `limit` of the range."""
    rows = Message.objects.filter(conversation=conversation_id, seq__gt=after)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    rows = rows.select_related("channel", "user").prefetch_related(Prefetch("attachments"))
    if last:
        return list(reversed(rows.order_by("-seq")[:limit]))
    return list(rows.order_by("seq")[:limit])


def message(principal: Principal, message_id: int) -> Message:
    """One message of a visible conversation."""
    found = Message.objects.select_related("conversation", "channel", "user").filter(pk=message_id).first()
    if found is None or not visible(principal).filter(pk=found.conversation_id).exists():
        raise NotFound("no such message")
    return found


def attachment(principal: Principal, attachment_id: str) -> Attachment:
    """One attachment of a visible conversation."""
    found = Attachment.objects.select_related("message").filter(pk=attachment_id).first()
    if found is None or not visible(principal).filter(pk=found.message.conversation_id).exists():
        raise NotFound("no such attachment")
    return found


def by_number(principal: Principal, number: str) -> Conversation:
    """The conversation with this spoken number."""
    row_id = ids.from_spoken(number)
    if row_id is None:
        raise NotFound("no such conversation")
    return get(principal, row_id)


def earlier(
    principal: Principal, customer_id: int, *, besides: int | None = None, limit: int = 50
) -> list[Conversation]:
    """A customer's other conversations that the principal may see, newest first."""
    rows = visible(principal).filter(customer=customer_id).exclude(pk=besides or 0)
    return list(rows.select_related("channel", "queue", "assignee").order_by("-last_message_at")[:limit])


def undelivered(principal: Principal, limit: int = 200) -> list[Message]:
    """Messages to customers that failed or whose fate is unknown, newest first.

    The states stand in the SQL itself: with marks in `IN` SQLite does not see that the partial index holds just these.
    """
    rows = Message.objects.extra(where=["conversations_message.delivery IN ('failed', 'unknown')"])
    seen = queue_ids(principal)
    if seen is not None:
        mine = Q(conversation__assignee=principal.user_id) if principal.user_id else Q()
        rows = rows.filter(Q(conversation__queue__in=seen) | mine)
    return list(rows.select_related("conversation", "conversation__customer", "channel").order_by("-id")[:limit])


def channels(principal: Principal, *, kinds: Iterable[str] | None = None) -> list[Channel]:
    """Enabled channels whose queue the principal sees."""
    rows = Channel.objects.filter(enabled=True, queue__in=queues(principal)).select_related("queue")
    return list(rows.filter(kind__in=list(kinds)) if kinds is not None else rows)


def tags() -> list[Tag]:
    """All tags by name."""
    return list(Tag.objects.all())


def position(conversation: Conversation) -> int | None:
    """Place in its queue, 1 = next; None when it does not wait. Looks at most 1,000 places ahead."""
    if conversation.status != Status.WAITING or conversation.waiting_since is None:
        return None
    ahead = Conversation.objects.filter(queue=conversation.queue_id, status=Status.WAITING).filter(
        Q(priority__gt=conversation.priority)
        | Q(priority=conversation.priority, waiting_since__lt=conversation.waiting_since)
        | Q(priority=conversation.priority, waiting_since=conversation.waiting_since, pk__lt=conversation.pk)
    )
    return ahead.order_by()[:COUNT_MAX].count() + 1
