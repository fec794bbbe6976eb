"""A customer's message: once, in its conversation, and never with more trust than it deserves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts.principal import for_user, system
from tresen.accounts.tests.people import SETUP, load, present, team
from tresen.conversations import actions
from tresen.conversations.models import Attachment, Conversation, Message, Tag
from tresen.conversations.tests.world import begin, channel, customer, draft, events, queue, receive
from tresen.kernel import clock
from tresen.kernel.models import Event
from tresen.kernel.tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def later(**by: float) -> None:
    clock.advance(timedelta(**by))


def test_a_first_message_begins_a_waiting_conversation():
    where = channel()
    who = customer(name="Clara Sommer")
    message = receive(where, who, "Die  Maschine\nleckt", subject="Maschine", language="en")
    row = message.conversation
    assert (row.status, row.subject, row.preview, row.language) == ("waiting", "Maschine", "Die Maschine leckt", "en")
    assert (row.queue_id, row.channel_id, row.customer_id) == (where.queue_id, where.pk, who.pk)
    assert (row.last_seq, row.last_direction, row.waiting_since) == (1, "in", clock.now())
    assert (message.seq, message.author, message.delivery, message.direction) == (1, "Clara Sommer", "", "in")
    assert events(row) == [
        (
            "conversation.created",
            {"channel_id": where.pk, "queue_id": where.queue_id, "status": "waiting", "by": "in"},
        ),
        (
            "message.created",
            {"message_id": message.pk, "seq": 1, "direction": "in", "channel_id": where.pk, "automated": False},
        ),
        (
            "conversation.queued",
            {"queue_id": where.queue_id, "reason": "received", "former_queue": None, "former_agent": None},
        ),
    ]


def test_a_bot_may_have_the_first_word():
    row = begin(channel(), status="bot")
    assert (row.status, row.waiting_since) == ("bot", None)
    assert [kind for kind, _ in events(row)] == ["conversation.created", "message.created"]


def test_the_same_message_again_is_the_same_message():
    where, who = channel(), customer()
    first, other = receive(where, who, external_id="m1"), customer()
    before = Event.objects.count()
    again, new = actions.receive(
        actions.Incoming(channel=where, customer=other, external_id="m1", text="other"), actor="tests"
    )
    assert (again.pk, new, again.text) == (first.pk, False, "Hallo")
    assert (Message.objects.count(), Conversation.objects.count(), Event.objects.count()) == (1, 1, before)


def test_the_same_id_on_another_channel_is_another_message():
    who = customer()
    assert receive(channel(), who, external_id="m1").pk != receive(channel(), who, external_id="m1").pk


def test_messages_without_an_id_are_all_kept():
    where, who = channel(), customer()
    for _ in range(2):
        actions.receive(actions.Incoming(channel=where, customer=who, external_id=None, text="x"), actor="tests")
    assert Message.objects.count() == 2


@pytest.mark.parametrize(("days", "reopened"), [(0, True), (14, True), (14.01, False)])
def test_a_closed_concern_comes_back_within_its_time_only(days: float, reopened: bool):
    where, who = channel(reopen_days=14), customer()
    row = begin(where, who)
    agent = present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    actions.resolve(SETUP, row.pk)
    later(days=days)
    message = receive(where, who, conversation_id=row.pk)
    row.refresh_from_db()
    assert (message.conversation_id == row.pk) is reopened
    assert row.status == ("waiting" if reopened else "resolved")
    assert message.seq == (2 if reopened else 1)
    if reopened:
        assert (row.assignee_id, row.resolved_at, row.waiting_since) == (None, None, clock.now())
        assert events(row)[-1][1]["reason"] == "reopened"
    assert message.conversation.status == "waiting"
    assert load(agent) == 0


def test_a_time_of_zero_days_means_the_same_moment_only():
    where, who = channel(reopen_days=0), customer()
    row = begin(where, who)
    actions.resolve(SETUP, row.pk)
    later(seconds=1)
    assert receive(where, who, conversation_id=row.pk).conversation_id != row.pk


def test_a_sleeping_concern_wakes_when_the_customer_writes():
    where, who = channel(), customer()
    row, agent = begin(where, who), present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    actions.snooze(SETUP, row.pk, clock.now() + timedelta(days=3))
    assert load(agent) == 0
    receive(where, who, conversation_id=row.pk)
    row.refresh_from_db()
    assert (row.status, row.snoozed_until, row.assignee_id) == ("waiting", None, None)
    assert events(row)[-1][1]["reason"] == "woken"
    later(days=4)
    assert actions.wake_due() == 0


def test_a_message_into_an_assigned_concern_leaves_it_with_its_agent():
    where, who = channel(), customer()
    row, agent = begin(where, who), present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    before = len(events(row))
    receive(where, who, conversation_id=row.pk)
    row.refresh_from_db()
    assert (row.status, row.assignee_id, load(agent)) == ("assigned", agent.pk, 1)
    assert [kind for kind, _ in events(row)[before:]] == ["message.created"]


def test_the_sender_s_clock_is_shown_but_never_sorted_by():
    wrong = clock.now() - timedelta(days=900)
    message = receive(channel(), customer(), occurred_at=wrong)
    assert message.created_at == clock.now() == message.conversation.last_message_at
    assert message.meta["sent_at"] == wrong.isoformat()
    near = receive(channel(), customer(), occurred_at=clock.now() - timedelta(minutes=4))
    assert "sent_at" not in near.meta


def test_what_is_too_long_is_cut_where_it_is_only_shown():
    message = receive(channel(), customer(), "wort " * 100, subject="s" * 400)
    assert (len(message.subject), len(message.conversation.subject), len(message.conversation.preview)) == (
        300,
        300,
        160,
    )
    assert message.text == "wort " * 100


def test_files_belong_to_their_message():
    file = actions.StoredFile("a.pdf", "application/pdf", 3, "0" * 64, "attachments/aa/" + "a" * 32)
    message = receive(channel(), customer(), files=(file, file))
    rows = list(Attachment.objects.filter(message=message))
    assert [(r.name, r.content_type, r.size, r.key) for r in rows] == [("a.pdf", "application/pdf", 3, file.key)] * 2
    assert len({r.pk for r in rows}) == 2
    assert all(len(r.pk) == 22 for r in rows)  # 128 bits
    assert message.files == 2


def test_an_acknowledgement_is_no_answer_and_comes_once():
    where = channel()
    row, agent = begin(where), present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    receive(where, row.customer, "Noch etwas", conversation_id=row.pk)
    row.refresh_from_db()
    later(hours=1)
    first = actions.acknowledge(row.pk, "Angekommen.", channel=where)
    assert actions.acknowledge(row.pk, "Noch einmal.", channel=where).pk == first.pk
    assert (first.automated, first.direction, first.delivery, first.seq) == (True, "out", "queued", 3)
    after = Conversation.objects.get(pk=row.pk)
    for name in ("status", "assignee_id", "preview", "last_direction", "last_message_at", "waiting_since"):
        assert getattr(after, name) == getattr(row, name), name
    assert after.last_seq == 3


def test_delivery_reports_change_only_what_we_sent():
    row = begin(channel())
    agent = present("Ada")
    actions.assign(SETUP, row.pk, agent.pk)
    theirs = Message.objects.get()
    ours = actions.reply(SETUP, row.pk, draft())
    remark = actions.note(SETUP, row.pk, draft())
    for message in (theirs, remark):
        for state in ("sent", "delivered", "read", "failed", "queued"):
            assert actions.set_delivery(message.pk, state) is False
    assert actions.set_delivery(999_999, "sent") is False
    assert actions.set_delivery(ours.pk, "delivered", external_id="x1") is True
    assert actions.set_delivery(ours.pk, "sent", error="late") is False
    assert actions.set_delivery(ours.pk, "delivered") is False
    assert actions.set_delivery(ours.pk, "failed", error="e" * 900, external_id="x2") is True
    states = dict(Message.objects.values_list("pk", "delivery"))
    assert states == {theirs.pk: "", ours.pk: "failed", remark.pk: ""}
    ours.refresh_from_db()
    assert (ours.external_id, len(ours.delivery_error)) == ("x1", 500)
    assert [data["state"] for _, data in events(row, "message.delivery")] == ["delivered", "failed"]


def test_moving_a_concern_to_another_customer_takes_their_messages_along():
    where, wrong, right = channel(), customer(), customer()
    row = begin(where, wrong)
    actions.change_customer(SETUP, row.pk, right.pk)
    assert Conversation.objects.get().customer_id == Message.objects.get().customer_id == right.pk
    assert events(row)[-1] == ("conversation.changed", {"what": ["customer"], "former_queue": None})


def test_tags_are_a_set_of_tidy_names():
    row = begin(channel())
    actions.set_tags(SETUP, row.pk, [" a  b ", "a b", "", "c"])
    assert sorted(t.name for t in row.tags.all()) == ["a b", "c"]
    before = Event.objects.count()
    actions.set_tags(SETUP, row.pk, ["c", "a b"])
    assert Event.objects.count() == before
    actions.set_tags(SETUP, row.pk, [])
    assert row.tags.count() == 0
    assert Tag.objects.count() == 2


def test_only_the_assignee_s_reading_counts_and_never_beyond_the_end():
    row = begin(channel(queue(team=None)))
    ada, ben = present("Ada"), present("Ben")
    actions.assign(SETUP, row.pk, ada.pk)
    actions.mark_seen(for_user(ben), row.pk, 1)
    actions.mark_seen(system(), row.pk, 1)
    assert events(row, "message.seen") == []
    actions.mark_seen(for_user(ada), row.pk, 99)
    actions.mark_seen(for_user(ada), row.pk, 1)
    assert events(row, "message.seen") == [("message.seen", {"seq": 1})]
    assert Conversation.objects.get().seen_seq == 1


@pytest.mark.django_db(transaction=True)
def test_messages_at_the_same_time_get_numbers_without_gap_or_double():
    where, who = channel(), customer()
    row, agent = begin(where, who), present("Ada", teams=(team("Ours"),))
    actions.assign(SETUP, row.pk, agent.pk)

    def customer_writes() -> None:
        for _ in range(6):
            receive(where, who, conversation_id=row.pk)

    def agent_writes() -> None:
        for _ in range(6):
            actions.reply(SETUP, row.pk, draft())

    together(customer_writes, agent_writes, customer_writes)
    seqs = list(Message.objects.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, 20))
    assert Conversation.objects.get().last_seq == 19
