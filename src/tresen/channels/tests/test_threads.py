"""Which conversation a message joins: evidence × who claims it. A forged sender never speaks in a foreign concern."""

from __future__ import annotations

import pytest

from tresen.accounts.tests.people import SETUP
from tresen.channels import threads
from tresen.channels.contract import Assurance, ChannelView, EventType, InboundEvent, Sender, ThreadHint
from tresen.channels.models import KnownReference, ThreadLink
from tresen.channels.tests.shop import shop
from tresen.conversations import actions
from tresen.conversations.models import Channel, Conversation
from tresen.conversations.tests.world import draft, receive
from tresen.customers import actions as customers
from tresen.customers.models import Customer

pytestmark = pytest.mark.django_db
CLARA, MALLORY = "clara@home.example", "mallory@evil.example"
REFERENCE = "<m1@home.example>"


def recognise(value: str, assurance: Assurance) -> Customer:
    claim = customers.IdentityClaim("email", value, assurance.value)
    return customers.recognise([claim], name="", language="", actor="tests")


def event(value: str, assurance: Assurance = Assurance.PROVED, *hints: tuple[str, str], **more: object) -> InboundEvent:
    return InboundEvent(
        dedup_key="k",
        type=EventType.MESSAGE,
        sender=Sender("email", value, assurance=assurance),
        hints=tuple(ThreadHint(kind, hint) for kind, hint in hints),
        **more,  # type: ignore[arg-type]
    )


class Case:
    """A channel with a conversation of Clara's, known by a key, a token, a reference and a number."""

    def __init__(self, clara: Assurance) -> None:
        self.channel = shop()
        self.clara = recognise(CLARA, clara)
        row = Channel.objects.get(pk=self.channel.id)
        self.message = receive(row, self.clara)
        self.conversation = self.message.conversation
        first = event(CLARA, clara, ("key", "t1"), external_id=REFERENCE)
        self.link = threads.remember(self.channel, first, self.message)
        self.evidence = {
            "key": "t1",
            "token": self.link.token,
            "reference": REFERENCE,
            "number": self.conversation.number,
        }

    def match(self, kind: str, value: str, assurance: Assurance, channel: ChannelView | None = None) -> threads.Match:
        found = event(value, assurance, (kind, self.evidence[kind]))
        return threads.find(channel or self.channel, found, recognise(value, assurance))


P, C, S = Assurance.PROVED, Assurance.CLAIMED, Assurance.SIGNED
# (evidence, Clara has proved her address?, who sends, how sure) → joins, as a stranger
MATRIX = [
    ("key", P, CLARA, P, True, False),
    ("key", P, MALLORY, P, True, False),  # the channel's own thread: the posting system vouches for it
    ("token", P, CLARA, P, True, False),
    ("token", P, CLARA, C, True, False),
    ("token", P, MALLORY, P, True, True),
    ("token", P, MALLORY, C, True, True),
    ("reference", P, CLARA, P, True, False),
    ("reference", P, CLARA, S, True, False),
    ("reference", P, CLARA, C, True, False),  # a reply that lost its signature on the way
    ("reference", P, MALLORY, P, False, False),
    ("reference", P, MALLORY, C, False, False),
    ("number", P, CLARA, P, True, False),
    ("number", P, CLARA, C, False, False),  # anybody can guess a number and write any sender
    ("number", P, MALLORY, P, False, False),
    ("number", P, MALLORY, C, False, False),
    ("reference", C, CLARA, C, True, False),
    ("reference", C, MALLORY, C, False, False),
    ("number", C, CLARA, C, True, False),  # nobody proved it: all that is known is the claim
    ("number", C, MALLORY, P, False, False),
]


@pytest.mark.parametrize(("kind", "clara", "sender", "assurance", "joins", "stranger"), MATRIX)
def test_evidence_and_sender(
    kind: str, clara: Assurance, sender: str, assurance: Assurance, joins: bool, stranger: bool
):
    case = Case(clara)
    found = case.match(kind, sender, assurance)
    assert found.conversation_id == (case.conversation.pk if joins else None)
    assert found.stranger is stranger
    assert found.rule == (kind if joins else "new")


def test_a_token_is_not_repeated_where_it_decided():
    case = Case(P)
    assert case.match("token", CLARA, P).value == ""
    assert len(case.link.token) == 27  # 160 bits


@pytest.mark.parametrize("kind", ["key", "token", "reference"])
def test_evidence_counts_on_its_own_channel_only(kind: str):
    case = Case(P)
    assert case.match(kind, CLARA, P, shop()).conversation_id is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("key", ""),
        ("key", "t2"),
        ("token", ""),
        ("token", "x" * 400),
        ("reference", ""),
        ("reference", "<other@home.example>"),
        ("number", ""),
        ("number", "0"),
        ("number", "99999999999999999999"),
        ("number", "١٠٠"),
    ],
)
def test_what_leads_nowhere_begins_a_new_conversation(kind: str, value: str):
    case = Case(P)
    case.evidence[kind] = value
    assert case.match(kind, CLARA, P) == threads.Match(None)


def test_every_single_wrong_digit_of_a_number_leads_nowhere():
    case = Case(P)
    number = case.conversation.number
    for place, digit in enumerate(number):
        for wrong in set("0123456789") - {digit}:
            case.evidence["number"] = number[:place] + wrong + number[place + 1 :]
            assert case.match("number", CLARA, P).conversation_id is None


def test_the_first_hint_that_holds_decides():
    case, other = Case(P), Case(P)
    hints = (("token", "forged"), ("reference", "<unknown@x>"), ("number", other.conversation.number))
    found = threads.find(case.channel, event(CLARA, P, *hints), case.clara)
    assert (found.conversation_id, found.rule) == (other.conversation.pk, "number")
    hints = (("token", case.link.token), ("number", other.conversation.number))
    assert threads.find(case.channel, event(CLARA, P, *hints), case.clara).conversation_id == case.conversation.pk


@pytest.mark.parametrize("kind", ["key", "token", "reference", "number"])
def test_what_is_quarantined_joins_nothing(kind: str):
    case = Case(P)
    found = event(
        CLARA, P, (kind, case.evidence[kind]), meta={"quarantine": "no-reply sender wrote to a reply address"}
    )
    assert threads.find(case.channel, found, case.clara) == threads.Match(None, "quarantine")


def test_whom_an_agent_wrote_to_takes_part_and_nobody_by_being_copied_in_blind():
    case = Case(P)
    address = {"to": [" Expert@Lab.example "], "cc": ["copy@lab.example"], "bcc": ["blind@lab.example"]}
    actions.reply(SETUP, case.conversation.pk, draft(address=address))
    for value, joins in (("expert@lab.example", True), ("copy@lab.example", True), ("blind@lab.example", False)):
        assert (case.match("reference", value, P).conversation_id is not None) is joins


def test_another_address_of_the_same_customer_takes_part():
    case = Case(P)
    customers.add_identity(case.clara.pk, "email", "work@firm.example", assurance="proved", actor="tests")
    assert case.match("number", "work@firm.example", P).conversation_id == case.conversation.pk


def test_an_event_without_a_sender_takes_part_in_nothing():
    case = Case(P)
    nobody = InboundEvent("k", EventType.MESSAGE, hints=(ThreadHint("reference", REFERENCE),))
    assert threads.find(case.channel, nobody, case.clara) == threads.Match(None)


def test_a_thread_follows_its_customer_into_the_next_conversation():
    case = Case(P)
    actions.resolve(SETUP, case.conversation.pk)
    Conversation.objects.update(resolved_at="2020-01-01T00:00:00Z")
    second = receive(Channel.objects.get(pk=case.channel.id), case.clara, conversation_id=case.conversation.pk)
    assert second.conversation_id != case.conversation.pk
    link = threads.remember(case.channel, event(CLARA, P, ("key", "t1"), reply_context={"to": ["x"]}), second)
    assert (link.pk, link.conversation_id, link.context) == (case.link.pk, second.conversation_id, {"to": ["x"]})
    assert link.token == case.link.token
    assert ThreadLink.objects.count() == 1


def test_a_known_reference_is_never_taken_over():
    case = Case(P)
    row = Channel.objects.get(pk=case.channel.id)
    mallory = receive(row, recognise(MALLORY, P))
    threads.note_reference(case.channel.id, REFERENCE, mallory.pk)
    threads.note_reference(case.channel.id, "", mallory.pk)
    assert KnownReference.objects.get().message_id == case.message.pk
