"""A demo that is on, with the channels and a few mailboxes but without its crowd."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client

from tresen.accounts.demo import DEMO
from tresen.accounts.principal import system
from tresen.channels.actions import create_channel
from tresen.channels.contract import ChannelView
from tresen.channels.directory import DIRECTORY
from tresen.customers import actions as customers
from tresen.kernel import ids, settings
from tresen.sandbox.mail import wire
from tresen.sandbox.models import Mailbox

COMPANY, PASSWORD = "service@bohne-brand.example", "kv7m-3hta-pq8r"
MAIL = {
    "address": COMPANY,
    "protocol": "pop3",
    "in_host": "127.0.0.1",
    "in_port": 2110,
    "in_security": "none",
    "poll_seconds": 1,
    "out_host": "127.0.0.1",
    "out_port": 2525,
    "out_security": "none",
    "authserv_id": wire.HOST,
}


@dataclass(frozen=True)
class Stage:
    """What the tests play with."""

    erika: Mailbox
    company: Mailbox
    mail: int
    chat: int

    @property
    def view(self) -> ChannelView:
        """The mail channel as it is set up now."""
        DIRECTORY.refresh()
        found = DIRECTORY.by_id(self.mail)
        assert found is not None
        return found


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """Erika has a contract; the company has a mailbox, a chat and a form. Needs the database."""
    settings.put(DEMO, True)
    by = system()
    mail = create_channel(by, kind="email", name="Mail", settings=MAIL, secrets={"password": PASSWORD})
    chat = create_channel(by, kind="webchat", name="Chat")
    create_channel(by, kind="form", name="Form")
    claim = customers.IdentityClaim("email", "erika@post.example", "proved")
    erika = customers.recognise([claim], name="Erika Sommer", language="de", actor="test")
    customers.upsert_record("contract", "WV-2025-11111", actor="test", customer=erika.pk, title="Wartungsvertrag")
    box = Mailbox.objects.create(address="erika@post.example", name="Erika Sommer", customer=erika, story="contract")
    company = Mailbox.objects.create(address=COMPANY, name="Bohne & Brand", digest=ids.digest(PASSWORD))
    DIRECTORY.refresh()
    return Stage(box, company, mail.config.channel_id, chat.config.channel_id)


@pytest.fixture
def local() -> Client:
    """A browser on this machine."""
    return Client(REMOTE_ADDR="127.0.0.1", HTTP_HOST="localhost:8000", HTTP_ACCEPT_LANGUAGE="en")
