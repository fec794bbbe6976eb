"""Who has it: assign, take, release, move, snooze, resolve, reopen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tresen.accounts import presence
from tresen.accounts.models import User
from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.actions.common import SYSTEM, end_assignment, enqueue, transit
from tresen.conversations.events import (
    ConversationAssigned,
    ConversationChanged,
    ConversationResolved,
    ConversationSnoozed,
)
from tresen.conversations.models import Assignment, Conversation, Status
from tresen.kernel import clock, db, journal, rows
from tresen.kernel.errors import Conflict, Denied, Invalid, NotFound

_GIVEN = ("status", "assignee_id", "queue_id", "avoid", "waiting_since", "snoozed_until", "resolved_at")


def assign(by: Principal, conversation_id: int, agent_id: int, *, queue_id: int | None = None) -> Conversation:
    """Gives it to somebody by name, whatever their capacity. Agents may only take it or hand on their own."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        _may_hand_over(by, conversation)
        if not User.objects.filter(pk=agent_id, is_active=True).exists():
            raise NotFound("no such agent", field="agent")
        former = None
        if queue_id is not None and queue_id != conversation.queue_id:
            former, conversation.queue_id = conversation.queue_id, _queue(by, queue_id)
        if conversation.assignee_id == agent_id and conversation.status == Status.ASSIGNED:
            if former is not None:
                _change_queue(conversation, former, actor=by.actor)
            return conversation
        presence.occupy(agent_id)
        _give(conversation, agent_id, {"rule": "by hand"}, actor=by.actor, former_queue=former)
        return conversation


def _change_queue(conversation: Conversation, former: int, *, actor: str) -> None:
    conversation.save(update_fields=["queue"])
    journal.append(
        ConversationChanged(["queue"], former),
        actor=actor,
        conversation_id=conversation.pk,
        customer_id=conversation.customer_id,
    )


def _may_hand_over(by: Principal, conversation: Conversation) -> None:
    theirs = conversation.status == Status.ASSIGNED and conversation.assignee_id not in (None, by.user_id)
    if theirs and not by.is_lead:
        raise Denied("only a team lead may take this from a colleague")


def _queue(by: Principal, queue_id: int) -> int:
    if not queries.queues(by).filter(pk=queue_id).exists():
        raise NotFound("no such queue", field="queue")
    return queue_id


def take(by: Principal, conversation_id: int) -> Conversation:
    """I do it myself."""
    if by.user_id is None:
        raise Invalid("a token without a person cannot take a conversation", field="agent")
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        taken = conversation.status == Status.ASSIGNED and conversation.assignee_id not in (None, by.user_id)
        if taken and not by.is_lead:
            raise Conflict("a colleague has just taken it")
        return assign(by, conversation_id, by.user_id)


def assign_if_free(conversation_id: int, agent_id: int, reason: Mapping[str, Any], *, actor: str) -> bool:
    """Routing's verb: claims conversation and place of the agent in one transaction; False when either is gone."""
    with db.atomic():
        conversation = rows.one(Conversation, id=conversation_id, status=Status.WAITING, lock=True)
        if conversation is None or not presence.claim_capacity(agent_id):
            return False
        _give(conversation, agent_id, dict(reason), actor=actor)
        return True


def _give(
    conversation: Conversation, agent_id: int, reason: dict[str, Any], *, actor: str, former_queue: int | None = None
) -> None:
    former = conversation.assignee_id
    before = transit(conversation, "assign")
    end_assignment(conversation, before, actor=actor)
    conversation.assignee_id = agent_id
    conversation.avoid = None
    conversation.waiting_since = conversation.snoozed_until = conversation.resolved_at = None
    rows.update(conversation, *_GIVEN)
    rows.insert(Assignment(conversation_id=conversation.pk, agent_id=agent_id, by=actor, reason=reason))
    journal.append(
        ConversationAssigned(agent_id, former, reason, former_queue),
        actor=actor,
        conversation_id=conversation.pk,
        customer_id=conversation.customer_id,
    )


def release(by: Principal, conversation_id: int, *, reason: str = "released", keep_age: bool = False) -> Conversation:
    """Back to its queue. `keep_age`: it waits since the customer's last message, not since now."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        _may_hand_over(by, conversation)
        before = transit(conversation, "release")
        end_assignment(conversation, before, actor=by.actor)
        conversation.avoid = conversation.assignee_id
        since = conversation.last_message_at if keep_age else clock.now()
        enqueue(conversation, reason, actor=by.actor, since=since)
        conversation.save()
        return conversation


def move(by: Principal, conversation_id: int, queue_id: int) -> Conversation:
    """To another queue; whoever had it no longer has. It keeps its age."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        target = _queue(by, queue_id)
        _may_hand_over(by, conversation)
        before = transit(conversation, "move")
        end_assignment(conversation, before, actor=by.actor)
        former, conversation.queue_id = conversation.queue_id, target
        if conversation.status == Status.WAITING:
            since = conversation.waiting_since or conversation.last_message_at
            enqueue(conversation, "moved", actor=by.actor, since=since, former_queue=former)
        conversation.save()
        return conversation


def snooze(by: Principal, conversation_id: int, until: datetime) -> Conversation:
    """Out of the way until a time or the customer's next message. Frees the agent's place, keeps their name."""
    if until <= clock.now():
        raise Invalid("must lie in the future", field="until")
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        before = transit(conversation, "snooze")
        end_assignment(conversation, before, actor=by.actor)
        conversation.snoozed_until, conversation.waiting_since = until, None
        conversation.save()
        journal.append(
            ConversationSnoozed(until.isoformat()),
            actor=by.actor,
            conversation_id=conversation.pk,
            customer_id=conversation.customer_id,
        )
        return conversation


def wake_due(limit: int = 200) -> int:
    """Puts snoozed conversations whose time has come back into their queues; returns how many."""
    due = Conversation.objects.filter(status=Status.SNOOZED, snoozed_until__lte=clock.now())
    found = list(due.order_by("snoozed_until").values_list("id", "assignee")[:limit])
    for conversation_id, agent_id in found:
        with db.atomic():
            conversation = db.locked(due.filter(pk=conversation_id)).first()
            if conversation is None:
                continue
            transit(conversation, "wake")
            enqueue(conversation, "woken", actor=SYSTEM)
            conversation.save()
            if agent_id:  # back to whoever put it aside, if they are there and have room
                assign_if_free(conversation_id, agent_id, {"rule": "snoozed by"}, actor=SYSTEM)
    return len(found)


def resolve(by: Principal, conversation_id: int) -> Conversation:
    """Done. A conversation that is resolved already stays so."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        if conversation.status == Status.RESOLVED:
            return conversation
        before = transit(conversation, "resolve")
        end_assignment(conversation, before, actor=by.actor)
        conversation.resolved_at = clock.now()
        conversation.waiting_since = conversation.snoozed_until = None
        conversation.save()
        journal.append(
            ConversationResolved(before),
            actor=by.actor,
            conversation_id=conversation.pk,
            customer_id=conversation.customer_id,
        )
        return conversation


def reopen(by: Principal, conversation_id: int) -> Conversation:
    """Not done after all: back to its queue, or to the person who asks."""
    with db.atomic():
        conversation = queries.get(by, conversation_id, lock=True)
        transit(conversation, "reopen")
        conversation.resolved_at = None
        enqueue(conversation, "reopened", actor=by.actor, since=clock.now())
        conversation.save()
        return take(by, conversation_id) if by.user_id else conversation
