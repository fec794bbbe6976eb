"""The decision who gets what: plain values in, decisions with their reasons out. No Django, no clock of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation in a queue. `team` None: everybody serves it. `avoid`: who has just given it back."""

    id: int
    team: int | None
    priority: int
    since: datetime
    avoid: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody online with `room` free places, idle since their last assignment."""

    id: int
    teams: frozenset[int]
    room: int
    idle_since: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets which conversation, and what was weighed."""

    conversation_id: int
    agent_id: int
    reason: dict[str, Any] = field(default_factory=dict)


def decide(waiting: Sequence[Waiting], agents: Sequence[Agent]) -> list[Decision]:
    """Most urgent and then oldest first; to whoever has been idle longest. Equal input gives equal decisions."""
    room = {agent.id: agent.room for agent in agents}
    line = sorted(agents, key=lambda a: (a.idle_since, a.id))
    decisions: list[Decision] = []
    for one in sorted(waiting, key=lambda w: (-w.priority, w.since, w.id)):
        able = [a for a in line if room[a.id] > 0 and a.id != one.avoid and (one.team is None or one.team in a.teams)]
        if not able:
            continue
        chosen = able[0]
        room[chosen.id] -= 1
        line.remove(chosen)
        line.append(chosen)  # has just become the least idle
        reason = {
            "rule": "longest idle",
            "candidates": len(able),
            "idle_since": chosen.idle_since.isoformat(),
        }
        decisions.append(Decision(one.id, chosen.id, reason))
    return decisions
