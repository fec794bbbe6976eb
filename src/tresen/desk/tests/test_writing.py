"""The composer: what is posted becomes exactly one message, and what is wrong loses nothing."""

from __future__ import annotations

import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tresen.accounts.actions import change_own
from tresen.conversations.actions import StoredFile
from tresen.conversations.models import Message, Status
from tresen.desk.tests.conftest import HTMX, World
from tresen.kernel import blobs


def write(client: Client, conversation_id: int, **form: object) -> HttpResponse:
    return client.post(reverse("desk:write", args=[conversation_id]), form, **HTMX)


def test_a_reply_is_sent_once_and_takes_the_conversation(world: World, agent: Client) -> None:
    row = world.receive().conversation
    form = {"mode": "reply", "text": "Hello\r\nthere", "key": "k1", "channel": world.shop.pk}
    for _ in range(2):
        answer = write(agent, row.pk, **form)
        assert answer.status_code == 200
        assert 'name="key" value="k1"' not in answer.content.decode()
        assert json.loads(answer["HX-Trigger"])["desk:changed"]["panes"] == ["thread", "list", "head"]
    sent = Message.objects.get(conversation=row, direction="out")
    assert (sent.text, sent.author, sent.delivery, sent.channel_id) == (
        "Hello\nthere",
        "Agent Person",
        "queued",
        world.shop.pk,
    )
    row.refresh_from_db()
    assert (row.status, row.assignee_id) == (Status.ASSIGNED, world.agent.pk)


def test_a_note_never_leaves_the_house(world: World, agent: Client) -> None:
    row = world.receive().conversation
    write(agent, row.pk, mode="note", text="call back", key="k", cc="a@b.example", signature="1")
    noted = Message.objects.get(conversation=row, direction="note")
    assert (noted.text, noted.delivery, noted.address) == ("call back", "", {})
    row.refresh_from_db()
    assert (row.status, row.assignee_id) == (Status.WAITING, None)


def test_send_and_resolve(world: World, agent: Client) -> None:
    row = world.receive().conversation
    answer = write(agent, row.pk, mode="reply", text="Done", key="k", then="resolve")
    row.refresh_from_db()
    assert row.status == Status.RESOLVED
    assert json.loads(answer["HX-Trigger"])["desk:toast"]["undo"] == reverse("desk:reopen", args=[row.pk])


def test_a_wrong_address_is_named_and_nothing_is_stored(world: World, agent: Client) -> None:
    row = world.receive(channel=world.mailbox).conversation
    mail = world.mailbox.pk
    for form in ({"cc": "a@b.example, nonsense"}, {"text": " "}, {"mode": "forward"}, {"cc": "a@b.example\nBcc: x"}):
        answer = write(agent, row.pk, **{"mode": "reply", "text": "Hello", "key": "k", "channel": mail, **form})
        assert answer.status_code == 422
        assert answer["HX-Retarget"] == "#composer-errors"
    answer = write(agent, row.pk, mode="reply", text="x", cc="nonsense", channel=mail)
    assert "“nonsense” is not an e-mail address" in answer.content.decode()
    answer = write(agent, row.pk, mode="reply", text="x", cc="a@b.example", channel=world.shop.pk)
    assert "This channel has no copies" in answer.content.decode()
    assert not Message.objects.filter(conversation=row).exclude(direction="in").exists()


def test_copies_signature_and_files(world: World, agent: Client) -> None:
    change_own(world.me(), signature="Agent Person\nTresen")
    row = world.receive(channel=world.mailbox).conversation
    files = [
        SimpleUploadedFile("../a.txt", b"hello", "text/plain"),
        SimpleUploadedFile("b.svg", b"<svg/>", "image/svg+xml"),
    ]
    write(
        agent,
        row.pk,
        mode="reply",
        text="Hi",
        channel=world.mailbox.pk,
        cc="A <a@b.example>; c@d.example",
        bcc="e@f.example",
        signature="1",
        files=files,
    )
    sent = Message.objects.get(conversation=row, direction="out")
    assert sent.text == "Hi\n\nAgent Person\nTresen"
    assert sent.address == {"cc": ["a@b.example", "c@d.example"], "bcc": ["e@f.example"]}
    stored = {f.name: f for f in sent.attachments.all()}
    assert set(stored) == {"a.txt", "b.svg"}
    assert blobs.load(stored["a.txt"].key) == b"hello"
    assert stored["b.svg"].content_type == "application/octet-stream"


def test_a_file_beyond_the_limit_is_refused(world: World, agent: Client) -> None:
    row = world.receive().conversation
    big = SimpleUploadedFile("big.bin", b"x" * (25 * 1024 * 1024 + 1))
    answer = write(agent, row.pk, mode="reply", text="Hi", files=[big])
    assert answer.status_code == 422
    assert not Message.objects.filter(conversation=row, direction="out").exists()


def test_forwarding_quotes_the_customer_and_copies_files(world: World, agent: Client) -> None:
    key = blobs.store("attachments", b"photo")
    message = world.receive(
        "The grinder howls",
        channel=world.mailbox,
        subject="Noise",
        files=(StoredFile("p.png", "image/png", 5, "0" * 64, key),),
    )
    form = {"mode": "forward", "text": "FYI", "to": "lab@b.example", "message": message.pk, "channel": world.mailbox.pk}
    answer = write(agent, message.conversation_id, **form)
    assert answer.status_code == 200
    sent = Message.objects.get(conversation=message.conversation_id, direction="out")
    assert sent.address == {"to": ["lab@b.example"]}
    assert sent.subject == "Fwd: Noise"
    assert sent.text.startswith("FYI\n\n---------- Forwarded message ----------\nFrom: Hanna Lind\n")
    assert sent.text.endswith("\n\nThe grinder howls")
    copy = sent.attachments.get()
    assert copy.key != key
    assert blobs.load(copy.key) == b"photo"


def test_notes_and_foreign_messages_are_never_forwarded(world: World, agent: Client) -> None:
    row = world.receive(channel=world.mailbox).conversation
    write(agent, row.pk, mode="note", text="internal", key="n")
    noted = Message.objects.get(direction="note")
    foreign = world.receive("secret", channel=world.foreign_shop)
    other = world.receive("other concern", customer=world.customer("B", "b@lind.example"))
    for pk, status in ((noted.pk, 422), (foreign.pk, 404), (other.pk, 422)):
        form = {"mode": "forward", "text": "x", "to": "l@b.example", "message": pk, "channel": world.mailbox.pk}
        assert write(agent, row.pk, **form).status_code == status
    assert not Message.objects.filter(direction="out").exists()


def test_a_foreign_reply_to_gets_an_answer_only_when_it_is_chosen(world: World, agent: Client) -> None:
    row = world.receive(channel=world.mailbox, meta={"reply_to": ["other@else.example"]}).conversation
    page = agent.get(reverse("desk:conversation", args=[row.pk])).content.decode()
    assert "Wants answers at another address:" in page
    for chosen, stored in (
        ("", {}),
        ("third@evil.example", {}),
        ("other@else.example", {"to": ["other@else.example"]}),
    ):
        write(agent, row.pk, mode="reply", text="Hi", channel=world.mailbox.pk, answer_to=chosen)
        assert Message.objects.filter(conversation=row, direction="out").latest("seq").address == stored
