"""Forged mail: what it may claim and what follows from it. The core checks tokens and participants."""

from __future__ import annotations

import pytest

from tresen.channels.adapters.email.engine import threading
from tresen.channels.adapters.email.engine.headers import Address
from tresen.channels.adapters.email.engine.identity import Mailbox, own_id, unique_part, verp_id
from tresen.channels.adapters.email.tests.helpers import BOX, OWN_ID, TOKEN, UNIQUE, fixture, mail, raw, read
from tresen.channels.contract import Assurance, EventType


def hints(**named: str) -> list[tuple[str, str]]:
    return [(h.kind, h.value) for h in threading.hints(mail(**named), BOX)]


PLUS = f"service+{TOKEN}@bohne.test"
FORGERIES = {
    "In-Reply-To of a known mail": ({"in_reply_to": "<victim-7@kunde.test>"}, [("reference", "<victim-7@kunde.test>")]),
    "References of a known mail": (
        {"references": "<a@x> <victim-7@kunde.test>"},
        [("reference", "<victim-7@kunde.test>"), ("reference", "<a@x>")],
    ),
    "number in the subject": ({"subject": "Re: [#10017] Rechnung"}, [("number", "10017")]),
    "token in a foreign domain's address": ({"to": PLUS.replace("bohne.test", "bohne.test.evil.example")}, []),
    "token in a foreign local part": ({"to": f"sales+{TOKEN}@bohne.test"}, []),
    "token in the display name": ({"to": f'"{PLUS}" <service@bohne.test>'}, []),
    "token in the subject": ({"subject": TOKEN}, []),
    "token in the sender": ({"from_": "", "reply_to": PLUS}, []),
    "own id of another domain": (
        {"in_reply_to": OWN_ID.replace("bohne", "evil")},
        [("reference", OWN_ID.replace("bohne", "evil"))],
    ),
    "too short a token": ({"to": "service+abc@bohne.test"}, []),
    "the return path's address": ({"to": f"service+b-{UNIQUE}@bohne.test"}, []),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_becomes_a_token(name: str) -> None:
    named, expected = FORGERIES[name]
    assert hints(**named) == expected


@pytest.mark.parametrize(
    "named",
    [
        {"to": PLUS},
        {"cc": PLUS},
        {"to": PLUS.upper().replace(TOKEN.upper(), TOKEN)},
        {"delivered_to": PLUS},
        {"in_reply_to": OWN_ID},
    ],
)
def test_where_a_token_counts(named: dict[str, str]) -> None:
    assert hints(**named)[0] == ("token", TOKEN)


def test_the_newest_reference_comes_first_and_they_are_bounded() -> None:
    many = " ".join(f"<{n}@x>" for n in range(200))
    found = hints(references=many, in_reply_to="<reply@x>")
    assert found[:3] == [("reference", "<reply@x>"), ("reference", "<199@x>"), ("reference", "<198@x>")]
    assert len(found) == threading.REFERENCES_MAX


@pytest.mark.parametrize("claimed", ["kim@kunde.test", "Kim Lauer <kim@kunde.test>", "service@bohne.test"])
@pytest.mark.parametrize(
    "how", [{"in_reply_to": OWN_ID}, {"to": PLUS}, {"references": "<victim-7@kunde.test>"}, {"cc": "victim@kunde.test"}]
)
def test_an_unproved_sender_is_only_claimed(claimed: str, how: dict[str, str]) -> None:
    event = read(raw(**{"from": claimed}, **how))
    assert event.sender is not None and event.sender.assurance is Assurance.CLAIMED
    assert event.sender.also == ()


def test_copies_are_shown_and_grant_nothing() -> None:
    event = read(raw(cc="Boss <boss@kunde.test>, service@bohne.test", to=f"service@bohne.test, {PLUS}, b@kunde.test"))
    assert event.meta["cc"] == ["b@kunde.test", "boss@kunde.test"]
    assert event.sender is not None and event.sender.also == ()
    assert "to" not in event.reply_context


def test_a_foreign_reply_to_warns_and_is_never_answered_by_itself() -> None:
    event = read(fixture("foreign_reply_to"))
    assert event.meta["warnings"] == ["reply_to_differs", "name_looks_like_address"]
    assert event.meta["reply_to"] == ["payments@elsewhere.example"]
    assert "payments@elsewhere.example" not in repr(event.reply_context)
    assert event.sender is not None and event.sender.value == "boss@evil.example"


def test_reply_to_of_the_same_address_is_no_warning() -> None:
    assert "warnings" not in read(raw(reply_to="KIM@kunde.test")).meta


def test_several_senders_are_never_believed() -> None:
    event = read(fixture("several_from"))
    assert event.meta["warnings"] == ["several_senders"]
    twice = read(raw("From: a@kunde.test"))
    assert twice.sender is not None and twice.sender.assurance is Assurance.CLAIMED
    assert twice.meta["warnings"] == ["several_senders"]


QUARANTINED = {
    "no-reply": {"from": "no-reply@chat.example", "to": PLUS},
    "noreply in copy": {"from": "noreply@chat.example", "cc": PLUS},
    "code": {"from": "team@chat.example", "to": PLUS, "subject": "Your verification code"},
    "Bestätigung": {"from": "team@chat.example", "to": PLUS, "subject": "Bestätigen Sie Ihre Adresse"},
    "envelope only": {"from": "no-reply@chat.example", "delivered_to": PLUS},
    "with our id": {"from": "no-reply@chat.example", "to": PLUS, "in_reply_to": OWN_ID},
}


@pytest.mark.parametrize("name", QUARANTINED)
def test_ticket_trick(name: str) -> None:
    event = read(raw(**QUARANTINED[name]))
    assert event.type is EventType.MESSAGE
    assert event.meta["quarantine"]
    assert event.hints == ()
    assert event.automated


def test_a_customer_may_write_about_codes() -> None:
    event = read(raw(to=PLUS, body="Ich finde den Sicherheitscode nicht."))
    assert "quarantine" not in event.meta and event.hints[0].kind == "token"
    assert "quarantine" not in read(raw(**{"from": "no-reply@chat.example"})).meta


def test_own_ids_round_trip() -> None:
    unique = unique_part("msg_5", TOKEN)
    assert unique == unique_part("msg_5", TOKEN) != unique_part("msg_6", TOKEN)
    message_id = BOX.message_id(TOKEN, unique)
    assert own_id(message_id, BOX) == (TOKEN, unique)
    assert own_id(message_id, Mailbox("service@anders.test")) is None
    assert own_id("<x@bohne.test>", BOX) is None
    assert BOX.detail(Address("", BOX.return_path(unique))) == f"b-{unique}"
    assert verp_id(unique) == f"verp:{unique}"


def test_without_plus_addresses_only_the_message_id_carries_the_token() -> None:
    box = Mailbox("service@bohne.test", plus=False)
    assert box.reply_to(TOKEN) == box.return_path(UNIQUE) == "service@bohne.test"
    assert box.message_id(TOKEN, UNIQUE) == OWN_ID
    long = Mailbox(f"{'x' * 50}@bohne.test")
    assert long.reply_to(TOKEN) == long.address
