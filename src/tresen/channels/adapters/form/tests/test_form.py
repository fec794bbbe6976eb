"""The contact form: fields, traps and proofs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from tresen.channels.adapters.form.adapter import FormAdapter
from tresen.channels.adapters.form.fields import parse_fields
from tresen.channels.adapters.form.proof import AGE_MAX, FILL_MIN, issue
from tresen.channels.contract import (
    Accepted,
    AdapterError,
    Assurance,
    ChannelView,
    Outbound,
    RawReceipt,
    SendState,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = "p" * 48
FIELDS = """
order | Bestellnummer // Order number | required
machine | Maschine | choice: Ritmo, Presto
bought | Gekauft am // Bought on | date
cups | Tassen | number
story | Geschichte | long
"""
CHANNEL = ChannelView(1, "k1", "Form", "form", {"fields": FIELDS}, {"proof_secret": SECRET}, "https://desk.example")
ADAPTER = FormAdapter()


def post(**changes: object) -> RawReceipt:
    message_id, proof = issue(SECRET, "k1", NOW - timedelta(seconds=30))
    body = {
        "id": message_id,
        "name": "Anna",
        "email": "anna@example.org",
        "subject": "Maschine\nsteht",
        "text": "Sie braucht Wartung.",
        "fields": {"order": "4711"},
        "proof": proof,
    }
    return RawReceipt(body=json.dumps(body | changes).encode(), path="messages", received_at=NOW)


def refused(raw: RawReceipt, channel: ChannelView = CHANNEL) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        ADAPTER.authorize(channel, raw)
    return caught.value


def test_a_filled_form_becomes_one_message():
    fields = {"order": "4711", "machine": "Presto", "bought": "2026-01-31", "cups": "2,5", "story": "a\nb"}
    raw = post(fields=fields)
    accepted = ADAPTER.authorize(CHANNEL, raw)
    assert isinstance(accepted, Accepted) and accepted.key == json.loads(raw.body)["id"]
    assert json.loads(raw.body)["proof"].encode() not in accepted.body
    (event,) = ADAPTER.parse(CHANNEL, RawReceipt(body=accepted.body, received_at=NOW))
    assert event.text == (
        "Sie braucht Wartung.\n\n"
        "Bestellnummer: 4711\nMaschine: Presto\nGekauft am: 2026-01-31\nTassen: 2,5\nGeschichte: a\nb"
    )
    assert event.subject == "Maschine steht" and event.dedup_key == accepted.key
    assert (event.sender.kind, event.sender.value, event.sender.name) == ("email", "anna@example.org", "Anna")
    assert event.sender.assurance is Assurance.CLAIMED and event.sender.also == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"text": ""}, "text"),
        ({"fields": {}}, "fields.order"),
        ({"fields": {"order": "1", "rank": "admin"}}, "fields.rank"),
        ({"fields": {"order": "1", "machine": "Lento"}}, "fields.machine"),
        ({"fields": {"order": "1", "bought": "31.1.2026"}}, "fields.bought"),
        ({"fields": {"order": "1", "cups": "many"}}, "fields.cups"),
        ({"fields": {"order": "1" * 301}}, "fields.order"),
        ({"fields": {"order": 1}}, "fields.order"),
        ({"website": "https://pills.example"}, "website"),
        ({"proof": ""}, "proof"),
        ({"proof": None}, "proof"),
        ({"id": "7b0f5a52-5d8c-4f0e-9a43-1d2f0c6f9a10"}, "proof"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(changes, field):
    error = refused(post(**changes))
    assert (error.status, error.field) == (422, field)


@pytest.mark.parametrize(
    ("age", "ok"),
    [(timedelta(0), False), (FILL_MIN, True), (AGE_MAX, True), (AGE_MAX + timedelta(seconds=1), False)],
    ids=str,
)
def test_a_proof_has_an_age(age, ok):
    message_id, proof = issue(SECRET, "k1", NOW - age)
    raw = post(id=message_id, proof=proof)
    if ok:
        assert isinstance(ADAPTER.authorize(CHANNEL, raw), Accepted)
    else:
        assert refused(raw).field == "proof"


def test_a_proof_of_another_form_or_maker_is_refused():
    for secret, audience, algorithm in (
        (SECRET, "k2", "HS256"),
        ("q" * 48, "k1", "HS256"),
        (None, "k1", "none"),
    ):
        claims = {"aud": audience, "jti": str(uuid4()), "shown": NOW.timestamp() - 60}
        forged = jwt.encode(claims, secret, algorithm=algorithm)
        assert refused(post(id=claims["jti"], proof=forged)).field == "proof"


def test_one_proof_is_one_message():
    message_id, proof = issue(SECRET, "k1", NOW - timedelta(minutes=1))
    keys = {ADAPTER.authorize(CHANNEL, post(id=message_id, proof=proof, text=t)).key for t in ("a", "b")}
    assert keys == {message_id}


@pytest.mark.parametrize(
    "line",
    [
        "Order | x",
        "id | x",
        "order",
        "order | ",
        "order | x | colour",
        "order | x | choice",
        "order | x | text: a",
        "order | x | text | required | more",
        "order | x | text | date",
        "a | x\na | y",
        "\n".join(f"f{i} | x" for i in range(21)),
    ],
)
def test_a_wrong_field_line_is_named_in_the_set_up(line):
    with pytest.raises(ValueError, match=r".+"):
        parse_fields(line)
    assert set(ADAPTER.validate({"fields": line}, {})) == {"fields"}


def test_labels_have_two_languages():
    order, machine = parse_fields(FIELDS)[:2]
    assert order.label == {"de": "Bestellnummer", "en": "Order number"} and order.required
    assert machine.label == {"de": "Maschine", "en": "Maschine"} and not machine.required


def test_a_form_has_no_way_back():
    result = ADAPTER.send(CHANNEL, Outbound("1", 1, 1, 1, "", {}, (), "x"))
    assert (result.state, result.retry) == (SendState.REJECTED, False)
