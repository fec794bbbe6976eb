"""The verbs in any order by anybody: what always holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tresen.accounts.models import Presence, Role
from tresen.accounts.principal import for_user
from tresen.accounts.tests.people import load, present, team
from tresen.conversations import actions, queries
from tresen.conversations.engine import states
from tresen.conversations.models import Assignment, Conversation, Message, Status
from tresen.conversations.tests.world import channel, customer, draft, queue, receive
from tresen.kernel import clock, db
from tresen.kernel.errors import Conflict, Denied, NotFound
from tresen.kernel.models import Event

AGENTS = st.sampled_from(["ada", "ben", "lea"])
PLACES = st.integers(0, 30)
STATUS_BY_EVENT = {
    "conversation.queued": "waiting",
    "conversation.assigned": "assigned",
    "conversation.snoozed": "snoozed",
    "conversation.resolved": "resolved",
}
NEXT_DAY = timedelta(days=1)
NO_SHRINKING = (Phase.explicit, Phase.generate)  # takes minutes, and the steps tell enough


class Counter(RuleBasedStateMachine):
    """Two agents and a lead of one team, somebody of another team, and their customers."""

    def __init__(self) -> None:
        super().__init__()
        self.scope = db.atomic(savepoint=True)
        self.scope.__enter__()
        ours, theirs = team("Ours"), team("Theirs")
        people = {"ada": "agent", "ben": "agent", "lea": Role.LEAD}
        self.users = {name: present(name.title(), role, capacity=2, teams=(ours,)) for name, role in people.items()}
        self.by = {name: for_user(user) for name, user in self.users.items()}
        self.foreign = for_user(present("Cleo", teams=(theirs,)))
        self.queues = [queue("One", ours), queue("Two", ours)]
        self.foreign_queue = queue("Theirs", theirs)
        self.channel = channel(self.queues[0], reopen_days=14)
        self.customers = [customer(), customer()]
        self.ids: list[int] = []
        self.received: list[tuple[str, int]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.scope.__exit__(None, None, None)

    def pick(self, place: int) -> Conversation:
        return Conversation.objects.get(pk=self.ids[place % len(self.ids)])

    def refused(self, row: Conversation, who: str, verb: Callable[[], object]) -> bool:
        """Agents take nothing away from a colleague: tries it, and says whether it was such a case."""
        colleagues = row.status == Status.ASSIGNED and row.assignee_id != self.users[who].pk
        if not colleagues or who == "lea":
            return False
        with pytest.raises(Denied), db.atomic(savepoint=True):
            verb()
        return True

    def attempt(self, verb: str, row: Conversation, call: Callable[[], Any], *, then: str = "") -> bool:
        """The verb follows the table, or it is refused and leaves no trace."""
        expected = states.after(verb, row.status)
        before = Event.objects.count()
        try:
            with db.atomic(savepoint=True):
                call()
        except Conflict:
            assert expected is None
            assert Event.objects.count() == before
            return False
        assert expected is not None
        assert Conversation.objects.get(pk=row.pk).status == (then or expected)
        return True

    @rule(who=st.integers(0, 1))
    def a_customer_begins(self, who: int) -> None:
        self._receive(self.customers[who], None)

    @precondition(lambda self: self.ids)
    @rule(place=PLACES)
    def a_customer_goes_on(self, place: int) -> None:
        row = self.pick(place)
        late = row.resolved_at is not None and clock.now() - row.resolved_at > timedelta(days=14)
        message = self._receive(row.customer, row.pk)
        assert (message.conversation_id != row.pk) is late
        if not late:
            status = Conversation.objects.get(pk=row.pk).status
            assert status == states.after("receive", row.status)

    def _receive(self, who: Any, conversation_id: int | None) -> Message:
        external_id = f"m{len(self.received)}"
        message = receive(self.channel, who, conversation_id=conversation_id, external_id=external_id)
        self.received.append((external_id, message.pk))
        if message.conversation_id not in self.ids:
            self.ids.append(message.conversation_id)
        return message

    @precondition(lambda self: self.received)
    @rule(place=PLACES)
    def a_message_arrives_again(self, place: int) -> None:
        external_id, message_id = self.received[place % len(self.received)]
        before = Event.objects.count()
        assert receive(self.channel, self.customers[0], external_id=external_id).pk == message_id
        assert Event.objects.count() == before

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS, twice=st.booleans())
    def somebody_replies(self, place: int, who: str, twice: bool) -> None:
        row = self.pick(place)
        key = f"key{row.last_seq}-{who}"
        message = actions.reply(self.by[who], row.pk, draft(key=key))
        assert (message.seq, message.delivery) == (row.last_seq + 1, "queued")
        after = Conversation.objects.get(pk=row.pk)
        assert after.status == Status.ASSIGNED
        expected = row.assignee_id if row.status == Status.ASSIGNED else self.users[who].pk
        assert after.assignee_id == expected
        if twice:
            before = Event.objects.count()
            assert actions.reply(self.by[who], row.pk, draft("other", key=key)).pk == message.pk
            assert Event.objects.count() == before

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_notes(self, place: int, who: str) -> None:
        row = self.pick(place)
        message = actions.note(self.by[who], row.pk, draft("only for us"))
        after = Conversation.objects.get(pk=row.pk)
        assert (message.direction, message.delivery) == ("note", "")
        assert (after.status, after.assignee_id, after.preview) == (row.status, row.assignee_id, row.preview)

    @precondition(lambda self: self.ids)
    @rule(place=PLACES)
    def the_product_acknowledges(self, place: int) -> None:
        row = self.pick(place)
        actions.acknowledge(row.pk, "It arrived.", channel=self.channel)
        after = Conversation.objects.get(pk=row.pk)
        for name in ("status", "assignee_id", "preview", "last_direction", "last_message_at"):
            assert getattr(after, name) == getattr(row, name)
        assert Message.objects.filter(conversation=row, key=":acknowledgement").count() == 1

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS, whom=AGENTS)
    def somebody_assigns(self, place: int, who: str, whom: str) -> None:
        row, target = self.pick(place), self.users[whom].pk
        if self.refused(row, who, lambda: actions.assign(self.by[who], row.pk, target)):
            return
        self.attempt("assign", row, lambda: actions.assign(self.by[who], row.pk, target))
        assert Conversation.objects.get(pk=row.pk).assignee_id == target

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_takes(self, place: int, who: str) -> None:
        row, user = self.pick(place), self.users[who]
        if row.status == Status.ASSIGNED and row.assignee_id != user.pk and who != "lea":
            with pytest.raises(Conflict), db.atomic(savepoint=True):
                actions.take(self.by[who], row.pk)
            return
        self.attempt("assign", row, lambda: actions.take(self.by[who], row.pk))
        assert Conversation.objects.get(pk=row.pk).assignee_id == user.pk

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, whom=AGENTS)
    def routing_gives(self, place: int, whom: str) -> None:
        row, user = self.pick(place), self.users[whom]
        room = load(user) < 2
        given = actions.assign_if_free(row.pk, user.pk, {"rule": "tests"}, actor="routing")
        assert given is (row.status == Status.WAITING and room)

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_releases(self, place: int, who: str) -> None:
        row = self.pick(place)
        if self.refused(row, who, lambda: actions.release(self.by[who], row.pk)):
            return
        if self.attempt("release", row, lambda: actions.release(self.by[who], row.pk)):
            assert Conversation.objects.get(pk=row.pk).avoid == row.assignee_id

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS, to=st.integers(0, 1))
    def somebody_moves(self, place: int, who: str, to: int) -> None:
        row = self.pick(place)
        if self.refused(row, who, lambda: actions.move(self.by[who], row.pk, self.queues[to].pk)):
            return
        if self.attempt("move", row, lambda: actions.move(self.by[who], row.pk, self.queues[to].pk)):
            assert Conversation.objects.get(pk=row.pk).queue_id == self.queues[to].pk
        before = Event.objects.count()
        with pytest.raises(NotFound), db.atomic(savepoint=True):
            actions.move(self.by[who], row.pk, self.foreign_queue.pk)
        assert Event.objects.count() == before

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_snoozes(self, place: int, who: str) -> None:
        row = self.pick(place)
        self.attempt("snooze", row, lambda: actions.snooze(self.by[who], row.pk, clock.now() + NEXT_DAY))

    @rule(days=st.sampled_from([1, 16]))
    def time_passes(self, days: int) -> None:
        clock.advance(timedelta(days=days))
        due = set(Conversation.objects.filter(status="snoozed", snoozed_until__lte=clock.now()).values_list("id"))
        assert actions.wake_due() == len(due)
        assert not Conversation.objects.filter(status="snoozed", snoozed_until__lte=clock.now()).exists()

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_resolves(self, place: int, who: str) -> None:
        row = self.pick(place)
        if row.status == Status.RESOLVED:
            before = Event.objects.count()
            actions.resolve(self.by[who], row.pk)
            assert Event.objects.count() == before
            return
        self.attempt("resolve", row, lambda: actions.resolve(self.by[who], row.pk))

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, who=AGENTS)
    def somebody_reopens(self, place: int, who: str) -> None:
        row = self.pick(place)
        self.attempt("reopen", row, lambda: actions.reopen(self.by[who], row.pk), then="assigned")

    @precondition(lambda self: self.ids)
    @rule(place=PLACES, verb=st.integers(0, 9))
    def a_stranger_finds_nothing(self, place: int, verb: int) -> None:
        pk, by = self.ids[place % len(self.ids)], self.foreign
        later = clock.now() + NEXT_DAY
        calls: list[Callable[[], Any]] = [
            lambda: queries.get(by, pk),
            lambda: actions.reply(by, pk, draft()),
            lambda: actions.note(by, pk, draft()),
            lambda: actions.assign(by, pk, by.user_id or 0),
            lambda: actions.take(by, pk),
            lambda: actions.release(by, pk),
            lambda: actions.move(by, pk, self.foreign_queue.pk),
            lambda: actions.snooze(by, pk, later),
            lambda: actions.resolve(by, pk),
            lambda: actions.reopen(by, pk),
        ]
        before = Event.objects.count()
        with pytest.raises(NotFound), db.atomic(savepoint=True):
            calls[verb]()
        assert Event.objects.count() == before
        assert queries.page(by, queries.Filter()).items == []
        assert queries.counts(by) == queries.Counts(0, 0, 0)

    @invariant()
    def numbers_have_no_gap_and_status_and_its_facts_agree(self) -> None:
        opened = dict(Assignment.objects.filter(ended_at=None).values_list("conversation", "agent"))
        seqs, told = defaultdict(list), defaultdict(list)
        for pk, seq in Message.objects.order_by("seq").values_list("conversation", "seq"):
            seqs[pk].append(seq)
        for pk, kind, data in Event.objects.order_by("id").values_list("conversation_id", "kind", "data"):
            told[pk].append((kind, data))
        places: dict[int | None, int] = defaultdict(int)
        for row in Conversation.objects.all():
            assert seqs[row.pk] == list(range(1, row.last_seq + 1))
            assert seqs[row.pk] == [data["seq"] for kind, data in told[row.pk] if kind == "message.created"]
            assert (row.status == "waiting") is (row.waiting_since is not None)
            assert (row.status == "snoozed") is (row.snoozed_until is not None)
            assert (row.status == "resolved") is (row.resolved_at is not None)
            assert row.status != "waiting" or row.assignee_id is None
            assert opened.get(row.pk) == (row.assignee_id if row.status == "assigned" else None)
            moves = [(kind, data) for kind, data in told[row.pk] if kind in STATUS_BY_EVENT]
            assert STATUS_BY_EVENT[moves[-1][0]] == row.status
            assert row.status != "assigned" or moves[-1][1]["agent_id"] == row.assignee_id
            places[row.assignee_id] += row.status == "assigned"
        for user_id, taken in Presence.objects.values_list("user", "load"):
            assert taken == places[user_id]


@pytest.mark.django_db
def test_whatever_happens_the_counter_stays_in_order(frozen_clock):
    run_state_machine_as_test(
        Counter,
        settings=hypothesis_settings(max_examples=6, stateful_step_count=30, deadline=None, phases=NO_SHRINKING),
    )
