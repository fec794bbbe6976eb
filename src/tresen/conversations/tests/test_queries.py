"""Lists page without gap or double, and show nobody more than they may see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tresen.accounts.models import Role
from tresen.accounts.principal import Principal, for_user
from tresen.accounts.tests.people import SETUP, present, team
from tresen.conversations import actions, queries
from tresen.conversations.models import Attachment, Conversation, Message
from tresen.conversations.queries import Filter
from tresen.conversations.tests.world import begin, channel, customer, draft, queue, receive
from tresen.kernel import clock
from tresen.kernel.errors import Invalid, NotFound
from tresen.kernel.tests.refusals import refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def walk(by: Principal, given_: Filter, limit: int, between=lambda: None) -> list[int]:
    found, cursor = [], ""
    while True:
        page = queries.page(by, given_, cursor=cursor, limit=limit)
        found += [row.pk for row in page.items]
        if page.cursor is None:
            return found
        assert len(page.items) == limit
        cursor = page.cursor
        between()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 5), st.booleans(), st.booleans())
@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_paging_visits_everything_once_while_new_ones_arrive(ages, limit, oldest_first, arriving):
    Message.objects.all().delete()
    Conversation.objects.all().delete()
    where = channel()
    rows = [begin(where) for _ in ages]
    for row, age in zip(rows, ages, strict=True):  # many share one moment
        Conversation.objects.filter(pk=row.pk).update(last_message_at=clock.now() - timedelta(minutes=age))
    expected = sorted(zip(ages, [-r.pk for r in rows], strict=True))
    wanted = [-pk for _, pk in expected]

    def arrive() -> None:
        clock.advance(timedelta(seconds=1))
        begin(where)

    found = walk(
        SETUP, Filter(oldest_first=oldest_first), limit, arrive if arriving and not oldest_first else lambda: None
    )
    assert found == (list(reversed(wanted)) if oldest_first else wanted)


def test_a_cursor_travels_in_an_address_unchanged():
    where = channel()
    for _ in range(2):
        begin(where)
    cursor = queries.page(SETUP, Filter(), limit=1).cursor
    assert cursor is not None
    assert set(cursor) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~")


@pytest.mark.parametrize(
    "cursor", ["x", "~", "1~", "~1", "1~x", "2026-01-01~1", "-1~1", "9" * 40 + "~1", "1~" + "9" * 40]
)
def test_what_is_no_cursor_is_refused(cursor: str):
    begin(channel())
    with refused(Invalid, "cursor"):
        queries.page(SETUP, Filter(), cursor=cursor)


def test_lists_narrow_as_asked():
    one, two = channel(), channel()
    a, b, c = begin(one), begin(two), begin(one)
    agent = present("Ada")
    actions.assign(SETUP, b.pk, agent.pk)
    actions.resolve(SETUP, c.pk)
    actions.set_tags(SETUP, a.pk, ["Rückgabe"])

    def ids(**given_: object) -> set[int]:
        return {row.pk for row in queries.page(SETUP, Filter(**given_)).items}

    assert ids() == {a.pk, b.pk, c.pk}
    assert ids(status="open") == {a.pk, b.pk}
    assert ids(status="waiting,resolved") == {a.pk, c.pk}
    assert ids(assignee=agent.pk) == {b.pk}
    assert ids(queue=one.queue_id) == {a.pk, c.pk}
    assert ids(channel=two.pk) == {b.pk}
    assert ids(customer=c.customer_id) == {c.pk}
    assert ids(tag="Rückgabe") == {a.pk}
    for status in ("nope", "waiting,nope", ","):
        with refused(Invalid, "status"):
            ids(status=status)
    for limit in (0, -1, 201):
        with refused(Invalid, "limit"):
            queries.page(SETUP, Filter(), limit=limit)


def test_sight_follows_teams_assignment_and_role():
    ours, theirs = team("Ours"), team("Theirs")
    mine, foreign, everybody = (begin(channel(queue(team=t))) for t in (ours, theirs, None))
    ada = present("Ada", teams=(ours,))
    ben = present("Ben", teams=(theirs,))
    lead = for_user(present("Lea", Role.LEAD, teams=(ours,)))
    token = Principal(actor="token:1", role=Role.AGENT)
    boss = for_user(present("Bo", Role.ADMINISTRATOR))

    def seen(by: Principal) -> set[int]:
        return {row.pk for row in queries.page(by, Filter()).items}

    assert seen(for_user(ada)) == seen(lead) == {mine.pk, everybody.pk}
    assert seen(for_user(ben)) == {foreign.pk, everybody.pk}
    assert seen(token) == {everybody.pk}
    assert seen(boss) == {mine.pk, foreign.pk, everybody.pk}
    actions.assign(boss, foreign.pk, ada.pk)
    assert seen(for_user(ada)) == {mine.pk, foreign.pk, everybody.pk}
    actions.release(boss, foreign.pk)
    assert seen(for_user(ada)) == {mine.pk, everybody.pk}


def test_what_one_may_not_see_is_not_there_by_any_way():
    ours, theirs = team("Ours"), team("Theirs")
    file = actions.StoredFile("a", "text/plain", 1, "0" * 64, "attachments/aa/" + "a" * 32)
    message = receive(channel(queue(team=theirs)), customer(), files=(file,))
    actions.set_delivery(actions.reply(SETUP, message.conversation_id, draft()).pk, "failed")
    attachment = Attachment.objects.get()
    by = for_user(present("Ada", teams=(ours,)))
    for call in (
        lambda: queries.get(by, message.conversation_id),
        lambda: queries.message(by, message.pk),
        lambda: queries.attachment(by, attachment.pk),
        lambda: queries.by_number(by, message.conversation.number),
        lambda: actions.set_tags(by, message.conversation_id, ["x"]),
        lambda: actions.set_priority(by, message.conversation_id, 3),
        lambda: actions.change_subject(by, message.conversation_id, "x"),
        lambda: actions.change_customer(by, message.conversation_id, message.customer_id or 0),
        lambda: actions.mark_seen(by, message.conversation_id, 1),
    ):
        with refused(NotFound):
            call()
    assert queries.undelivered(by) == []
    assert queries.earlier(by, message.conversation.customer_id) == []
    assert queries.channels(by) == []
    assert [m.pk for m in queries.undelivered(SETUP)] != []
    row = Conversation.objects.get()
    assert (row.priority, row.subject, row.tags.count()) == (1, "Hallo", 0)


def test_counts_are_those_of_the_lists():
    where = channel()
    rows = [begin(where) for _ in range(4)]
    agent = present("Ada")
    actions.assign(SETUP, rows[0].pk, agent.pk)
    actions.snooze(SETUP, rows[1].pk, clock.now() + timedelta(days=1))
    actions.resolve(SETUP, rows[2].pk)
    assert queries.counts(for_user(agent)) == queries.Counts(mine=1, waiting=1, open=3)
    assert queries.counts(SETUP) == queries.Counts(mine=0, waiting=1, open=3)


def test_messages_come_in_order_from_any_point():
    row = begin(channel())
    for n in range(5):
        actions.note(SETUP, row.pk, draft(str(n)))
    assert [m.seq for m in queries.messages(row.pk)] == [1, 2, 3, 4, 5, 6]
    assert [m.seq for m in queries.messages(row.pk, after=2, limit=2)] == [3, 4]
    assert [m.seq for m in queries.messages(row.pk, before=5, last=True, limit=2)] == [3, 4]
