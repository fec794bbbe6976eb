"""Outgoing messages: in order, told honestly, never twice by themselves where twice would arrive twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tresen.accounts.models import Role
from tresen.accounts.principal import for_user
from tresen.accounts.tests.people import SETUP, present, team
from tresen.channels import delivering, reactions, registry
from tresen.channels.adapters.api.adapter import ApiAdapter
from tresen.channels.contract import ChannelView, Outbound, SendResult, SendState
from tresen.channels.models import Delivery, KnownReference
from tresen.channels.tests.shop import arrive, posted, react, send, shop, try_again
from tresen.conversations import actions
from tresen.conversations.models import Attachment, Channel, Conversation, Message
from tresen.conversations.tests.world import begin, channel, draft, queue
from tresen.customers import actions as customers
from tresen.kernel import blobs, clock
from tresen.kernel.errors import Conflict, NotFound
from tresen.kernel.models import Job
from tresen.kernel.tests.refusals import refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
OK = SendResult(SendState.ACCEPTED, ("x1",))
BUSY = SendResult(SendState.REJECTED, error="busy", retry=True)
NEVER = SendResult(SendState.REJECTED, error="no such address")
LOST = SendResult(SendState.UNKNOWN, error="the answer was lost")


class Provider(ApiAdapter):
    """Answers what it is told, in turn; then it accepts."""

    def __init__(self, idempotent: bool) -> None:
        self.capabilities = replace(ApiAdapter.capabilities, idempotent=idempotent)
        self.answers: list[SendResult | Exception] = []
        self.sent: list[Outbound] = []

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        self.sent.append(message)
        answer = self.answers.pop(0) if self.answers else OK
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Provider]]:
    """Puts a provider in the place of every adapter."""

    def make(*answers: SendResult | Exception, idempotent: bool = False) -> Provider:
        one = Provider(idempotent)
        one.answers = list(answers)
        monkeypatch.setattr(registry, "need", lambda kind: one)
        return one

    yield make


def conversation() -> Conversation:
    where = shop()
    arrive(where, posted(where))
    return Conversation.objects.get()


def answer(row: Conversation, text: str = "Guten Tag", **more: object) -> Message:
    return actions.reply(SETUP, row.pk, draft(text, **more))


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.delivery


def test_a_reply_goes_out_once_and_is_told(provider):
    far_end = provider()
    message = answer(conversation())
    for _ in range(2):
        react("message.created", reactions.deliver, message.conversation_id, reactions.is_outgoing)
    assert Job.objects.filter(name=delivering.JOB).count() == 1
    delivery = try_again(message)
    assert try_again(message).attempts == 1
    assert (delivery.state, state(message), message.external_id) == ("sent", "sent", "x1")
    assert [step["state"] for step in delivery.steps] == ["queued", "sending", "sent"]
    (sent,) = far_end.sent
    assert (sent.text, sent.to, sent.thread_key, sent.seq) == ("Guten Tag", ("clara@home.example",), "t1", 2)
    assert (sent.idempotency_key, sent.references, sent.author) == (f"msg_{message.pk}", ("m1",), "")
    assert sent.meta["number"] == message.conversation.number
    assert KnownReference.objects.get(external_id="x1").message_id == message.pk


def test_a_note_and_a_customer_s_message_never_leave_the_house(provider):
    far_end = provider()
    row = conversation()
    actions.note(SETUP, row.pk, draft("intern"))
    react("message.created", reactions.deliver, row.pk, reactions.is_outgoing)
    assert not Delivery.objects.exists()
    assert far_end.sent == []


def test_what_cannot_be_sent_now_waits_and_keeps_its_order(provider):
    far_end = provider(BUSY)
    row = conversation()
    first, second = answer(row, "eins"), answer(row, "zwei")
    delivering.open_delivery(second)
    delivery = send(first)
    assert (delivery.state, delivery.attempts, state(first), state(second)) == ("queued", 1, "queued", "queued")
    assert (delivery.due_at - clock.now()).total_seconds() == 10
    assert [m.text for m in far_end.sent] == ["eins"]
    try_again(first)
    assert len(far_end.sent) == 1
    clock.advance(timedelta(seconds=10))
    try_again(first)
    assert [m.text for m in far_end.sent] == ["eins", "eins", "zwei"]
    assert (state(first), state(second)) == ("sent", "sent")


def test_the_provider_says_when_to_come_back(provider):
    provider(replace(BUSY, retry_after=77))
    delivery = send(answer(conversation()))
    assert (delivery.due_at - clock.now()).total_seconds() == 77


def test_what_is_refused_for_good_is_shown_and_holds_nobody_up(provider):
    far_end = provider(NEVER)
    row = conversation()
    first, second = answer(row, "eins"), answer(row, "zwei")
    delivering.open_delivery(second)
    delivery = send(first)
    assert (delivery.state, state(first), first.delivery_error) == ("failed", "failed", "no such address")
    assert state(second) == "sent"
    assert [m.text for m in far_end.sent] == ["eins", "zwei"]


def test_trying_ends_in_view_not_in_silence(provider):
    provider(*[BUSY] * 50)
    message = answer(conversation())
    delivery = send(message)
    while delivery.state == "queued":
        clock.advance(timedelta(hours=7))
        delivery = try_again(message)
    assert (delivery.attempts, state(message)) == (delivering.ATTEMPTS, "failed")
    assert [step["state"] for step in delivery.steps].count("retry") == delivering.ATTEMPTS - 1


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_lost_answer_is_unknown_and_never_sent_again_by_itself(provider, idempotent: bool):
    far_end = provider(LOST, idempotent=idempotent)
    message = answer(conversation())
    assert send(message).state == "unknown"
    clock.advance(timedelta(days=9))
    try_again(message)
    assert (state(message), len(far_end.sent)) == ("unknown", 1)


def test_a_worker_that_died_while_sending_leaves_it_unknown(provider):
    far_end = provider()
    message = answer(conversation())
    delivering.open_delivery(message)
    Delivery.objects.update(state="sending", attempts=1)
    assert try_again(message).state == "unknown"
    assert (far_end.sent, state(message)) == ([], "unknown")
    assert message.delivery_error == "interrupted while sending"


def test_where_the_far_end_knows_repeats_it_is_sent_again_with_the_same_key(provider):
    far_end = provider(idempotent=True)
    message = answer(conversation())
    delivering.open_delivery(message)
    Delivery.objects.update(state="sending", attempts=1)
    assert try_again(message).state == "sent"
    assert [m.idempotency_key for m in far_end.sent] == [f"msg_{message.pk}"]


@pytest.mark.parametrize(("idempotent", "outcome"), [(False, "unknown"), (True, "queued")])
def test_an_adapter_that_breaks_is_told_as_what_it_is(provider, idempotent: bool, outcome: str):
    far_end = provider(KeyError("bug"), idempotent=idempotent)
    message = answer(conversation())
    delivery = send(message)
    assert (delivery.state, state(message)) == (outcome, outcome)
    assert "KeyError" in delivery.error
    clock.advance(timedelta(hours=1))
    try_again(message)
    assert len(far_end.sent) == (2 if idempotent else 1)


def test_a_message_whose_file_is_gone_ends_in_view_and_lets_the_next_pass(provider):
    far_end = provider()
    row = conversation()
    first, second = answer(row, "eins"), answer(row, "zwei")
    Attachment.objects.create(
        id="a", message=first, name="a", content_type="x/y", size=1, sha256="0", key="attachments/aa/" + "a" * 32
    )
    delivering.open_delivery(second)
    delivery = send(first)
    while delivery.state == "queued":
        clock.advance(timedelta(hours=7))
        delivery = try_again(first)
    assert (delivery.state, delivery.attempts, state(first)) == ("failed", delivering.ATTEMPTS, "failed")
    assert "FileNotFoundError" in delivery.error
    assert ([m.text for m in far_end.sent], state(second)) == (["zwei"], "sent")


def test_files_go_along(provider):
    far_end = provider()
    key = blobs.store("attachments", b"pdf")
    stored = actions.StoredFile("a.pdf", "application/pdf", 3, "0" * 64, key)
    send(answer(conversation(), files=(stored,)))
    (file,) = far_end.sent[0].files
    assert (file.name, file.content_type, file.content) == ("a.pdf", "application/pdf", b"pdf")


def test_a_person_sends_again_what_failed_and_it_stands_in_the_story(provider):
    far_end = provider(NEVER, OK)
    message = answer(conversation())
    send(message)
    delivering.retry(SETUP, message.pk)
    assert state(message) == "queued"
    assert try_again(message).state == "sent"
    assert len(far_end.sent) == 2
    told = [(s["state"], s["detail"]) for s in delivering.ledger(SETUP, message.pk)]
    assert ("queued", "retry by tests") in told
    with refused(Conflict):
        delivering.retry(SETUP, message.pk)
    try_again(message)
    assert len(far_end.sent) == 2


def test_a_bounce_after_sending_can_be_retried(provider):
    far_end = provider()
    message = answer(conversation())
    send(message)
    actions.set_delivery(message.pk, "failed", error="550 no such user")
    delivering.retry(SETUP, message.pk)
    try_again(message)
    assert (len(far_end.sent), state(message)) == (2, "sent")


@pytest.mark.parametrize("where", ["queued", "sending", "sent"])
def test_nothing_else_can_be_retried(provider, where: str):
    far_end = provider()
    message = answer(conversation())
    delivering.open_delivery(message)
    Delivery.objects.update(state=where)
    with refused(Conflict):
        delivering.retry(SETUP, message.pk)
    assert far_end.sent == []


def test_a_stranger_neither_retries_nor_reads_the_story(provider):
    provider(NEVER)
    ours, theirs = team("Ours"), team("Theirs")
    where = shop(queue_id=queue(team=ours).pk)
    arrive(where, posted(where))
    message = answer(Conversation.objects.get())
    send(message)
    by = for_user(present("Mallory", Role.LEAD, teams=(theirs,)))
    for call in (delivering.retry, delivering.ledger):
        with refused(NotFound):
            call(by, message.pk)
    assert state(message) == "failed"


def test_a_channel_without_an_adapter_says_at_once_that_it_cannot():
    row = begin(channel(kind="logged"))
    message = answer(row)
    react("message.created", reactions.deliver, row.pk, reactions.is_outgoing)
    assert (state(message), message.delivery_error) == ("failed", "this channel cannot send")
    assert not Delivery.objects.exists()


def test_a_channel_that_is_switched_off_keeps_its_messages(provider):
    from tresen.channels.actions import change_channel
    from tresen.channels.directory import DIRECTORY

    far_end = provider()
    row = conversation()
    message = answer(row)
    change_channel(SETUP, row.channel_id, enabled=False)
    DIRECTORY.refresh()
    assert send(message).state == "queued"
    assert far_end.sent == []
    change_channel(SETUP, row.channel_id, enabled=True)
    DIRECTORY.refresh()
    assert try_again(message).state == "sent"


def test_each_channel_of_a_conversation_has_a_lane_of_its_own(provider):
    far_end = provider(BUSY)
    row = conversation()
    other = shop()
    slow, quick = answer(row, "slow"), answer(row, "quick", channel_id=other.id)
    send(slow)
    send(quick)
    assert (state(slow), state(quick)) == ("queued", "sent")
    assert [m.text for m in far_end.sent] == ["slow", "quick"]
    assert Channel.objects.count() == 2


def test_a_provider_that_gives_an_id_twice_does_not_make_us_send_twice(provider):
    far_end = provider(OK, OK)
    row = conversation()
    first, second = answer(row, "eins"), answer(row, "zwei")
    send(first)
    assert send(second).state == "sent"
    assert (state(first), state(second), second.external_id) == ("sent", "sent", None)
    assert KnownReference.objects.get(external_id="x1").message_id == first.pk
    assert len(far_end.sent) == 2


def test_whom_it_goes_to():
    where = shop("email", settings=MAILBOX, secrets={"password": "x"})
    row = conversation()
    claimed = customers.IdentityClaim("email", "typed@home.example", "claimed")
    stranger = customers.recognise([claimed], name="", language="", actor="tests")
    message = answer(row, channel_id=where.id)
    assert delivering.recipients(where, message, {}) == ("clara@home.example",)
    assert delivering.recipients(where, message, {"to": ["thread@home.example"]}) == ("thread@home.example",)
    actions.change_customer(SETUP, row.pk, stranger.pk)
    message = Message.objects.get(pk=message.pk)
    assert delivering.recipients(where, message, {}) == ("typed@home.example",)
    nobody = customers.create_customer(name="Nobody", actor="tests")
    actions.change_customer(SETUP, row.pk, nobody.pk)
    assert delivering.recipients(where, Message.objects.get(pk=message.pk), {}) == ()


MAILBOX = {"address": "us@shop.example", "in_host": "mail.shop.example", "out_host": "mail.shop.example"}
