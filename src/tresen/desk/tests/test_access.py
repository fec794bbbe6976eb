"""Who may open what: every address of the desk × every role × an object of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tresen.accounts.models import User
from tresen.conversations.actions import StoredFile
from tresen.desk.tests.conftest import HTMX, World
from tresen.kernel import blobs

OPEN = {"setup", "password", "preferences"}  # for those who have not signed in
ADMINISTRATORS = {
    "settings", "channels", "channel-new", "channel", "channel-check", "channel-secret", "queues", "queue-new", "queue",
    "staff", "staff-new", "person", "person-link", "teams", "team-new", "team", "tokens", "token-revoke", "company",
    "fields",
}  # fmt: skip
READ = {"conversation", "head", "thread", "customer", "mail", "attachment"}
VERBS = {
    "write", "typing", "take", "assign", "release", "resolve", "reopen", "snooze", "tag", "untag", "priority",
    "subject", "rename", "confirm-identity", "delivery-retry",
}  # fmt: skip
OWN = {
    "inbox", "list", "take-next", "new", "new-customers", "parked", "bell", "parked-retry", "presence", "presence-beat",
    "profile",
}  # fmt: skip


def names(resolver: URLResolver | None = None) -> Iterator[str]:
    if resolver is None:
        desk = next(p for p in get_resolver().url_patterns if getattr(p, "namespace", "") == "desk")
        assert isinstance(desk, URLResolver)
        resolver = desk
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield str(pattern.name)
        else:
            yield from names(pattern)


def address(name: str, world: World) -> str:
    """The address of an object that the agent must not see."""
    message = world.receive(
        "secret",
        channel=world.foreign_shop,
        html="<p>secret</p>",
        files=(StoredFile("a.png", "image/png", 3, "0" * 64, blobs.store("attachments", b"abc")),),
    )
    known = {
        "conversation_id": message.conversation_id,
        "message_id": message.pk,
        "attachment_id": message.attachments.get().pk,
        "kind": "api",
        "channel_id": world.shop.pk,
        "queue_id": world.ours.pk,
        "user_id": world.lead.pk,
        "team_id": world.ours.team_id,
        "token_id": 1,
        "secret": "guessed",
    }
    for keys in ((), *((key,) for key in known)):
        try:
            return reverse(f"desk:{name}", kwargs={key: known[key] for key in keys})
        except Exception:
            continue
    raise AssertionError(name)


def test_every_address_stands_in_a_row() -> None:
    assert set(names()) == OPEN | ADMINISTRATORS | READ | VERBS | OWN


@pytest.mark.parametrize("name", sorted(ADMINISTRATORS | READ | VERBS | OWN))
def test_nobody_unknown_gets_in(world: World, client: Client, name: str) -> None:
    target = address(name, world)
    for answer in (client.get(target), client.post(target)):
        assert answer.status_code in (302, 405)
        if answer.status_code == 302 and name != "settings":
            assert answer["Location"].startswith("/account/login/?next=/desk/")
        assert b"secret" not in answer.content
    assert client.get(target, **HTMX).status_code in (401, 405, 302)


@pytest.mark.parametrize("name", sorted(READ | VERBS))
@pytest.mark.parametrize("role", ["agent", "lead"])
def test_what_is_foreign_does_not_exist(
    durable_world: World, signed_in: Callable[[User], Client], name: str, role: str
) -> None:
    world = durable_world
    client = signed_in(getattr(world, role))
    target = address(name, world)
    answer = client.post(
        target, {"text": "x", "agent": world.agent.pk, "until": "2099-01-01T00:00+00:00", "priority": 1}
    )
    if answer.status_code == 405:
        answer = client.get(target)
    assert answer.status_code == 404
    assert b"secret" not in answer.content


@pytest.mark.parametrize("name", sorted(READ))
def test_what_is_visible_is_never_kept(world: World, administrator: Client, name: str) -> None:
    answer = administrator.get(address(name, world))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("name", sorted(ADMINISTRATORS - {"settings"}))
@pytest.mark.parametrize("role", ["agent", "lead"])
def test_settings_are_for_administrators(
    world: World, signed_in: Callable[[User], Client], name: str, role: str
) -> None:
    client, target = signed_in(getattr(world, role)), address(name, world)
    statuses = {client.get(target).status_code, client.post(target).status_code}
    assert statuses <= {403, 405}
    assert 403 in statuses


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", sorted((ADMINISTRATORS | OWN) - {"settings"}))
def test_pages_open_in_both_languages(world: World, administrator: Client, name: str, language: str) -> None:
    administrator.cookies["tresen_language"] = language
    answer = administrator.get(address(name, world))
    assert answer.status_code in (200, 405)
    if answer.status_code == 200 and b"<html" in answer.content:
        assert f'<html lang="{language}"'.encode() in answer.content


def test_a_form_without_a_token_is_refused(world: World) -> None:
    message = world.receive()
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.agent, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post(reverse("desk:take", args=[message.conversation_id]))
    assert answer.status_code == 403
    message.conversation.refresh_from_db()
    assert message.conversation.assignee_id is None


def test_the_way_back_stays_on_this_site(client: Client, db: None) -> None:
    for wanted in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
    ):
        answer = client.post(reverse("desk:preferences"), {"language": "de", "next": wanted})
        assert answer["Location"] == "/"
    assert client.post(reverse("desk:preferences"), {"next": "/desk/?view=all"})["Location"] == "/desk/?view=all"
