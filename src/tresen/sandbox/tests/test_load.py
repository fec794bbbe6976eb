"""The demo company moves in: all of it or nothing, once, and its history sends nothing."""

from __future__ import annotations

import stat
from collections import Counter
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO

import pytest
from django.db.models import Max, Min
from rich.console import Console

from tresen.accounts.demo import DEMO
from tresen.accounts.models import Presence, User
from tresen.accounts.principal import for_user
from tresen.channels import reactions
from tresen.channels.models import Delivery, ThreadLink
from tresen.conversations import queries
from tresen.conversations.models import Assignment, Conversation, Message
from tresen.customers.models import Customer, Identity, Record
from tresen.kernel import clock, settings
from tresen.kernel.models import Event, Job
from tresen.kernel.subscriptions import Dispatcher, Subscription
from tresen.sandbox.demo import build, load
from tresen.sandbox.demo.world import DemoStatus, TurnKind
from tresen.sandbox.loading import history, passwords, people
from tresen.sandbox.models import Mail, Mailbox

pytestmark = pytest.mark.django_db(transaction=True)
PLAN = {DemoStatus.WAITING: 12, DemoStatus.ASSIGNED: 5, DemoStatus.SNOOZED: 3, DemoStatus.RESOLVED: 15}
QUIET = Console(file=StringIO())


def dispatcher() -> Dispatcher:
    created = frozenset({"message.created"})
    return Dispatcher([Subscription("channels.deliver", created, reactions.deliver, reactions.is_outgoing)])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller company: the same code in less time."""
    module = import_module("tresen.sandbox.demo.build")  # the package's attribute of this name is the function
    monkeypatch.setattr(module, "PLAN", PLAN)
    monkeypatch.setattr(module, "CUSTOMERS", 80)


@pytest.fixture
def filled(small: None, frozen_clock: datetime) -> None:
    load.fill(QUIET, dispatcher().begin_here)


def history_is_as_written_and_lies_in_the_past() -> None:
    now = clock.now()
    world = build(load.SEED, now)
    assert Counter(Conversation.objects.values_list("status", flat=True)) == {str(k): v for k, v in PLAN.items()}
    turns = Counter(turn.kind for plot in world.conversations for turn in plot.turns)
    directions = Counter(Message.objects.values_list("direction", flat=True))
    assert sum(directions.values()) == sum(turns.values())
    assert directions["note"] == turns[TurnKind.NOTE] and directions["out"] == turns[TurnKind.OUT]
    assert Record.objects.count() == len(world.records)
    assert not Message.objects.filter(created_at__gt=now).exists()
    assert Message.objects.aggregate(first=Min("created_at"))["first"] < now - timedelta(days=14)
    for row in Conversation.objects.all():
        times = list(Message.objects.filter(conversation=row).order_by("seq").values_list("seq", "created_at"))
        assert [seq for seq, _ in times] == list(range(1, row.last_seq + 1))
        assert times == sorted(times, key=lambda pair: pair[1])
    at = list(Event.objects.order_by("id").filter(kind="message.created").values_list("at", flat=True))
    assert at == sorted(at), "the journal tells it in the order in which it happened"


def nothing_is_sent_and_nobody_reacts_to_history() -> None:
    one = dispatcher()
    while one.step():
        pass
    assert Delivery.objects.count() == 0 and not Job.objects.filter(name="channels.deliver").exists()
    states = set(Message.objects.filter(direction="out").values_list("delivery", flat=True))
    assert states <= {"sent", "delivered", "read"} and "sent" in states
    assert Presence.objects.exclude(status="offline").count() == 0
    for presence in Presence.objects.all():
        assert presence.load == Conversation.objects.filter(assignee=presence.user_id, status="assigned").count()
        assert presence.load < presence.capacity
    open_ones = Assignment.objects.filter(ended_at=None)
    assert set(open_ones.values_list("conversation", flat=True)) == set(
        Conversation.objects.filter(status="assigned").values_list("id", flat=True)
    )


def customers_are_known_and_waiting_forms_are_not() -> None:
    known = Customer.objects.filter(identities__proved=True).distinct()
    assert known.count() == 80
    for row in Customer.objects.exclude(pk__in=known):
        conversation = Conversation.objects.get(customer=row)
        assert (conversation.status, conversation.channel.kind) == ("waiting", "form")
        (claimed,) = Identity.objects.filter(customer=row)
        assert (claimed.kind, claimed.proved) == ("email", False)
    assert Record.objects.filter(customer=None).count() == 0


def the_people_of_the_page_have_their_mails() -> None:
    stories = dict(Mailbox.objects.exclude(story="").values_list("story", "pk"))
    assert set(stories) == set(people.choose(build(load.SEED, clock.now()))) >= {"contract", "machine", "business"}
    company = Mailbox.objects.exclude(digest="").get()
    assert company.mails.count() == 0, "what lies there would be fetched as new"
    assert not Mail.objects.filter(seen=False).exists()
    assert set(Mail.objects.values_list("mailbox", flat=True)) <= set(stories.values())


def an_agent_can_go_on_where_history_ends() -> None:
    from tresen.conversations.actions import Draft, reply

    row = Conversation.objects.filter(status="assigned", channel__kind="email").select_related("assignee").first()
    assert row is not None and row.assignee is not None
    by = for_user(row.assignee)
    assert queries.get(by, row.pk).pk == row.pk
    message = reply(by, row.pk, Draft("Und noch etwas."))
    one = dispatcher()
    while one.step():
        pass
    assert list(Delivery.objects.values_list("message", flat=True)) == [message.pk]
    assert ThreadLink.objects.filter(conversation=row.pk, channel=row.channel_id).exclude(context={}).count() == 1


def a_second_start_changes_nothing() -> None:
    before = (Event.objects.aggregate(last=Max("id")), passwords.path().read_bytes())

    def never() -> None:
        raise AssertionError

    load.fill(QUIET, never)
    assert (Event.objects.aggregate(last=Max("id")), passwords.path().read_bytes()) == before
    assert stat.S_IMODE(passwords.path().stat().st_mode) == 0o600


def the_introduction_names_an_agent_a_lead_and_an_administrator() -> None:
    out = StringIO()
    load.introduce(Console(file=out, width=120), "http://localhost:8000")
    text = out.getvalue()
    assert "http://localhost:8000/desk/" in text and "http://localhost:8000/sandbox/" in text
    assert [person.role for person, _ in load.introduced()] == ["agent", "lead", "administrator"]
    for person, password in load.introduced():
        assert person.email in text and password in text and person.check_password(password)


@pytest.mark.usefixtures("filled")
def test_the_company_after_its_first_start() -> None:
    """One fill for all that is only looked at: it takes a while."""
    history_is_as_written_and_lies_in_the_past()
    nothing_is_sent_and_nobody_reacts_to_history()
    customers_are_known_and_waiting_forms_are_not()
    the_people_of_the_page_have_their_mails()
    the_introduction_names_an_agent_a_lead_and_an_administrator()
    a_second_start_changes_nothing()
    an_agent_can_go_on_where_history_ends()


def test_all_or_nothing(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(history, "tell", broken)
        with pytest.raises(RuntimeError):
            load.fill(QUIET, dispatcher().begin_here)
    settings.forget()
    assert settings.get(DEMO) is False
    assert (User.objects.count(), Customer.objects.count(), Event.objects.count()) == (0, 0, 0)
    made = passwords.path().read_bytes()
    load.fill(QUIET, dispatcher().begin_here)
    assert settings.get(DEMO) is True and passwords.path().read_bytes() == made


@pytest.mark.parametrize("own", ["customer", "user"])
def test_an_installation_with_data_of_its_own_is_left_alone(own: str) -> None:
    if own == "customer":
        Customer.objects.create(name="Real Person")
    else:
        User.objects.create(email="ada@firma.test", name="Ada")
    with pytest.raises(SystemExit, match="holds data of its own"):
        load.fill(QUIET, dispatcher().begin_here)
    assert settings.get(DEMO) is False and Conversation.objects.count() == 0
    assert not passwords.path().exists()


@pytest.mark.parametrize("days", [0, 40, 200, 300])
def test_everybody_of_the_page_is_found_on_any_day(days: int) -> None:
    world = build(load.SEED, datetime(2026, 1, 15, 9, 0, tzinfo=clock.now().tzinfo) + timedelta(days=days))
    chosen = people.choose(world)
    assert set(chosen) == {"contract", "machine", "delivery", "business"} and len(set(chosen.values())) == 4
