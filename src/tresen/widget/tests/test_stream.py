"""Every event against every kind of visitor: who sees what, exactly."""

from __future__ import annotations

import orjson
import pytest

from tresen.channels import stream as channels
from tresen.channels.adapters.webchat import tokens
from tresen.conversations import actions
from tresen.conversations.actions import Draft
from tresen.conversations.models import Conversation
from tresen.kernel import clock, journal
from tresen.kernel.stream.contract import rendered
from tresen.widget import stream
from tresen.widget.tests.conftest import switch_off

pytestmark = pytest.mark.django_db


def frames(viewer):
    """[(event, data)] that a viewer sees of all conversations."""
    seen = []
    rows = Conversation.objects.order_by("id").values_list("id", flat=True)
    for loaded in channels.load([entry for row in rows for entry in journal.read_conversation(row)]):
        payloads = {**channels.staff_payloads(loaded), **stream.payloads(loaded)}
        event = rendered(loaded.entry.position, loaded.entry.kind, loaded.facts, payloads)
        if (frame := viewer.sees(event)) is not None:
            lines = dict(line.split(": ", 1) for line in frame.decode().strip().splitlines())
            seen.append((lines["event"], orjson.loads(lines["data"])))
    return seen


def test_the_whole_story_of_a_chat_as_its_visitor_sees_it(chat, agent):
    token = chat.session()["token"]
    viewer = stream.viewer_of(token)
    uuid = chat.write(token, "Hallo")
    row = Conversation.objects.get()
    actions.take(agent, row.pk)
    actions.mark_seen(agent, row.pk, 1)
    actions.note(agent, row.pk, Draft("intern: vorsichtig"))
    answer = actions.reply(agent, row.pk, Draft("Guten Tag"))
    actions.set_delivery(answer.pk, "sent")
    actions.set_priority(agent, row.pk, 3)
    actions.resolve(agent, row.pk)
    seen = frames(viewer)
    kinds = [name for name, _ in seen]
    assert kinds == [
        "message.created",
        "conversation.queued",
        "conversation.assigned",
        "message.seen",
        "message.created",
        "message.delivery",
        "conversation.resolved",
    ]
    assert seen[0][1]["message"]["uuid"] == uuid
    assert seen[3][1]["seq"] == 1
    assert seen[4][1]["message"]["author"] == "Mara Lindt"
    text = orjson.dumps([data for _, data in seen]).decode()
    for secret in ("vorsichtig", "mara@bohne.test", "priority", "customer", "queue"):
        assert secret not in text.replace("conversation.queued", "")


def test_a_stranger_and_another_channels_visitor_see_nothing(chat, site, agent):
    token = chat.session()["token"]
    other = site()
    viewers = [stream.viewer_of(chat.session()["token"]), stream.viewer_of(other.session()["token"])]
    chat.write(token, "Hallo")
    actions.reply(agent, Conversation.objects.get().pk, Draft("Guten Tag"))
    assert [frames(viewer) for viewer in viewers] == [[], []]


def test_two_visitors_of_one_merged_conversation_do_not_read_each_other(chat, agent):
    anna, ben = chat.session(), chat.session()
    chat.write(anna["token"], "von Anna")
    chat.write(ben["token"], "von Ben")
    first, second = Conversation.objects.order_by("id")
    second.threads.update(conversation=first)
    texts = [d["message"]["text"] for name, d in frames(stream.viewer_of(ben["token"])) if name == "message.created"]
    assert texts == []  # Ben's own message stands in a conversation that is no longer his thread's
    chat.write(ben["token"], "noch einmal Ben")
    texts = [d["message"]["text"] for name, d in frames(stream.viewer_of(ben["token"])) if name == "message.created"]
    assert texts == ["noch einmal Ben"]


def test_an_agents_typing_reaches_the_visitor_alone(chat):
    token, stranger = chat.session()["token"], chat.session()["token"]
    chat.write(token, "x")
    row = Conversation.objects.get()
    facts = channels.Facts("typing", row.pk, threads=channels.threads_of([row.pk])[row.pk])
    event = rendered(None, "typing", facts, {stream.VISITOR: b'{"author":"Mara"}'})
    assert b"Mara" in stream.viewer_of(token).sees(event)
    assert stream.viewer_of(stranger).sees(event) is None
    to_staff = rendered(None, "typing", facts, {channels.STAFF: b"{}"})
    assert stream.viewer_of(token).sees(to_staff) is None


def test_only_a_token_that_holds_opens_a_stream(chat, site, frozen_clock):
    token = chat.session()["token"]
    viewer = stream.viewer_of(token)
    assert viewer.expires == clock.now() + tokens.ACCESS
    assert stream.viewer_of(token[:-3] + "AAA") is None
    assert stream.viewer_of("") is None and stream.viewer_of("a.b.c") is None
    forged = tokens.issue("x" * 48, chat.view.key, tokens.Visitor("v1"), clock.now())
    assert stream.viewer_of(forged) is None
    form = site("form")
    assert stream.viewer_of(tokens.issue("x" * 48, form.view.key, tokens.Visitor("v1"), clock.now())) is None
    with clock.frozen(clock.now() + tokens.ACCESS):
        assert stream.viewer_of(token) is None


def test_a_channel_that_is_switched_off_closes_its_streams(chat):
    viewer = stream.viewer_of(chat.session()["token"])
    stream.still_there([viewer])
    assert viewer.closed is False
    switch_off(chat)
    stream.still_there([viewer])
    assert viewer.closed is True


def test_an_address_as_a_name_is_not_shown(chat, agent):
    token = chat.session()["token"]
    chat.write(token, "Hallo")
    row = Conversation.objects.get()
    message = actions.reply(agent, row.pk, Draft("x"))
    message.author = "mara@bohne.test"
    message.save()
    assert chat.call("messages", token=token).json()["items"][1]["author"] == ""
