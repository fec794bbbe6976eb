"""Brings waiting conversations and free agents together, by events, never by polling."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from tresen.accounts import presence
from tresen.accounts.models import Team
from tresen.conversations.actions import assign_if_free
from tresen.conversations.models import Conversation, Status
from tresen.kernel import clock
from tresen.routing.engine import Agent, Waiting, decide

ACTOR = "routing"
ROUND = 50
SPARE = timedelta(minutes=5)  # for so long it does not go back to whoever gave it back


def distribute(queue_id: int | None = None) -> int:
    """One round over the head of one queue, or of all; returns how many were assigned.

    A claim that another worker won in the meantime is simply not made: its own event starts the next round.
    """
    agents = _agents()
    if not agents:
        return 0
    decisions = decide(_waiting(queue_id), agents)
    return sum(assign_if_free(d.conversation_id, d.agent_id, d.reason, actor=ACTOR) for d in decisions)


def _waiting(queue_id: int | None) -> list[Waiting]:
    rows = Conversation.objects.filter(status=Status.WAITING, queue__pull=False)
    if queue_id is not None:
        rows = rows.filter(queue=queue_id)
    found = rows.order_by("-priority", "waiting_since", "id").values_list(
        "id", "queue__team", "priority", "waiting_since", "avoid"
    )
    now = clock.now()
    return [
        Waiting(i, team, priority, since or now, avoid if since and now - since < SPARE else None)
        for i, team, priority, since, avoid in found[:ROUND]
    ]


def _agents() -> list[Agent]:
    free = presence.available().values_list("user_id", "capacity", "load", "idle_since")
    rows = list(free.order_by("idle_since")[:200])
    if not rows:
        return []
    teams: dict[int, set[int]] = defaultdict(set)
    members = Team.members.through.objects.filter(user_id__in=[row[0] for row in rows])
    for user_id, team_id in members.values_list("user_id", "team_id"):
        teams[user_id].add(team_id)
    return [Agent(u, frozenset(teams[u]), capacity - load, idle) for u, capacity, load, idle in rows]
