"""What staff write and do: replies, first words, notes of calls, and who has it afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts import presence
from tresen.accounts.models import Role
from tresen.accounts.principal import Principal, for_user
from tresen.accounts.tests.people import SETUP, load, present, team
from tresen.conversations import actions, queries
from tresen.conversations.models import Assignment, Conversation, Message
from tresen.conversations.tests.world import begin, channel, customer, draft, events, queue, receive
from tresen.kernel import clock
from tresen.kernel.errors import Conflict, Denied, Invalid, NotFound
from tresen.kernel.tests.refusals import refused
from tresen.kernel.tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
TOKEN = Principal(actor="token:1", role=Role.AGENT, name="Shop")


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_reply_is_refused(text: str):
    row = begin(channel())
    for verb in (actions.reply, actions.note):
        with refused(Invalid, "text"):
            verb(SETUP, row.pk, draft(text))
    assert Message.objects.count() == 1


def test_what_is_too_long_is_refused():
    row = begin(channel())
    with refused(Invalid, "text"):
        actions.reply(SETUP, row.pk, draft("x" * 100_001))
    with refused(Invalid, "key"):
        actions.reply(SETUP, row.pk, draft(key="k" * 81))
    assert Message.objects.count() == 1


def test_a_reply_posted_twice_is_one_message():
    row = begin(channel())
    first = actions.reply(SETUP, row.pk, draft("eins", key="k"))
    again = actions.reply(SETUP, row.pk, draft("zwei", key="k"))
    assert (again.pk, again.text, Message.objects.count()) == (first.pk, "eins", 2)
    assert actions.reply(SETUP, begin(channel()).pk, draft(key="k")).pk != first.pk


def test_who_answers_what_waits_has_it():
    row, agent = begin(channel()), present("Ada", capacity=0)
    message = actions.reply(for_user(agent), row.pk, draft())
    row.refresh_from_db()
    assert (row.status, row.assignee_id, load(agent)) == ("assigned", agent.pk, 1)
    assert (message.author, message.user_id, row.last_direction) == ("Ada", agent.pk, "out")


def test_a_token_without_a_person_answers_and_takes_nothing():
    row = begin(channel())
    message = actions.reply(TOKEN, row.pk, draft())
    row.refresh_from_db()
    assert (row.status, row.assignee_id, message.author) == ("waiting", None, "Shop")
    with refused(Invalid, "agent"):
        actions.take(TOKEN, row.pk)


def test_the_answer_goes_where_the_customer_wrote_last():
    one, two, other = channel(), channel(), channel()
    row = begin(one)
    receive(two, row.customer, conversation_id=row.pk)
    assert actions.reply(SETUP, row.pk, draft()).channel_id == two.pk
    assert actions.reply(SETUP, row.pk, draft(channel_id=one.pk)).channel_id == one.pk
    assert actions.reply(SETUP, row.pk, draft(channel_id=other.pk)).channel_id == other.pk
    with refused(NotFound, "channel"):
        actions.reply(SETUP, row.pk, draft(channel_id=99_999))


def test_a_foreign_channel_cannot_be_written_on():
    ours, theirs = team("Ours"), team("Theirs")
    row = begin(channel(queue(team=ours)))
    foreign = channel(queue(team=theirs))
    by = for_user(present("Ada", teams=(ours,)))
    with refused(NotFound, "channel"):
        actions.reply(by, row.pk, draft(channel_id=foreign.pk))
    with refused(NotFound, "channel"):
        actions.start(by, foreign.pk, row.customer_id, draft())
    assert Message.objects.count() == 1


def test_the_first_word_is_ours():
    where, who, agent = channel(), customer(), present("Ada")
    message = actions.start(for_user(agent), where.pk, who.pk, draft("Ihre Lieferung", subject="Lieferung"))
    row = message.conversation
    assert (row.status, row.assignee_id, row.subject, row.last_seq) == ("assigned", agent.pk, "Lieferung", 1)
    assert (message.direction, message.delivery, load(agent)) == ("out", "queued", 1)
    assert events(row)[0][1]["by"] == "out"
    assert Assignment.objects.get().agent_id == agent.pk
    with refused(NotFound, "customer"):
        actions.start(for_user(agent), where.pk, 99_999, draft())


@pytest.mark.django_db(transaction=True)
def test_a_first_word_posted_twice_is_one_conversation_even_at_the_same_time():
    where, who, agent = channel(), customer(), present("Ada")
    by = for_user(agent)
    found = together(*[lambda: actions.start(by, where.pk, who.pk, draft(key="k")).pk] * 3)
    assert len(set(found)) == 1
    assert (Conversation.objects.count(), Message.objects.count(), load(agent)) == (1, 1, 1)
    actions.start(by, where.pk, customer().pk, draft(key="k"))
    assert Conversation.objects.count() == 2


def test_a_call_is_noted_as_the_customer_s_words_and_sends_nothing():
    where, who, agent = channel(kind="logged"), customer(name="Clara"), present("Ada")
    by = for_user(agent)
    message = actions.log_contact(by, where.pk, who.pk, draft("rief an"), medium="call")
    assert (message.direction, message.delivery, message.author) == ("in", "", "Clara")
    assert message.meta == {"medium": "call", "logged_by": "Ada"}
    more = actions.log_contact(
        by, where.pk, who.pk, draft("kam vorbei"), medium="visit", conversation_id=message.conversation_id
    )
    assert (more.conversation_id, more.seq) == (message.conversation_id, 2)
    with refused(Invalid, "medium"):
        actions.log_contact(by, where.pk, who.pk, draft(), medium="fax")


def test_nobody_takes_from_a_colleague_but_a_lead():
    row, ada, ben = begin(channel()), present("Ada"), present("Ben")
    lea = present("Lea", Role.LEAD)
    actions.take(for_user(ada), row.pk)
    with refused(Conflict):
        actions.take(for_user(ben), row.pk)
    for target in (ben, lea):
        with refused(Denied):
            actions.assign(for_user(ben), row.pk, target.pk)
    assert Conversation.objects.get().assignee_id == ada.pk
    actions.assign(for_user(ada), row.pk, ben.pk)
    assert (load(ada), load(ben)) == (0, 1)
    actions.take(for_user(lea), row.pk)
    assert (load(ben), load(lea)) == (0, 1)
    assert Assignment.objects.filter(ended_at=None).get().agent_id == lea.pk


def test_assigning_to_nobody_known_changes_nothing():
    row, gone = begin(channel()), present("Gone")
    gone.is_active = False
    gone.save()
    for target in (gone.pk, 99_999):
        with refused(NotFound, "agent"):
            actions.assign(SETUP, row.pk, target)
    assert Conversation.objects.get().status == "waiting"
    assert load(gone) == 0


def test_whoever_loses_sight_by_a_new_queue_is_told():
    """Streams show `conversation.gone` to those of the former queue: the events have to name it."""
    one, two = queue("One"), queue("Two")
    row, agent = begin(channel(one)), present("Ada")
    actions.assign(SETUP, row.pk, agent.pk, queue_id=two.pk)
    kind, data = events(row)[-1]
    assert (kind, data["former_queue"], data["before"]) == ("conversation.assigned", one.pk, None)
    actions.assign(SETUP, row.pk, agent.pk, queue_id=one.pk)
    assert events(row)[-1] == ("conversation.changed", {"what": ["queue"], "former_queue": two.pk})
    before = len(events(row))
    actions.assign(SETUP, row.pk, agent.pk, queue_id=one.pk)
    assert len(events(row)) == before
    actions.move(SETUP, row.pk, two.pk)
    kind, data = events(row)[-1]
    assert (kind, data["former_queue"], data["former_agent"]) == ("conversation.queued", one.pk, agent.pk)
    assert Conversation.objects.get().queue_id == two.pk


def test_what_is_moved_keeps_its_age_and_what_is_released_starts_anew():
    row = begin(channel())
    began = clock.now()
    clock.advance(timedelta(hours=1))
    actions.move(SETUP, row.pk, queue().pk)
    assert Conversation.objects.get().waiting_since == began
    agent = present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    clock.advance(timedelta(hours=1))
    actions.release(SETUP, row.pk, keep_age=True)
    assert Conversation.objects.get().waiting_since == began
    actions.assign(SETUP, row.pk, agent.pk)
    actions.release(SETUP, row.pk)
    row.refresh_from_db()
    assert (row.waiting_since, row.avoid) == (clock.now(), agent.pk)


def test_snoozing_ends_at_its_time_with_whoever_put_it_aside():
    row, agent = begin(channel()), present("Ada", capacity=1)
    actions.assign(SETUP, row.pk, agent.pk)
    for until in (clock.now(), clock.now() - timedelta(seconds=1)):
        with refused(Invalid, "until"):
            actions.snooze(SETUP, row.pk, until)
    actions.snooze(SETUP, row.pk, clock.now() + timedelta(hours=1))
    assert load(agent) == 0
    clock.advance(timedelta(minutes=59))
    assert actions.wake_due() == 0
    clock.advance(timedelta(minutes=1))
    assert actions.wake_due() == 1
    row.refresh_from_db()
    assert (row.status, row.assignee_id, row.snoozed_until, load(agent)) == ("assigned", agent.pk, None, 1)


def test_a_sleeper_whose_agent_left_waits_for_anybody():
    row, agent = begin(channel()), present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    actions.snooze(SETUP, row.pk, clock.now() + timedelta(hours=1))
    presence.set_presence(agent.pk, "offline", actor="tests")
    clock.advance(timedelta(hours=1))
    assert actions.wake_due() == 1
    row.refresh_from_db()
    assert (row.status, row.assignee_id, load(agent)) == ("waiting", None, 0)


def test_the_place_in_the_line_counts_urgency_then_age():
    where = channel()
    rows = []
    for _ in range(3):
        rows.append(begin(where))
        clock.advance(timedelta(minutes=1))
    actions.set_priority(SETUP, rows[2].pk, 3)
    rows = [Conversation.objects.get(pk=row.pk) for row in rows]
    assert [queries.position(row) for row in rows] == [2, 3, 1]
    actions.resolve(SETUP, rows[2].pk)
    assert [queries.position(Conversation.objects.get(pk=row.pk)) for row in rows] == [1, 2, None]


def test_a_spoken_number_finds_what_one_may_see():
    ours, theirs = team("Ours"), team("Theirs")
    row = begin(channel(queue(team=theirs)))
    assert queries.by_number(SETUP, f"#{row.number}").pk == row.pk
    with refused(NotFound):
        queries.by_number(for_user(present("Ada", teams=(ours,))), row.number)
    for wrong in ("", "0", "abc", row.number + "1"):
        with refused(NotFound):
            queries.by_number(SETUP, wrong)
