"""When routing acts: somebody waits, somebody comes, somebody has room again, somebody leaves."""

from __future__ import annotations

from django.db.models import QuerySet

from tresen.accounts.models import PresenceStatus, User
from tresen.accounts.principal import system
from tresen.channels import registry
from tresen.channels.directory import DIRECTORY
from tresen.conversations import actions as conversations
from tresen.conversations.models import Conversation, Status
from tresen.kernel.errors import TresenError
from tresen.kernel.journal import Entry
from tresen.routing.distributing import ACTOR, distribute


def on_queued(entry: Entry) -> None:
    """conversation.queued: the head of that queue may go to somebody at once."""
    distribute(entry.data["queue_id"])


def by_queue(entry: Entry) -> int:
    """One round serves all that were queued in the same queue meanwhile."""
    queue_id: int = entry.data["queue_id"]
    return queue_id


def on_freed(entry: Entry) -> None:
    """capacity.freed, queue.changed: no place stays empty while somebody waits."""
    distribute()


def on_staff(entry: Entry) -> None:
    """staff.changed: who is no longer with us keeps nothing; who is new in a team may serve its queues."""
    user_id = entry.data["user_id"]
    if user_id is not None and not User.objects.filter(pk=user_id, is_active=True).exists():
        _release(Conversation.objects.filter(assignee=user_id, status=Status.ASSIGNED))
    distribute()


def on_presence(entry: Entry) -> None:
    """presence.changed: who comes gets work; live chats of who leaves go back with their age."""
    if entry.data["status"] == PresenceStatus.ONLINE:
        distribute()
    else:
        give_back(entry.data["user_id"])


def give_back(user_id: int) -> int:
    """Returns the live conversations in which the customer waits for an answer; returns how many."""
    live = [kind for kind, adapter in registry.all_adapters().items() if adapter.capabilities.realtime]
    rows = Conversation.objects.filter(
        assignee=user_id, status=Status.ASSIGNED, channel__kind__in=live, last_direction="in"
    )
    return _release(rows)


def _release(rows: QuerySet[Conversation]) -> int:
    done = 0
    for conversation_id in list(rows.values_list("id", flat=True)):
        try:
            conversations.release(system(ACTOR), conversation_id, reason="agent left", keep_age=True)
            done += 1
        except TresenError:  # it changed hands in the meantime
            continue
    return done


def is_live(entry: Entry) -> bool:
    """A customer's message on a channel where they wait at the other end."""
    view = DIRECTORY.by_id(entry.data["channel_id"]) if entry.data["direction"] == "in" else None
    adapter = registry.adapter(view.kind) if view else None
    return adapter is not None and adapter.capabilities.realtime


def on_message(entry: Entry) -> None:
    """message.created: a live customer who writes to somebody absent does not wait for them."""
    row = Conversation.objects.filter(pk=entry.conversation_id or 0, status=Status.ASSIGNED).first()
    presence = getattr(row.assignee, "presence", None) if row else None
    if row and presence and presence.effective() == PresenceStatus.OFFLINE:
        conversations.release(system(ACTOR), row.pk, reason="agent left", keep_age=True)
