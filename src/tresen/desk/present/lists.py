"""The conversation list: tabs with counts, filters, rows, cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.http import QueryDict
from django.template import defaultfilters
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.models import Conversation, Priority, Status
from tresen.desk import search
from tresen.desk.present import kinds
from tresen.desk.viewmodels import Choice, Filters, ListPane, Row
from tresen.kernel.errors import Invalid

PAGE = 30
ROWS_MAX = 200
TAGS_MAX = 200
SUBJECT_SHOWN = 60  # a subject made of the first words need not be repeated below
VIEWS = ("mine", "waiting", "all")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the address asks for. Unknown values are as good as none: an old link still opens a list."""

    view: str = "mine"
    status: str = ""
    queue: int | None = None
    channel: int | None = None
    tag: str = ""
    text: str = ""
    cursor: str = ""
    rows: int = PAGE

    @classmethod
    def read(cls, given: QueryDict | Mapping[str, str]) -> ListQuery:
        def whole(key: str) -> int | None:
            text = given.get(key) or ""
            return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None

        view, status = given.get("view") or "mine", given.get("status") or ""
        return cls(
            view=view if view in VIEWS else "mine",
            status=status if status in Status.values else "",
            queue=whole("queue"),
            channel=whole("channel"),
            tag=(given.get("tag") or "")[:60],
            text=(given.get("q") or "").strip()[:200],
            cursor=given.get("cursor") or "",
            rows=max(PAGE, min(whole("rows") or PAGE, ROWS_MAX)),
        )

    def filter(self, me: Principal) -> queries.Filter:
        """The same, as the conversations room understands it. A search looks at every status."""
        usual = {"mine": "assigned", "waiting": "waiting", "all": ""}[self.view]
        return queries.Filter(
            status=self.status or ("" if self.text else usual),
            queue=self.queue,
            channel=self.channel,
            tag=self.tag,
            assignee=me.user_id if self.view == "mine" else None,
            oldest_first=self.view == "waiting",
        )

    def string(self, **changes: object) -> str:
        """As a query string, starting with `?`; the cursor and empty values are left out."""
        values = {
            "view": self.view,
            "status": self.status,
            "queue": self.queue,
            "channel": self.channel,
            "tag": self.tag,
            "q": self.text,
            **changes,
        }
        query = QueryDict(mutable=True)
        query.update({k: str(v) for k, v in values.items() if v not in (None, "")})
        return f"?{query.urlencode()}"


def list_pane(me: Principal, query: ListQuery, selected: int | None = None) -> ListPane:
    """Reads one page of the list with everything around it."""
    try:
        page = search.page(me, query.filter(me), query.text, cursor=query.cursor, limit=query.rows)
    except Invalid:  # a cursor of another time
        page = queries.page(me, query.filter(me), limit=query.rows)
    prefetch_related_objects(page.items, "tags")
    counts = queries.counts(me)
    address = reverse("desk:inbox")
    icon, title, text = _empty(query)
    return ListPane(
        filters=_filters(me, query, counts),
        rows=tuple(row(item, me, address, query.string()) for item in page.items),
        more=query.string(cursor=page.cursor) if page.cursor else "",
        selected=selected,
        query_string=query.string(),
        waiting=counts.waiting,
        empty_icon=icon,
        empty_title=title,
        empty_text=text,
    )


def row(item: Conversation, me: Principal, address: str, query: str) -> Row:
    """One line. Needs customer, channel, queue, assignee and tags loaded; `address` is where conversations live."""
    return Row(
        id=item.pk,
        number=item.number,
        customer=str(item.customer),
        subject=item.subject or item.preview or _("(no subject)"),
        snippet="" if item.preview.startswith(item.subject[:SUBJECT_SHOWN]) else item.preview,
        status=item.status,
        state=state(item, me),
        channel=item.channel.name,
        icon=kinds.channel_icon(item.channel.kind),
        unanswered=item.last_direction == "in" and item.status != Status.RESOLVED,
        urgent=item.priority >= Priority.HIGH,
        tags=tuple(tag.name for tag in item.tags.all()[:3]),
        url=f"{address}c/{item.pk}/{query}",
        at=item.last_message_at,
    )


def state(item: Conversation, me: Principal) -> str:
    """Where it stands, in a few words."""
    if item.status == Status.WAITING:
        return _("waits in %(queue)s") % {"queue": item.queue.name}
    if item.status == Status.ASSIGNED and item.assignee:
        return _("with me") if item.assignee_id == me.user_id else item.assignee.name
    if item.status == Status.SNOOZED and item.snoozed_until:
        until = timezone.localtime(item.snoozed_until)
        return _("snoozed until %(time)s") % {"time": defaultfilters.date(until, "SHORT_DATETIME_FORMAT")}
    return str(Status(item.status).label)


def _filters(me: Principal, query: ListQuery, counts: queries.Counts) -> Filters:
    labels = {"mine": _("Mine"), "waiting": _("Waiting"), "all": _("All")}
    numbers = {"mine": counts.mine, "waiting": counts.waiting, "all": counts.open}
    tabs = tuple(
        Choice(
            view,
            labels[view],
            view == query.view,
            count=shown_count(numbers[view]),
            url=reverse("desk:inbox") + ListQuery(view=view, queue=query.queue, channel=query.channel).string(),
            note=_("open") if view == "all" else "",
        )
        for view in VIEWS
    )
    return Filters(
        view=query.view,
        tabs=tabs,
        statuses=tuple(Choice(s.value, str(s.label), s.value == query.status) for s in Status),
        queues=_choices(((q.pk, q.name) for q in queries.queues(me)), query.queue),
        channels=_choices(((c.pk, c.name) for c in queries.channels(me)), query.channel),
        tags=_choices(((t.name, t.name) for t in queries.tags()[:TAGS_MAX]), query.tag),
        query=query.text,
        active=sum(bool(v) for v in (query.status, query.queue, query.channel, query.tag)),
    )


def shown_count(count: int) -> str:
    """Counting stops at a thousand; nobody needs to know more."""
    return f"{count}" if count < queries.COUNT_MAX else f"{queries.COUNT_MAX - 1}+"


def _choices(options: Iterable[tuple[object, str]], chosen: object) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), label, value == chosen) for value, label in options)


def _empty(query: ListQuery) -> tuple[str, str, str]:
    if query.text:
        return "search", _("Nothing found"), _("Searched: numbers, names, addresses and subjects.")
    if query.status or query.queue or query.channel or query.tag:
        return "filter", _("Nothing matches these filters"), _("Clear them to see more.")
    if query.view == "mine":
        return (
            "coffee",
            _("Nothing on your desk"),
            _("Take the next one from “Waiting”, or be online to be given one."),
        )
    if query.view == "waiting":
        return "circle-check", _("Nobody waits"), _("New conversations appear here by themselves.")
    return "inbox", _("No conversations yet"), _("Connect a channel, and the first message will open one.")
