"""A small company: two teams with a queue each, an agent in one of them, an administrator, a few conversations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from django.test import Client

from tresen.accounts import actions as accounts
from tresen.accounts.models import User
from tresen.accounts.principal import Principal, for_user, system
from tresen.channels import actions as channels
from tresen.conversations import actions as conversations
from tresen.conversations.models import Channel, Message, Queue
from tresen.customers import actions as customers
from tresen.customers.models import Customer

BY = system("test")
PASSWORD = "seven quiet grinders"
_numbers = count(1)


@dataclass
class World:
    """What the tests act in. `ours` is the agent's queue, `theirs` belongs to a team without them."""

    agent: User
    lead: User
    administrator: User
    ours: Queue
    theirs: Queue
    shop: Channel
    foreign_shop: Channel
    mailbox: Channel

    def me(self, user: User | None = None) -> Principal:
        return for_user(user or self.agent)

    def customer(
        self, name: str = "Hanna Lind", value: str = "hanna@lind.example", assurance: str = "proved"
    ) -> Customer:
        claim = customers.IdentityClaim("email", value, assurance)
        return customers.recognise([claim], name=name, language="de", actor="test")

    def receive(self, text: str = "Guten Tag", *, channel: Channel | None = None, **given: Any) -> Message:
        customer = given.pop("customer", None) or self.customer()
        incoming = conversations.Incoming(
            channel=channel or self.shop,
            customer=customer,
            external_id=f"m{next(_numbers)}",
            author=given.pop("author", customer.name),
            text=text,
            **given,
        )
        return conversations.receive(incoming, actor="test")[0]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def durable_world(transactional_db: None) -> World:
    """The same with real transactions: for what is refused within one."""
    return make_world()


def make_world() -> World:
    people = {
        role: accounts.create_user(
            BY, email=f"{role}@tresen.example", name=f"{role.title()} Person", role=role, password=PASSWORD
        )
        for role in ("agent", "lead", "administrator")
    }
    mine = accounts.save_team(BY, name="Repair", members=[people["agent"].pk, people["lead"].pk])
    other = accounts.save_team(BY, name="Finance", members=[])
    ours = conversations.save_queue(BY, name="Workshop", team_id=mine.pk)
    theirs = conversations.save_queue(BY, name="Ledger", team_id=other.pk)

    def shop(name: str, queue: Queue) -> Channel:
        return channels.create_channel(BY, kind="api", name=name, queue_id=queue.pk).config.channel

    return World(
        people["agent"],
        people["lead"],
        people["administrator"],
        ours,
        theirs,
        shop("Shop", ours),
        shop("Foreign shop", theirs),
        _mailbox(ours),
    )


def _mailbox(queue: Queue) -> Channel:
    account = {"address": "service@tresen.example", "in_host": "mail.example", "out_host": "mail.example"}
    made = channels.create_channel(
        BY, kind="email", name="Mail", queue_id=queue.pk, settings=account, secrets={"password": "x"}
    )
    return made.config.channel


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """A browser of that member of staff, in English."""

    def make(user: User) -> Client:
        client = Client(HTTP_ACCEPT_LANGUAGE="en")
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return make


@pytest.fixture
def agent(world: World, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(world.agent)


@pytest.fixture
def administrator(world: World, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(world.administrator)


HTMX = {"HTTP_HX_REQUEST": "true"}
