"""The decision itself: urgent and old first, to whoever has been idle longest, never beyond a place."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tresen.routing.engine import Agent, Decision, Waiting, decide

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FEW = settings(max_examples=40)
MINUTES = st.integers(0, 9)
TEAMS = st.sampled_from([None, 1, 2, 3])


def waiting(number: int, minutes: int = 0, **more: object) -> Waiting:
    return Waiting(number, **{"team": None, "priority": 1, "since": NOON - timedelta(minutes=minutes), **more})


def agent(number: int, idle: int = 0, room: int = 1, *teams: int) -> Agent:
    return Agent(number, frozenset(teams), room, NOON - timedelta(minutes=idle))


def pairs(found: list[Decision]) -> list[tuple[int, int]]:
    return [(d.conversation_id, d.agent_id) for d in found]


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Waiting], list[Agent]]:
    agents = [
        agent(100 + n, draw(MINUTES), draw(st.integers(0, 3)), *draw(st.sets(st.integers(1, 3))))
        for n in range(draw(st.integers(0, 5)))
    ]
    ids = [a.id for a in agents]
    rows = [
        waiting(
            n,
            draw(MINUTES),
            team=draw(TEAMS),
            priority=draw(st.integers(0, 3)),
            avoid=draw(st.sampled_from([None, *ids])),
        )
        for n in range(draw(st.integers(0, 10)))
    ]
    return rows, agents


def test_urgent_first_then_old_first():
    rows = [waiting(1, 5), waiting(2, 9), waiting(3, 1, priority=3)]
    assert pairs(decide(rows, [agent(10, room=3)])) == [(3, 10), (2, 10), (1, 10)]
    assert pairs(decide(rows, [agent(10)])) == [(3, 10)]


def test_equal_age_goes_by_number():
    assert pairs(decide([waiting(2), waiting(1)], [agent(10)])) == [(1, 10)]


def test_the_longest_idle_gets_the_next_and_then_stands_at_the_end():
    rows = [waiting(n, 9 - n) for n in range(4)]
    assert pairs(decide(rows, [agent(10, 1, 5), agent(11, 7, 5), agent(12, 3, 5)])) == [
        (0, 11),
        (1, 12),
        (2, 10),
        (3, 11),
    ]


def test_a_team_s_queue_is_served_by_the_team_only_and_an_open_one_by_all():
    rows = [waiting(1, 9, team=1), waiting(2, 8), waiting(3, 7, team=2)]
    assert pairs(decide(rows, [agent(10, 5, 5, 2)])) == [(2, 10), (3, 10)]


def test_whoever_gave_it_back_does_not_get_it_again_but_gets_the_next():
    rows = [waiting(1, 9, avoid=10), waiting(2, 8)]
    assert pairs(decide(rows, [agent(10, 5, 5)])) == [(2, 10)]
    assert pairs(decide(rows, [agent(10, 5, 5), agent(11)])) == [(1, 11), (2, 10)]


def test_what_nobody_can_take_holds_nobody_up():
    rows = [waiting(1, 9, team=3, priority=3), waiting(2, 1, team=1)]
    assert pairs(decide(rows, [agent(10, 1, 1, 1)])) == [(2, 10)]


def test_it_says_what_it_weighed():
    (one,) = decide([waiting(1)], [agent(10, 3), agent(11, 2), agent(12, 9, 0)])
    assert one.reason == {"rule": "longest idle", "candidates": 2, "idle_since": "2026-03-02T11:57:00+00:00"}


def test_nothing_waits_or_nobody_is_there():
    assert decide([], [agent(1)]) == []
    assert decide([waiting(1)], []) == []


@FEW
@given(situations())
def test_every_decision_is_allowed(situation: tuple[list[Waiting], list[Agent]]):
    rows, agents = situation
    found = decide(rows, agents)
    by_id, people = {w.id: w for w in rows}, {a.id: a for a in agents}
    assert len({d.conversation_id for d in found}) == len(found)
    for person, taken in Counter(d.agent_id for d in found).items():
        assert taken <= people[person].room
    for one in found:
        row, person = by_id[one.conversation_id], people[one.agent_id]
        assert row.avoid != person.id
        assert row.team is None or row.team in person.teams


@FEW
@given(situations())
def test_nobody_waits_while_somebody_who_may_has_a_place(situation: tuple[list[Waiting], list[Agent]]):
    rows, agents = situation
    found = decide(rows, agents)
    room = {a.id: a.room for a in agents}
    for one in found:
        room[one.agent_id] -= 1
    left = {w.id for w in rows} - {d.conversation_id for d in found}
    for row in (w for w in rows if w.id in left):
        able = [a for a in agents if a.id != row.avoid and (row.team is None or row.team in a.teams)]
        assert all(room[a.id] == 0 for a in able)


@FEW
@given(situations(), st.integers())
def test_equal_situations_are_decided_equally_in_whatever_order_they_come(situation, seed: int):
    rows, agents = situation
    shuffled_rows, shuffled_agents = list(rows), list(agents)
    random.Random(seed).shuffle(shuffled_rows)
    random.Random(seed).shuffle(shuffled_agents)
    assert decide(shuffled_rows, shuffled_agents) == decide(rows, agents)


@FEW
@given(situations())
def test_more_urgency_never_means_waiting_longer(situation):
    rows, agents = situation
    before = {d.conversation_id for d in decide(rows, agents)}
    for row in rows:
        urgent = [replace(w, priority=9) if w.id == row.id else w for w in rows]
        after = {d.conversation_id for d in decide(urgent, agents)}
        assert row.id not in before or row.id in after
