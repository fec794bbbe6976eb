"""Brings waiting conversations and free agents together, by events, never by polling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tresen.accounts import presence
from tresen.accounts.models import Team
from tresen.conversations.actions import assign_if_free
from tresen.conversations.models import Conversation, Queue
from tresen.kernel import clock, rows
from tresen.routing.engine import Agent, Waiting, decide

ACTOR = "routing"
ROUND = 50
AGENTS = 200
_COLUMNS = ("id", "priority", "waiting_since", "avoid")
_ORDER = ("-priority", "waiting_since", "id")
SPARE = timedelta(minutes=5)  # for so long it does not go back to whoever gave it back


def distribute(queue_id: int | None = None) -> int:
    """One round over the head of one queue, or of all; returns how many were assigned.

    A claim that another worker won in the meantime is simply not made: its own event starts the next round.
    """
    free = presence.free_places(AGENTS)
    if not free:
        return 0
    teams = _teams([row[0] for row in free])
    agents = [Agent(u, teams[u], capacity - load, idle) for u, capacity, load, idle in free]
    served = frozenset().union(*teams.values())
    decisions = decide(_waiting(queue_id, served), agents)
    return sum(assign_if_free(d.conversation_id, d.agent_id, d.reason, actor=ACTOR) for d in decisions)


def _waiting(queue_id: int | None, teams: frozenset[int]) -> list[Waiting]:
    """The head of each queue that somebody present serves. Others wait, whoever is free."""
    only: dict[str, Any] = {} if queue_id is None else {"id": queue_id}
    now = clock.now()
    found: list[Waiting] = []
    for queue, team, pull in rows.values(Queue, ("id", "team_id", "pull"), **only):
        if pull or (team is not None and team not in teams):
            continue
        head = rows.values(Conversation, _COLUMNS, queue_id=queue, status="waiting", order=_ORDER, limit=ROUND)
        for row_id, priority, since, avoid in head:
            spared = avoid if since and now - since < SPARE else None
            found.append(Waiting(row_id, team, priority, since or now, spared))
    return found


def _teams(users: list[int]) -> dict[int, frozenset[int]]:
    members = rows.values(Team.members.through, ("user_id", "team_id"), user_id__in=users)
    teams: dict[int, set[int]] = {user: set() for user in users}
    for user, team in members:
        teams[user].add(team)
    return {user: frozenset(theirs) for user, theirs in teams.items()}
