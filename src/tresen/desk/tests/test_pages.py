"""New conversations, one-time links, and the administrators' forms."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tresen.accounts import actions as accounts
from tresen.accounts.models import ApiToken, User
from tresen.channels.directory import COMPANY_NAME, PRIVATE_HOSTS, PUBLIC_URL
from tresen.channels.models import ChannelConfig
from tresen.conversations.models import Message, Queue
from tresen.customers.models import Customer, FieldDefinition, Identity
from tresen.desk.tests.conftest import PASSWORD, World
from tresen.kernel import settings, vault

SignIn = Callable[[User], Client]


def test_a_message_to_somebody_new_makes_a_claimed_customer(world: World, agent: Client) -> None:
    form = {
        "kind": "write", "channel": world.mailbox.pk, "name": "Nele Neu", "address": "nele@neu.example",
        "subject": "Ihre Maschine", "text": "Guten Tag", "key": "k",
    }  # fmt: skip
    answer = agent.post(reverse("desk:new"), form)
    sent = Message.objects.get()
    assert answer["Location"] == reverse("desk:conversation", args=[sent.conversation_id])
    assert (sent.direction, sent.delivery, sent.text, sent.subject) == ("out", "queued", "Guten Tag", "Ihre Maschine")
    identity = Identity.objects.get(customer=sent.conversation.customer_id)
    assert (identity.value, identity.assurance) == ("nele@neu.example", "claimed")
    assert sent.conversation.assignee_id == world.agent.pk


def test_a_known_address_is_its_owners(world: World, agent: Client) -> None:
    hanna = world.customer()
    agent.post(
        reverse("desk:new"),
        {"kind": "write", "channel": world.mailbox.pk, "name": "X", "address": "Hanna@Lind.example", "text": "Hi"},
    )
    assert Message.objects.get().conversation.customer_id == hanna.pk


@pytest.mark.parametrize("kind", ["call", "visit"])
def test_a_call_or_visit_is_written_down(world: World, agent: Client, kind: str) -> None:
    hanna = world.customer()
    agent.post(reverse("desk:new"), {"kind": kind, "customer": hanna.pk, "subject": "Rückruf", "text": "Fragt nach X"})
    noted = Message.objects.get()
    assert (noted.direction, noted.delivery, noted.meta["medium"], noted.meta["logged_by"]) == (
        "in",
        "",
        kind,
        "Agent Person",
    )
    page = agent.get(reverse("desk:conversation", args=[noted.conversation_id])).content.decode()
    assert {"call": "Phone call", "visit": "Visit"}[kind] in page


def test_what_is_missing_is_named_and_kept(world: World, agent: Client) -> None:
    for form, said in (
        ({"kind": "write", "text": "lost?"}, "Choose a channel"),
        ({"kind": "write", "text": "lost?", "channel": world.mailbox.pk}, "Choose a customer"),
        ({"kind": "write", "text": "lost?", "channel": world.mailbox.pk, "address": "nope"}, "not an e-mail address"),
        ({"kind": "dance", "text": "lost?"}, "must be write, call or visit"),
    ):
        answer = agent.post(reverse("desk:new"), form)
        assert answer.status_code == 422
        assert said.lower() in answer.content.decode().lower()
        assert "lost?" in answer.content.decode()
    assert not Message.objects.exists()
    assert not Customer.objects.exists()


def test_the_first_administrator_comes_by_a_link_that_works_once(client: Client, transactional_db: None) -> None:
    url = reverse("desk:setup", args=[accounts.make_link("setup")])
    form = {"company": "Bohne & Brand", "name": "Ada", "email": "ada@tresen.example", "password": "short"}
    assert client.post(url, form).status_code == 200
    assert not User.objects.exists()
    answer = client.post(url, {**form, "password": PASSWORD})
    assert answer["Location"] == reverse("desk:settings")
    assert User.objects.get().role == "administrator"
    assert settings.get(COMPANY_NAME) == "Bohne & Brand"
    assert client.get(reverse("desk:channels")).status_code == 200
    assert client.get(url).status_code == 404
    assert client.post(url, {**form, "email": "eve@tresen.example", "password": PASSWORD}).status_code == 404
    assert User.objects.count() == 1


def test_staff_are_made_and_get_a_link_shown_once(durable_world: World, signed_in: SignIn, client: Client) -> None:
    world = durable_world
    administrator = signed_in(world.administrator)
    form = {"name": "Nora", "email": "nora@tresen.example", "role": "agent", "capacity": 3, "language": "de"}
    answer = administrator.post(reverse("desk:staff-new"), form, follow=True)
    link = re.search(r'<code id="link">[^<]*(/desk/password/[^<]+)</code>', answer.content.decode())
    assert link
    assert "/desk/password/" not in administrator.get(answer.request["PATH_INFO"]).content.decode()
    assert client.post(link[1], {"password": PASSWORD})["Location"] == reverse("desk:inbox")
    assert client.get(reverse("desk:inbox")).status_code == 200
    assert Client().post(link[1], {"password": "another good one"}).status_code == 404
    again = administrator.post(reverse("desk:staff-new"), form)
    assert b"Somebody with this address exists." in again.content


def test_the_last_administrator_stays(durable_world: World, signed_in: SignIn) -> None:
    world = durable_world
    administrator = signed_in(world.administrator)
    form = {
        "name": "A",
        "email": "a@tresen.example",
        "role": "agent",
        "capacity": 3,
        "language": "de",
        "is_active": "on",
    }
    answer = administrator.post(reverse("desk:person", args=[world.administrator.pk]), form)
    assert b"One active administrator must remain." in answer.content


def test_a_channel_keeps_its_secrets_to_itself(world: World, administrator: Client) -> None:
    form = {
        "name": "Post", "queue": world.ours.pk, "set_address": "post@tresen.example", "set_protocol": "imap",
        "set_in_host": "imap.example", "set_in_security": "tls", "set_out_host": "smtp.example",
        "set_out_security": "tls", "set_auth": "password", "set_password": "s3cret-word", "set_in_port": 0,
        "set_out_port": 0, "set_folder": "INBOX", "set_import_days": 0,
    }  # fmt: skip
    answer = administrator.post(reverse("desk:channel-new", args=["email"]), form)
    config = ChannelConfig.objects.get(channel__name="Post")
    assert answer["Location"] == reverse("desk:channel", args=[config.pk])
    assert vault.unseal(config.sealed)["password"] == "s3cret-word"
    page = administrator.get(answer["Location"]).content.decode()
    assert "s3cret-word" not in page
    changed = {**form, "name": "Mail", "set_password": "", "enabled": "on", "reopen_days": 7, "acknowledge": "on"}
    assert administrator.post(answer["Location"], changed).status_code == 302
    config.refresh_from_db()
    assert (config.channel.name, config.channel.reopen_days, config.acknowledge) == ("Mail", 7, True)
    assert vault.unseal(config.sealed)["password"] == "s3cret-word"
    wrong = administrator.post(answer["Location"], {**changed, "set_address": "nope"})
    assert b'id="id_set_address_error"' in wrong.content


def test_tokens_are_shown_once_and_end(world: World, administrator: Client) -> None:
    answer = administrator.post(reverse("desk:tokens"), {"name": "ERP", "role": "agent", "scopes": ["read"]})
    text = re.search(r'<code id="token">(tsn_[^<]+)</code>', answer.content.decode())
    assert text
    assert text[1] not in administrator.get(reverse("desk:tokens")).content.decode()
    row = ApiToken.objects.get()
    assert row.scopes == ["read"]
    administrator.post(reverse("desk:token-revoke", args=[row.pk]))
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_queues_teams_fields_and_company(durable_world: World, signed_in: SignIn) -> None:
    world = durable_world
    administrator = signed_in(world.administrator)
    administrator.post(reverse("desk:team-new"), {"name": "Night", "members": [world.agent.pk]})
    team = world.agent.teams.get(name="Night")
    administrator.post(reverse("desk:queue-new"), {"name": "Late", "team": team.pk, "pull": "on"})
    queue = Queue.objects.get(name="Late")
    assert (queue.team_id, queue.pull) == (team.pk, True)
    assert b"A queue with this name exists." in administrator.post(reverse("desk:queue-new"), {"name": "Late"}).content
    form = {"of": "customer", "key": "segment", "label_de": "Segment", "label_en": "Segment", "type": "text"}
    administrator.post(reverse("desk:fields"), form)
    assert FieldDefinition.objects.get().key == "segment"
    company = {"company_name": "B&B", "public_url": "https://service.example/", "company_language": "en"}
    administrator.post(reverse("desk:company"), company)
    assert (settings.get(COMPANY_NAME), settings.get(PUBLIC_URL)) == ("B&B", "https://service.example")
    assert administrator.post(reverse("desk:company"), {**company, "public_url": "javascript:x"}).status_code == 200
    assert settings.get(PUBLIC_URL) == "https://service.example"


def test_language_and_appearance_are_kept(world: World, agent: Client) -> None:
    agent.post(reverse("desk:preferences"), {"language": "de", "next": "/desk/"})
    page = agent.get(reverse("desk:inbox")).content.decode()
    assert '<html lang="de" data-theme="auto">' in page
    assert "Ihr Tisch ist leer" in page
    agent.post(reverse("desk:preferences"), {"theme": "dark"})
    assert 'data-theme="dark"' in agent.get(reverse("desk:inbox")).content.decode()


def test_hosts_of_the_own_network_are_named_on_the_screen(client: Client, db: None) -> None:
    client.post(
        reverse("desk:setup", args=[accounts.make_link("setup")]),
        {"company": "Bohne & Brand", "name": "Ada", "email": "ada@tresen.example", "password": PASSWORD},
    )
    form = {"company_name": "B", "public_url": "https://s.example", "company_language": "de"}
    answer = client.post(reverse("desk:company"), {**form, "private_hosts": "mail.intern:993\r\n10.1.0.0/16\r\n"})
    assert answer["Location"] == reverse("desk:company")
    assert settings.get(PRIVATE_HOSTS) == ["mail.intern:993", "10.1.0.0/16"]
    refused = client.post(reverse("desk:company"), {**form, "private_hosts": "not a host"})
    assert refused.status_code in (200, 422)
    assert settings.get(PRIVATE_HOSTS) == ["mail.intern:993", "10.1.0.0/16"]
