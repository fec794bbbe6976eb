"""Configured channels, and what comes in and goes out over them, for the tests of this room and those above it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tresen.accounts.tests.people import SETUP
from tresen.channels import actions, delivering, processing, reactions, registry
from tresen.channels.contract import Accepted, ChannelView, RawReceipt
from tresen.channels.directory import DIRECTORY, view_of
from tresen.channels.models import ChannelConfig, Delivery, Receipt
from tresen.conversations.models import Message
from tresen.kernel import clock, journal
from tresen.kernel.models import Event


def shop(kind: str = "api", *, acknowledge: bool = False, queue_id: int | None = None, **more: Any) -> ChannelView:
    """A configured channel. `settings` and `secrets` as for `create_channel`."""
    made = actions.create_channel(SETUP, kind=kind, name=kind.title(), queue_id=queue_id, **more)
    if acknowledge:
        actions.change_channel(SETUP, made.config.pk, acknowledge=True)
    DIRECTORY.refresh()
    return view(made.config.pk)


def view(channel_id: int) -> ChannelView:
    """The channel as its adapter sees it now."""
    return view_of(ChannelConfig.objects.select_related("channel").get(pk=channel_id))


def posted(channel: ChannelView, message_id: str = "m1", text: str = "Hallo", **more: Any) -> RawReceipt:
    """A good request to an `api` channel."""
    body = {
        "id": message_id,
        "thread": "t1",
        "from": {"kind": "email", "value": "clara@home.example", "name": "Clara"},
        "text": text,
    }
    headers = {"authorization": f"Bearer {channel.secrets['token']}", "content-type": "application/json"}
    return RawReceipt(json.dumps({**body, **more}).encode(), headers, received_at=clock.now())


def deposit(channel: ChannelView, raw: RawReceipt, key: str | None = None) -> Receipt:
    """The request as a stored receipt, authorised as the counter does; the same key is the same receipt."""
    adapter = registry.need(channel.kind)
    body = raw.body
    if adapter.pushes:
        accepted = adapter.authorize(channel, raw)
        assert isinstance(accepted, Accepted)
        key, body = accepted.key if key is None else key, body if accepted.body is None else accepted.body
    given: Mapping[str, Any] = {
        "body": body,
        "received_at": raw.received_at or clock.now(),
        "envelope": {"headers": dict(raw.headers), "path": raw.path, "query": raw.query, "method": raw.method},
    }
    if not key:
        return Receipt.objects.create(channel_id=channel.id, **given)
    return Receipt.objects.get_or_create(channel_id=channel.id, key=key, defaults=given)[0]


def process() -> None:
    """Takes in what is due."""
    while processing.step():
        pass


def arrive(channel: ChannelView, raw: RawReceipt, key: str | None = None) -> Receipt:
    """Stores and processes a request."""
    receipt = deposit(channel, raw, key)
    process()
    receipt.refresh_from_db()
    return receipt


def react(kind: str, handler: Any, conversation_id: int, when: Any = lambda entry: True) -> None:
    """Calls a reaction for every event of a kind that it wants in a conversation, as the dispatcher does."""
    ids = Event.objects.filter(kind=kind, conversation_id=conversation_id).order_by("id").values_list("id", flat=True)
    for entry in journal.read_ids(list(ids)).values():
        if when(entry):
            handler(entry)


def acknowledge(message: Message) -> Message | None:
    """Lets the acknowledgement react to a new conversation; returns what it wrote."""
    react("conversation.created", reactions.acknowledge, message.conversation_id, reactions.is_theirs)
    return Message.objects.filter(conversation=message.conversation_id, key=":acknowledgement").first()


def send(message: Message) -> Delivery:
    """Puts a message on its way and tries to deliver its lane once."""
    delivering.open_delivery(message)
    return try_again(message)


def try_again(message: Message) -> Delivery:
    """One run of the delivery job; a wish for a later try is heard and left."""
    with suppress(delivering.Retry):
        delivering.deliver(message.conversation_id, message.channel_id)
    return Delivery.objects.get(pk=message.pk)
