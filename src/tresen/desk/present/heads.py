"""The conversation's header: what it is, who has it, what can be done with it now."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from tresen.accounts.models import Presence, User
from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.engine import states
from tresen.conversations.models import Conversation, Priority, Status
from tresen.desk.viewmodels import Choice, Head
from tresen.kernel import clock

AGENTS_MAX = 200
TAGS_MAX = 200
MORNING = time(8, 0)


def head(me: Principal, conversation: Conversation) -> Head:
    """Needs customer, queue and assignee loaded."""
    assignee = conversation.assignee
    return Head(
        id=conversation.pk,
        number=conversation.number,
        spoken=spoken(conversation.number),
        subject=conversation.subject or conversation.preview or _("(no subject)"),
        status=conversation.status,
        status_label=str(Status(conversation.status).label),
        queue=conversation.queue.name,
        assignee=(_("Me") if assignee.pk == me.user_id else assignee.name) if assignee else "",
        tags=tuple(conversation.tags.values_list("name", flat=True)),
        known_tags=tuple(tag.name for tag in queries.tags()[:TAGS_MAX]),
        snoozed_until=conversation.snoozed_until,
        verbs=verbs(me, conversation),
        agents=_agents(me, conversation),
        queues=tuple(Choice(str(q.pk), q.name, selected=q.pk == conversation.queue_id) for q in queries.queues(me)),
        snoozes=snoozes(timezone.localtime(clock.now())),
        priorities=tuple(
            Choice(str(p.value), str(p.label), selected=p.value == conversation.priority) for p in reversed(Priority)
        ),
    )


def spoken(number: str) -> str:
    """In groups, as one says it: "100 17"."""
    return " ".join(number[i : i + 3] for i in range(0, len(number), 3))


def verbs(me: Principal, conversation: Conversation) -> frozenset[str]:
    """What the state machine and the rights allow just now."""
    found = {
        verb
        for verb in ("assign", "release", "resolve", "reopen", "snooze")
        if states.after(verb, conversation.status) is not None
    }
    mine = conversation.assignee_id == me.user_id and conversation.status == Status.ASSIGNED
    foreign = conversation.status == Status.ASSIGNED and not mine and conversation.assignee_id is not None
    if not mine and (not foreign or me.is_lead):
        found.add("take")
    if foreign and not me.is_lead:
        found -= {"assign", "release"}
    return frozenset(found)


def _agents(me: Principal, conversation: Conversation) -> tuple[Choice, ...]:
    """Colleagues, present ones first; `icon` is the presence."""
    rows = Presence.objects.select_related("user").filter(user__is_active=True)[:AGENTS_MAX]
    now = clock.now()
    order = {"online": 0, "away": 1, "offline": 2}

    def choice(row: Presence) -> Choice:
        user: User = row.user
        label = _("Me") if user.pk == me.user_id else user.name
        return Choice(
            str(user.pk),
            label,
            selected=user.pk == conversation.assignee_id,
            icon=row.effective(now),
            note=f"{row.load}/{row.capacity}",
        )

    found = [choice(row) for row in rows]
    return tuple(sorted(found, key=lambda c: (c.value != str(me.user_id), order[c.icon], c.label.casefold())))


def snoozes(now: datetime) -> tuple[Choice, ...]:
    """Times that make sense from here: in a while, this evening's end, tomorrow morning, Monday. `now` is local."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), MORNING, tzinfo=now.tzinfo)
    monday = tomorrow + timedelta(days=(7 - tomorrow.weekday()) % 7)
    week = datetime.combine(now.date() + timedelta(days=7), MORNING, tzinfo=now.tzinfo)
    known = [
        (now + timedelta(hours=1), _("In an hour")),
        (now + timedelta(hours=3), _("In three hours")),
        (tomorrow, _("Tomorrow morning")),
        (monday, _("Next Monday")),
        (week, _("In a week")),
    ]
    chosen = dict(reversed(known))
    return tuple(
        Choice(when.isoformat(timespec="minutes"), chosen[when], note=format_date(when, "D H:i"))
        for when in sorted(chosen)
    )
