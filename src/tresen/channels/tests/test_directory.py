"""Channels are set up by administrators, known to the counter at once, and keep their secrets."""

from __future__ import annotations

import pytest

from tresen.accounts.models import AuditEntry, Role
from tresen.accounts.tests.people import SETUP, principal
from tresen.channels import actions, directory, registry
from tresen.channels.directory import COMPANY_NAME, Directory, view_of
from tresen.channels.models import ChannelConfig
from tresen.channels.tests.shop import shop, view
from tresen.conversations.models import Channel
from tresen.conversations.tests.world import queue
from tresen.kernel import settings
from tresen.kernel.errors import Denied, Invalid, NotFound
from tresen.kernel.models import Event
from tresen.kernel.public import PUBLIC_URL
from tresen.kernel.tests.refusals import refused

pytestmark = pytest.mark.django_db
MAILBOX = {"address": "us@shop.example", "in_host": "mail.shop.example", "out_host": "mail.shop.example"}


def test_a_channel_gets_a_key_and_secrets_that_are_shown_once():
    made = actions.create_channel(SETUP, kind="api", name=" Shop ")
    assert set(made.secrets) == {"token", "webhook_secret"}
    assert all(len(secret) == 43 for secret in made.secrets.values())
    config = ChannelConfig.objects.get()
    assert (config.channel.name, len(config.key)) == ("Shop", 20)
    for secret in made.secrets.values():
        assert secret not in str(ChannelConfig.objects.values().get())
    assert dict(view_of(config).secrets) == dict(made.secrets)
    assert AuditEntry.objects.get(verb="channel.create").subject == "Shop"
    assert Event.objects.filter(kind="channel.changed").count() == 1


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD])
def test_nobody_else_sets_channels_up(role: str):
    channel = shop()
    by = principal("Ada", role)
    for call in (
        lambda: actions.create_channel(by, kind="api", name="X"),
        lambda: actions.change_channel(by, channel.id, enabled=False),
        lambda: actions.renew_secret(by, channel.id, "token"),
        lambda: actions.check_channel(by, channel.id),
    ):
        with refused(Denied):
            call()
    assert Channel.objects.get().enabled
    assert view(channel.id).secrets == channel.secrets


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "fax"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"name": " "}, "name"),
        ({"name": "n" * 81}, "name"),
        ({"queue_id": 99_999}, "queue"),
        ({"settings": {"colour": "red"}}, "colour"),
        ({"settings": {"webhook_url": "ftp://x"}}, "webhook_url"),
        ({"settings": {"webhook_url": "https://user:pass@shop.example/"}}, "webhook_url"),
        ({"kind": "email"}, "address"),
        ({"kind": "email", "settings": MAILBOX}, "password"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_made(given: dict[str, object], field: str):
    with refused(NotFound if field == "queue" else Invalid, field):
        actions.create_channel(SETUP, **{"kind": "api", "name": "Shop", **given})
    assert not Channel.objects.exists()


def test_changing_keeps_what_is_not_given():
    made = actions.create_channel(SETUP, kind="email", name="Mail", settings=MAILBOX, secrets={"password": "one"})
    other = queue()
    actions.change_channel(SETUP, made.config.pk, name="Post", queue_id=other.pk, secrets={"password": ""})
    found = view(made.config.pk)
    assert (found.name, found.secrets["password"], found.settings["address"]) == ("Post", "one", "us@shop.example")
    actions.change_channel(SETUP, made.config.pk, secrets={"password": "two"}, reopen_days=99_999)
    assert view(made.config.pk).secrets["password"] == "two"
    row = Channel.objects.get()
    assert (row.queue_id, row.reopen_days) == (other.pk, 3650)
    with refused(NotFound):
        actions.change_channel(SETUP, 99_999, name="X")


def test_a_renewed_secret_ends_the_old_one():
    channel = shop()
    fresh = actions.renew_secret(SETUP, channel.id, "token")
    found = view(channel.id).secrets
    assert found["token"] == fresh != channel.secrets["token"]
    assert found["webhook_secret"] == channel.secrets["webhook_secret"]
    with refused(NotFound):
        actions.renew_secret(SETUP, channel.id, "password")


def test_the_counter_knows_enabled_channels_only():
    channel, other = shop(), shop()
    known = Directory()
    assert known.stale
    assert {v.id for v in known.all()} >= {channel.id, other.id}
    actions.change_channel(SETUP, other.id, enabled=False)
    known.refresh()
    assert known.known(channel.key) is not None
    assert known.known(other.key) is None
    assert known.by_id(other.id) is None
    assert known.by_key("nope") is None


@pytest.mark.django_db(transaction=True)
def test_a_change_is_known_at_once():
    channel = shop()
    known = Directory()
    assert known.by_key(channel.key) is not None
    assert not known.stale
    actions.change_channel(SETUP, channel.id, enabled=False)
    assert known.stale
    assert known.by_key(channel.key) is None


def test_a_change_of_another_process_is_known_within_two_seconds(monkeypatch):
    moment = 1000.0
    monkeypatch.setattr(directory.time, "monotonic", lambda: moment)
    channel = shop()
    known = Directory()
    known.refresh()
    Channel.objects.update(enabled=False)
    assert known.by_key(channel.key) is not None
    moment = 1002.5
    assert known.by_key(channel.key) is None


@pytest.mark.parametrize("url", ["", "localhost", "ftp://x", "https://", "https://a:b@x", "https://x?y", "https://x#y"])
def test_the_public_address_is_an_address(url: str):
    with refused(Invalid, "public_url"):
        settings.put(PUBLIC_URL, url)


def test_the_public_address_has_no_slash_at_its_end():
    assert settings.put(PUBLIC_URL, " https://desk.shop.example/ ") == "https://desk.shop.example"
    assert settings.put(COMPANY_NAME, "Bohne & Brand") == "Bohne & Brand"


def test_a_fault_is_told_when_it_begins_and_when_it_ends():
    channel = shop()
    for fault in ("refused", "refused again", "", ""):
        actions.note_fault(channel.id, fault)
    actions.note_fault(99_999, "x")
    told = Event.objects.filter(kind="channel.fault").order_by("id").values_list("data", flat=True)
    assert [data["ok"] for data in told] == [False, True]
    config = ChannelConfig.objects.get()
    assert (config.fault, config.fault_at) == ("", None)


def test_the_check_is_kept_for_the_screen():
    channel = shop()
    checks = actions.check_channel(SETUP, channel.id)
    config = ChannelConfig.objects.get()
    assert [c["name"] for c in config.check_result] == [c.name for c in checks] == ["webhook"]
    assert config.checked_at is not None


def test_every_adapter_is_found():
    assert {"api", "email", "form", "webchat"} <= set(registry.all_adapters())
    assert registry.adapter("logged") is None
    with refused(Invalid, "kind"):
        registry.need("logged")


def test_calls_and_visits_have_one_entry():
    assert actions.ensure_logged_channel() == actions.ensure_logged_channel()
    assert Channel.objects.filter(kind="logged").count() == 1
