"""A small counter for the tests of this room and of those above it."""

from __future__ import annotations

from itertools import count
from typing import Any

from tresen.accounts.models import Team
from tresen.accounts.tests.people import SETUP
from tresen.conversations import actions
from tresen.conversations.models import Channel, Conversation, Message, Queue
from tresen.customers import actions as customers
from tresen.customers.models import Customer
from tresen.kernel.models import Event

_numbers = count(1)


def queue(name: str = "Service", team: Team | None = None, *, pull: bool = False) -> Queue:
    """A queue; names are made distinct."""
    return actions.save_queue(SETUP, name=f"{name} {next(_numbers)}", team_id=team.pk if team else None, pull=pull)


def channel(where: Queue | None = None, *, kind: str = "api", **more: Any) -> Channel:
    """A channel as this room sees it: an entry without settings."""
    return Channel.objects.create(name=kind.title(), kind=kind, queue=where or queue(), **more)


def customer(email: str = "", assurance: str = "proved", name: str = "Clara") -> Customer:
    """A customer known by an address."""
    claim = customers.IdentityClaim("email", email or f"clara{next(_numbers)}@home.example", assurance)
    return customers.recognise([claim], name=name, language="de", actor="tests")


def receive(
    where: Channel,
    who: Customer,
    text: str = "Hallo",
    conversation_id: int | None = None,
    external_id: str | None = None,
    **more: Any,
) -> Message:
    """A customer's message."""
    given = actions.Incoming(
        channel=where,
        customer=who,
        external_id=external_id or f"ext-{next(_numbers)}",
        conversation_id=conversation_id,
        author=who.name,
        text=text,
        **more,
    )
    return actions.receive(given, actor="channel:tests")[0]


def begin(where: Channel, who: Customer | None = None, **more: Any) -> Conversation:
    """A conversation that a customer began."""
    return receive(where, who or customer(), **more).conversation


def draft(text: str = "Guten Tag", **more: Any) -> actions.Draft:
    """What an agent wrote."""
    return actions.Draft(text, **more)


def events(conversation: Conversation | int, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """(kind, data) of a conversation's events in order."""
    pk = conversation if isinstance(conversation, int) else conversation.pk
    rows = Event.objects.filter(conversation_id=pk).order_by("id").values_list("kind", "data")
    return [row for row in rows if not kinds or row[0] in kinds]
