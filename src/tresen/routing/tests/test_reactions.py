"""Routing in the house: who comes gets work, who leaves gives live chats back, nobody gets more than they can take."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts import presence
from tresen.accounts.actions import change_user, save_team
from tresen.accounts.models import Presence, Role, User
from tresen.accounts.tests.people import SETUP, load, present, staff, team
from tresen.channels.tests.shop import react
from tresen.conversations import actions
from tresen.conversations.models import Assignment, Conversation
from tresen.conversations.tests.world import begin, channel, customer, draft, events, queue, receive
from tresen.kernel import clock, journal
from tresen.kernel.models import Event
from tresen.kernel.tests.threads import together
from tresen.routing import jobs, reactions
from tresen.routing.distributing import ROUND, distribute

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def holder(row: Conversation) -> int | None:
    return Conversation.objects.get(pk=row.pk).assignee_id


def last(kind: str) -> journal.Entry:
    row_id = Event.objects.filter(kind=kind).latest("id").pk
    return journal.read_ids([row_id])[row_id]


def queued(row: Conversation) -> None:
    react("conversation.queued", reactions.on_queued, row.pk)


def leave(user: User, status: str = "offline") -> None:
    presence.set_presence(user.pk, status, actor="tests")
    reactions.on_presence(last("presence.changed"))


def later(**by: float) -> None:
    clock.advance(timedelta(**by))


def test_what_waits_goes_to_who_is_there_and_says_why():
    agent = present("Ada")
    row = begin(channel())
    queued(row)
    row.refresh_from_db()
    assert (row.status, row.assignee_id, load(agent)) == ("assigned", agent.pk, 1)
    assignment = Assignment.objects.get()
    assert (assignment.agent_id, assignment.by, assignment.reason["rule"]) == (agent.pk, "routing", "longest idle")
    assert events(row)[-1][0] == "conversation.assigned"


@pytest.mark.parametrize("where", ["away", "offline", "over"])
def test_who_is_not_there_gets_nothing(where: str):
    agent = present("Ada")
    if where == "over":
        later(days=2000)
    else:
        presence.set_presence(agent.pk, where, actor="tests")
    row = begin(channel())
    queued(row)
    assert distribute() == 0
    assert (holder(row), load(agent)) == (None, 0)


def test_nobody_gets_more_than_their_places_and_a_free_one_is_filled_at_once():
    agent, where = present("Ada", capacity=2), channel()
    rows = []
    for _ in range(4):
        rows.append(begin(where))
        queued(rows[-1])
        later(seconds=1)
    assert [holder(r) for r in rows] == [agent.pk, agent.pk, None, None]
    actions.resolve(SETUP, rows[0].pk)
    reactions.on_freed(last("capacity.freed"))
    assert [holder(r) for r in rows[1:]] == [agent.pk, agent.pk, None]
    assert load(agent) == 2
    actions.snooze(SETUP, rows[1].pk, clock.now() + timedelta(days=1))
    reactions.on_freed(last("capacity.freed"))
    assert (holder(rows[3]), load(agent)) == (agent.pk, 2)


def test_who_comes_gets_what_waits_oldest_first():
    where = channel()
    rows = []
    for _ in range(3):
        rows.append(begin(where))
        later(seconds=1)
    agent = present("Ada", capacity=2)
    reactions.on_presence(last("presence.changed"))
    assert [holder(r) for r in rows] == [agent.pk, agent.pk, None]


def test_work_is_shared_by_idle_time():
    one, two = present("Ada"), present("Ben")
    Presence.objects.filter(user=one).update(idle_since=clock.now() - timedelta(minutes=5))
    Presence.objects.filter(user=two).update(idle_since=clock.now() - timedelta(minutes=9))
    rows = [begin(channel()) for _ in range(4)]
    for row in rows:
        later(seconds=1)
        queued(row)
    assert [holder(r) for r in rows] == [two.pk, one.pk, two.pk, one.pk]


def test_a_team_s_work_stays_in_the_team_and_a_pull_queue_is_left_alone():
    ours, theirs = team("Ours"), team("Theirs")
    agent = present("Ada", teams=(ours,))
    rows = [begin(channel(q)) for q in (queue(team=theirs), queue(team=ours), queue(pull=True))]
    for row in rows:
        queued(row)
    assert distribute() == 0
    assert [holder(r) for r in rows] == [None, agent.pk, None]


def test_a_long_queue_of_an_absent_team_starves_nobody():
    absent, ours = team("Absent"), team("Ours")
    first = channel(queue(team=absent))
    who = customer()
    for _ in range(ROUND + 5):
        begin(first, who)
    row = begin(channel(queue(team=ours)))
    agent = present("Ada", teams=(ours,))
    reactions.on_presence(last("presence.changed"))
    assert holder(row) == agent.pk


def test_who_gave_it_back_does_not_get_it_again_at_once():
    agent = present("Ada")
    row = begin(channel())
    queued(row)
    actions.release(SETUP, row.pk)
    assert distribute() == 0
    other = present("Ben")
    assert distribute() == 1
    assert holder(row) == other.pk
    actions.release(SETUP, row.pk)
    presence.set_presence(agent.pk, "offline", actor="tests")
    assert distribute() == 0
    later(minutes=5)
    assert distribute() == 1
    assert holder(row) == other.pk


@pytest.mark.parametrize("status", ["away", "offline"])
def test_live_chats_of_who_leaves_go_back_with_their_age(status: str):
    agent, chat = present("Ada"), channel(kind="webchat")
    row = begin(chat)
    began = clock.now()
    queued(row)
    later(minutes=3)
    leave(agent, status)
    row.refresh_from_db()
    assert (row.status, row.assignee_id, row.waiting_since, load(agent)) == ("waiting", None, began, 0)
    assert events(row, "conversation.queued")[-1][1]["reason"] == "agent left"
    other = present("Ben")
    queued(row)
    assert holder(row) == other.pk


def test_what_is_not_live_or_answered_already_stays_with_who_leaves():
    agent = present("Ada")
    mail, chat = begin(channel(kind="email")), begin(channel(kind="webchat"))
    for row in (mail, chat):
        actions.assign(SETUP, row.pk, agent.pk)
    actions.reply(SETUP, chat.pk, draft())
    leave(agent)
    assert [holder(r) for r in (mail, chat)] == [agent.pk, agent.pk]
    assert load(agent) == 2


def test_a_live_customer_who_writes_to_somebody_absent_does_not_wait_for_them():
    agent, chat = present("Ada"), channel(kind="webchat")
    row = begin(chat)
    actions.assign(SETUP, row.pk, agent.pk)
    actions.reply(SETUP, row.pk, draft())
    leave(agent)
    receive(chat, row.customer, conversation_id=row.pk)
    reactions.on_message(last("message.created"))
    row.refresh_from_db()
    assert (row.status, row.waiting_since) == ("waiting", clock.now())
    assert load(agent) == 0


def test_who_is_away_keeps_what_is_written_to_them():
    agent, chat = present("Ada"), channel(kind="webchat")
    row = begin(chat)
    actions.assign(SETUP, row.pk, agent.pk)
    receive(chat, row.customer, conversation_id=row.pk)
    reactions.on_message(last("message.created"))
    assert holder(row) == agent.pk


def test_who_no_longer_works_here_keeps_nothing():
    staff("Boss", Role.ADMINISTRATOR)
    agent, mail, chat = present("Ada"), begin(channel(kind="email")), begin(channel(kind="webchat"))
    for row in (mail, chat):
        actions.assign(SETUP, row.pk, agent.pk)
        actions.reply(SETUP, row.pk, draft())
    change_user(SETUP, agent.pk, name="Ada B.")
    reactions.on_staff(last("staff.changed"))
    assert [holder(r) for r in (mail, chat)] == [agent.pk, agent.pk]
    change_user(SETUP, agent.pk, is_active=False)
    reactions.on_staff(last("staff.changed"))
    assert [holder(r) for r in (mail, chat)] == [None, None]
    assert load(agent) == 0
    other = present("Ben")
    assert distribute() == 2
    assert [holder(r) for r in (mail, chat)] == [other.pk, other.pk]


def test_who_joins_a_team_gets_what_waits_there():
    ours = team("Ours")
    agent, row = present("Ada"), begin(channel(queue(team=ours)))
    assert distribute() == 0
    save_team(SETUP, name="Ours", members=[agent.pk], team_id=ours.pk)
    reactions.on_staff(last("staff.changed"))
    assert holder(row) == agent.pk


def test_the_sweep_ends_leases_wakes_sleepers_and_gives_out_what_was_missed():
    gone = staff("Gone")
    presence.set_presence(gone.pk, "online", actor="tests")
    missed, sleeping = begin(channel()), begin(channel())
    actions.snooze(SETUP, sleeping.pk, clock.now() + timedelta(minutes=10))
    later(minutes=11)
    agent = present("Ada")
    jobs.sweep()
    assert Presence.objects.get(user=gone).effective() == "offline"
    assert [holder(r) for r in (missed, sleeping)] == [agent.pk, agent.pk]
    assert load(gone) == 0


def test_a_bot_s_conversation_is_never_given_out():
    present("Ada")
    row = begin(channel(), status="bot")
    assert distribute() == 0
    assert holder(row) is None


@pytest.mark.django_db(transaction=True)
def test_several_rounds_at_once_assign_each_once_and_never_beyond_a_place():
    agents = [present(f"A{n}", capacity=4) for n in range(3)]
    where, who = channel(), customer()
    for _ in range(20):
        begin(where, who)
    assert sum(together(distribute, distribute, distribute)) + distribute() == 12
    assert [load(agent) for agent in agents] == [4, 4, 4]
    assert Conversation.objects.filter(status="assigned").count() == 12
    assert Assignment.objects.filter(ended_at=None).count() == 12
