"""The buttons of a conversation, the presence switch, and what needs attention."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tresen.accounts.models import Presence, User
from tresen.channels.models import Delivery, Receipt
from tresen.conversations import actions
from tresen.conversations.models import Conversation, Message, Status
from tresen.customers.models import Identity
from tresen.desk.tests.conftest import HTMX, World
from tresen.kernel import clock
from tresen.kernel.models import Job

SignIn = Callable[[User], Client]


def press(client: Client, verb: str, conversation_id: int, **form: object) -> HttpResponse:
    return client.post(reverse(f"desk:{verb}", args=[conversation_id]), form, **HTMX)


def toast(answer: HttpResponse) -> dict[str, str]:
    return json.loads(answer["HX-Trigger"])["desk:toast"]


def state(row: Conversation) -> tuple[str, int | None]:
    row.refresh_from_db()
    return row.status, row.assignee_id


def test_take_release_resolve_reopen_and_their_undo(world: World, agent: Client) -> None:
    row = world.receive().conversation
    answer = press(agent, "take", row.pk)
    assert answer.status_code == 204
    assert json.loads(answer["HX-Trigger"])["desk:changed"] == {"panes": ["list", "head", "thread"]}
    assert state(row) == (Status.ASSIGNED, world.agent.pk)
    assert agent.post(toast(answer)["undo"], **HTMX).status_code == 204
    assert state(row) == (Status.WAITING, None)
    answer = press(agent, "resolve", row.pk)
    assert state(row)[0] == Status.RESOLVED
    agent.post(toast(answer)["undo"], **HTMX)
    assert state(row)[0] != Status.RESOLVED


def test_assign_to_a_colleague_or_a_queue(world: World, agent: Client) -> None:
    row = world.receive().conversation
    assert press(agent, "assign", row.pk, agent=world.lead.pk).status_code == 204
    assert state(row) == (Status.ASSIGNED, world.lead.pk)
    assert press(agent, "assign", row.pk).status_code == 422
    assert press(agent, "assign", row.pk, agent="x").status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_colleague_was_faster(durable_world: World, signed_in: SignIn) -> None:
    world = durable_world
    row = world.receive().conversation
    actions.take(world.me(world.lead), row.pk)
    answer = press(signed_in(world.agent), "take", row.pk)
    assert answer.status_code == 409
    assert toast(answer) == {"text": "A colleague has just taken it.", "level": "danger"}
    assert state(row) == (Status.ASSIGNED, world.lead.pk)
    assert 'desk/c/1/take/"' not in signed_in(world.agent).get(reverse("desk:head", args=[row.pk])).content.decode()


def test_snooze_offers_times_to_come_and_refuses_others(world: World, agent: Client) -> None:
    row = world.receive().conversation
    page = agent.get(reverse("desk:head", args=[row.pk])).content.decode()
    assert page.count('name="until"') >= 4
    for wrong in ("", "x", "2026-01-01T10:00", "2020-01-01T10:00+01:00"):
        assert press(agent, "snooze", row.pk, until=wrong).status_code == 422
    until = (clock.now() + timedelta(hours=1)).isoformat()
    assert press(agent, "snooze", row.pk, until=until).status_code == 204
    assert state(row)[0] == Status.SNOOZED


def test_tags_and_priority(world: World, agent: Client) -> None:
    row = world.receive().conversation
    for name in ("Kalk", "  Barista   Pro "):
        press(agent, "tag", row.pk, tag=name)
    press(agent, "untag", row.pk, tag="Kalk")
    assert list(row.tags.values_list("name", flat=True)) == ["Barista Pro"]
    press(agent, "priority", row.pk, priority=3)
    assert press(agent, "priority", row.pk, priority=9).status_code == 422
    row.refresh_from_db()
    assert row.priority == 3


def test_subject_and_name_are_put_right(world: World, agent: Client) -> None:
    row = world.receive(customer=world.customer("Unknwon", "u@lind.example")).conversation
    press(agent, "subject", row.pk, subject="  Grinder \n noise ")
    press(agent, "rename", row.pk, name="Ulla Lind")
    row = Conversation.objects.select_related("customer").get(pk=row.pk)
    assert (row.subject, row.customer.name) == ("Grinder noise", "Ulla Lind")
    assert press(agent, "rename", row.pk, name="x" * 201).status_code == 422


def test_the_longest_waiting_is_taken_next(world: World, agent: Client) -> None:
    first, second = (world.receive(t).conversation for t in ("one", "two"))
    answer = agent.post(reverse("desk:take-next"))
    assert answer["Location"] == reverse("desk:conversation", args=[first.pk])
    assert state(first) == (Status.ASSIGNED, world.agent.pk)
    assert state(second) == (Status.WAITING, None)
    agent.post(reverse("desk:take-next"))
    assert agent.post(reverse("desk:take-next"))["Location"] == reverse("desk:inbox")


def test_a_claimed_sender_opens_nothing_until_an_agent_confirms(world: World, agent: Client) -> None:
    owner = world.customer("Hanna Lind")
    before = world.receive("secret history", customer=owner).conversation
    claimed = world.customer("Somebody", assurance="claimed")
    row = world.receive("give me my data", customer=claimed).conversation
    pane = reverse("desk:customer", args=[row.pk])
    page = agent.get(pane).content.decode()
    assert "Who writes is not proved." in page
    assert "It could be Hanna Lind." in page
    assert before.number not in page
    identity = Identity.objects.get(customer=claimed)
    assert press(agent, "confirm-identity", row.pk, identity=identity.pk).status_code == 204
    row.refresh_from_db()
    assert row.customer_id == owner.pk
    assert before.number in agent.get(pane).content.decode()


def test_only_an_identity_of_this_conversation_is_confirmed(world: World, agent: Client) -> None:
    row = world.receive().conversation
    stranger = world.customer("B", "b@lind.example", assurance="claimed")
    foreign = Identity.objects.get(customer=stranger)
    assert press(agent, "confirm-identity", row.pk, identity=foreign.pk).status_code == 404
    foreign.refresh_from_db()
    assert not foreign.proved


def test_presence_is_set_and_kept_alive(world: World, agent: Client) -> None:
    answer = agent.post(reverse("desk:presence"), {"status": "online"}, **HTMX)
    assert b"presence-online" in answer.content
    row = Presence.objects.get(user=world.agent)
    assert row.effective() == "online"
    Presence.objects.filter(pk=row.pk).update(leased_until=clock.now() + timedelta(seconds=5))
    assert agent.post(reverse("desk:presence-beat"), **HTMX).status_code == 204
    row.refresh_from_db()
    assert row.leased_until and row.leased_until > clock.now() + timedelta(seconds=50)
    assert agent.post(reverse("desk:presence"), {"status": "asleep"}, **HTMX).status_code == 422


def test_failures_are_seen_and_retried(world: World, agent: Client, administrator: Client) -> None:
    row = world.receive().conversation
    lost = actions.reply(world.me(), row.pk, actions.Draft(text="Hi"))
    Delivery.objects.create(message=lost, channel=world.shop, conversation=row, state="failed")
    actions.set_delivery(lost.pk, "failed", error="550 nobody")
    job = Job.objects.create(name="channels.deliver", parked_at=clock.now(), error="boom")
    receipt = Receipt.objects.create(channel=world.shop, state="parked", error="unreadable")
    page = agent.get(reverse("desk:parked")).content.decode()
    assert "550 nobody" in page
    assert "boom" not in page and "unreadable" not in page
    everything = administrator.get(reverse("desk:parked")).content.decode()
    assert "boom" in everything and "unreadable" in everything
    assert b'<span class="count">3</span>' in administrator.get(reverse("desk:bell")).content

    def retry(client: Client, kind: str, pk: object) -> int:
        return client.post(reverse("desk:parked-retry"), {"kind": kind, "id": pk}, **HTMX).status_code

    assert retry(agent, "job", job.pk) == 403
    assert retry(agent, "nonsense", 1) == 403
    assert retry(administrator, "nonsense", 1) == 404
    assert [retry(administrator, k, p) for k, p in (("job", job.pk), ("receipt", receipt.pk))] == [204, 204]
    assert retry(agent, "message", lost.pk) == 204
    assert Message.objects.get(pk=lost.pk).delivery == "queued"
    assert b"Nothing needs attention" in administrator.get(reverse("desk:bell")).content
