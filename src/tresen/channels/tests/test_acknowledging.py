"""The automatic acknowledgement: once, capped, never to machines, never with a word of the sender's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts.tests.people import SETUP
from tresen.channels import actions, reactions
from tresen.channels.models import ChannelConfig
from tresen.channels.tests import shop as channels
from tresen.channels.tests.shop import shop
from tresen.conversations.models import Channel, Message
from tresen.conversations.tests.world import customer, receive
from tresen.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
SPELL = "BUY NOW https://evil.example <b>x</b>"


def incoming(channel_id: int, email: str = "clara@home.example", **more: object) -> Message:
    row = Channel.objects.get(pk=channel_id)
    return receive(row, customer(email, name=SPELL), SPELL, subject=SPELL, **more)


def acknowledged(channel_id: int, email: str = "clara@home.example", **more: object) -> Message | None:
    return channels.acknowledge(incoming(channel_id, email, **more))


def test_it_names_the_number_and_nothing_of_the_sender_s():
    where = shop(acknowledge=True)
    found = acknowledged(where.id)
    assert found is not None
    assert found.conversation.number in found.text
    assert found.text.startswith("Guten Tag")
    assert (found.automated, found.direction, found.delivery, found.subject) == (True, "out", "queued", "")
    for word in SPELL.split():
        assert word not in found.text
        assert word not in found.author


def test_it_speaks_the_customer_s_language_and_the_company_s_words():
    where = shop(acknowledge=True)
    found = acknowledged(where.id, language="en")
    assert found is not None and found.text.startswith("Hello")
    actions.change_channel(SETUP, where.id, acknowledge_texts={"en": "Got it: {number} {text} {0}"})
    second = acknowledged(where.id, "other@home.example", language="en")
    assert second is not None
    assert second.text == f"Got it: {second.conversation.number} {{text}} {{0}}"
    third = acknowledged(where.id, "third@home.example", language="fr")
    assert third is not None and third.text.startswith("Guten Tag")


def test_it_comes_once_per_conversation():
    where = shop(acknowledge=True)
    first = incoming(where.id)
    assert channels.acknowledge(first) == channels.acknowledge(first)
    assert Message.objects.filter(direction="out").count() == 1


def test_it_is_off_unless_switched_on():
    assert acknowledged(shop().id) is None
    assert not ChannelConfig.objects.get().acknowledge


@pytest.mark.parametrize("more", [{"automated": True}, {"meta": {"quarantine": "no-reply"}}])
def test_machines_lists_and_quarantine_get_none(more: dict[str, object]):
    where = shop(acknowledge=True)
    assert acknowledged(where.id, **more) is None
    assert not Message.objects.filter(direction="out").exists()


def test_what_we_began_is_not_acknowledged():
    from tresen.conversations.actions import start
    from tresen.conversations.tests.world import draft

    where = shop(acknowledge=True)
    message = start(SETUP, where.id, customer().pk, draft())
    entry_seen = []
    channels.react("conversation.created", entry_seen.append, message.conversation_id)
    assert [reactions.is_theirs(entry) for entry in entry_seen] == [False]


def test_an_address_gets_three_an_hour():
    where = shop(acknowledge=True)
    found = [acknowledged(where.id) for _ in range(5)]
    assert [one is not None for one in found] == [True, True, True, False, False]
    assert acknowledged(where.id, "other@home.example") is not None
    clock.advance(timedelta(hours=1))
    assert acknowledged(where.id) is not None


def test_a_domain_has_a_cap_of_its_own(monkeypatch):
    assert reactions.ACKNOWLEDGED_PER_DOMAIN == 60
    monkeypatch.setattr(reactions, "ACKNOWLEDGED_PER_DOMAIN", 6)
    where = shop(acknowledge=True)
    found = [acknowledged(where.id, f"u{n}@victim.example") is not None for n in range(9)]
    assert found == [True] * 6 + [False] * 3
    assert acknowledged(where.id, "u@other.example") is not None


def test_forged_senders_of_many_domains_stay_under_the_channel_s_cap(monkeypatch):
    assert reactions.ACKNOWLEDGED_PER_CHANNEL == 2000
    monkeypatch.setattr(reactions, "ACKNOWLEDGED_PER_CHANNEL", 5)
    where = shop(acknowledge=True)
    found = [acknowledged(where.id, f"u@d{n}.example") is not None for n in range(8)]
    assert found == [True] * 5 + [False] * 3


def test_two_counters_that_ignore_every_sign_stop_after_three_mails_each():
    """Each takes the other's acknowledgement for a customer's new concern, although it says that it is automated."""
    one, two = shop(acknowledge=True), shop(acknowledge=True)
    address = {one.id: "one@shop.example", two.id: "two@shop.example"}
    sent = {one.id: 0, two.id: 0}
    sender, receiver = two, one
    while (found := acknowledged(receiver.id, address[sender.id])) is not None:
        assert found.automated
        sent[receiver.id] += 1
        assert sent[receiver.id] <= 3
        sender, receiver = receiver, sender
    assert sent == {one.id: 3, two.id: 3}
    assert [acknowledged(receiver.id, address[sender.id]) for _ in range(3)] == [None] * 3


def test_an_automated_mail_is_where_the_loop_really_ends():
    one, two = shop(acknowledge=True), shop(acknowledge=True)
    first = acknowledged(one.id, "two@shop.example")
    assert first is not None and first.automated
    assert acknowledged(two.id, "one@shop.example", automated=first.automated) is None
    assert Message.objects.filter(direction="out").count() == 1
