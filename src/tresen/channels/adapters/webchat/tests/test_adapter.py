"""The chat's counter: what it takes, what it refuses, and what it makes of a message."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.adapter import WebchatAdapter
from tresen.channels.adapters.webchat.look import readable_on
from tresen.channels.adapters.webchat.tokens import Identity, Visitor
from tresen.channels.contract import (
    Accepted,
    AdapterError,
    Assurance,
    ChannelView,
    Outbound,
    RawReceipt,
    SendState,
    ThreadHint,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CHANNEL = ChannelView(
    1,
    "k1",
    "Chat",
    "webchat",
    {},
    {"token_secret": "t" * 48, "identity_secret": "i" * 48},
    "https://desk.example",
)
ADAPTER = WebchatAdapter()
VISITOR = Visitor("v1")


def post(body: object, visitor: Visitor | None = VISITOR, **changes: object) -> RawReceipt:
    headers = {"content-type": "application/json"}
    if visitor:
        headers["authorization"] = "Bearer " + tokens.issue("t" * 48, "k1", visitor, NOW)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"body": raw, "headers": headers, "path": "messages", "received_at": NOW} | changes
    return RawReceipt(**given)  # type: ignore[arg-type]


def events(raw: RawReceipt):
    accepted = ADAPTER.authorize(CHANNEL, raw)
    assert isinstance(accepted, Accepted)
    return list(ADAPTER.parse(CHANNEL, RawReceipt(body=accepted.body, received_at=NOW)))


def refused(raw: RawReceipt) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        ADAPTER.authorize(CHANNEL, raw)
    return caught.value


def test_a_message_of_a_visitor():
    uuid = str(uuid4())
    picture = {"name": "../a\u202egnp.exe", "type": "image/png", "base64": base64.b64encode(b"png").decode()}
    (event,) = events(post({"id": uuid.upper(), "text": " Hallo\r\nWelt\x00 ", "attachments": [picture]}))
    assert event.dedup_key == event.external_id == f"v1:{uuid}"
    assert event.text == "Hallo\nWelt"
    assert (event.sender.kind, event.sender.value, event.sender.assurance) == (
        "visitor",
        "v1",
        Assurance.PROVED,
    )
    assert event.sender.also == () and event.hints == (ThreadHint("key", "v1"),)
    assert event.files[0].content == b"png" and event.files[0].name == "../agnp.exe"
    assert event.occurred_at == NOW and not event.html


def test_what_the_offline_form_says_is_only_claimed():
    (event,) = events(post({"id": str(uuid4()), "text": "x", "name": "Anna\n<b>", "email": "anna@example.org"}))
    assert event.sender.name == "Anna <b>"
    assert event.sender.also == (("email", "anna@example.org", Assurance.CLAIMED),)


def test_a_signed_identity_counts_and_a_typed_address_beside_it_does_not():
    visitor = Visitor("s1", Identity("42", "anna@example.org", "Anna"), ("v1",))
    (event,) = events(post({"id": str(uuid4()), "text": "x", "name": "Chef", "email": "boss@example.org"}, visitor))
    assert (event.sender.kind, event.sender.value) == ("external", "k1:42")
    assert event.sender.assurance is Assurance.SIGNED and event.sender.name == "Anna"
    assert event.sender.also == (
        ("visitor", "s1", Assurance.PROVED),
        ("visitor", "v1", Assurance.PROVED),
        ("email", "anna@example.org", Assurance.SIGNED),
        ("email", "boss@example.org", Assurance.CLAIMED),
    )
    assert event.hints == (ThreadHint("key", "s1"), ThreadHint("key", "v1"))


def test_the_token_is_not_stored():
    raw = post({"id": str(uuid4()), "text": "x"})
    accepted = ADAPTER.authorize(CHANNEL, raw)
    token = raw.headers["authorization"].split()[1]
    assert isinstance(accepted, Accepted) and token.encode() not in accepted.body
    assert token.split(".")[2].encode() not in accepted.body


def test_the_same_uuid_of_two_visitors_is_two_messages():
    body = {"id": str(uuid4()), "text": "x"}
    keys = {ADAPTER.authorize(CHANNEL, post(body, Visitor(v))).key for v in ("v1", "v2")}
    assert len(keys) == 2


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", "bearer\tx"])
def test_without_a_token_that_holds_nothing_is_said(authorization):
    error = refused(post(b"not even json", None, headers={"authorization": authorization}))
    assert (error.status, error.detail, error.field) == (401, "", "")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'{"id":"\\ud800"}', "body"),
        (b"[" * 100_000, "body"),
        ({"text": "x"}, "id"),
        ({"id": "1", "text": "x"}, "id"),
        ({"id": 1, "text": "x"}, "id"),
        ({"id": "{U}"}, "text"),
        ({"id": "{U}", "text": " \n\x00 "}, "text"),
        ({"id": "{U}", "text": "x" * 10_001}, "text"),
        ({"id": "{U}", "text": ["x"]}, "text"),
        ({"id": "{U}", "text": "x", "name": "n" * 201}, "name"),
        ({"id": "{U}", "text": "x", "email": "anna"}, "email"),
        ({"id": "{U}", "text": "x", "email": "a@b.de\nBcc: c@d.de"}, "email"),
        ({"id": "{U}", "text": "x", "email": "<script>@b.de"}, "email"),
        ({"id": "{U}", "attachments": [{"name": "a"}]}, "attachments.0.base64"),
        ({"id": "{U}", "attachments": [{"name": "a", "base64": "%%"}]}, "attachments.0.base64"),
        ({"id": "{U}", "attachments": [{"name": "", "base64": ""}]}, "attachments.0.name"),
        ({"id": "{U}", "attachments": [{"name": "a", "base64": ""}] * 11}, "attachments"),
        ({"id": "{U}", "attachments": {"name": "a"}}, "attachments"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_body_names_the_field(body, field):
    if isinstance(body, dict):
        body = {k: (str(uuid4()) if v == "{U}" else v) for k, v in body.items()}
    error = refused(post(body))
    assert (error.status, error.field) == (422, field)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: (
            st.lists(s) | st.dictionaries(st.sampled_from(["id", "text", "name", "email", "attachments", "x"]), s)
        ),
        max_leaves=8,
    )
)
def test_any_json_is_taken_or_refused_by_name(value):
    try:
        ADAPTER.authorize(CHANNEL, post(value))
    except AdapterError as error:
        assert error.status == 422 and error.field


def test_only_the_message_path_exists():
    assert refused(post({}, path="other")).status == 404
    assert refused(post({}, method="PUT")).status == 405


def test_sent_means_stored():
    result = ADAPTER.send(CHANNEL, Outbound("1", 1, 1, 1, "v1", {}, (), "Guten Tag"))
    assert (result.state, result.delivered, result.retry) == (SendState.ACCEPTED, False, False)


@pytest.mark.parametrize(
    ("chosen", "fields"),
    [
        ({"colour": "#12345g"}, {"colour"}),
        ({"colour": "red;}*{display:none"}, {"colour"}),
        ({"origins": "https://shop.example\nhttps://b.example/path"}, {"origins"}),
        ({"origins": "javascript:alert(1)"}, {"origins"}),
        ({"origins": "https://shop.example/"}, {"origins"}),
        ({"origins": "https://Shop.example"}, {"origins"}),
        ({"origins": "https://shop.example\nhttp://localhost:3000", "colour": "#aabbcc"}, set()),
    ],
)
def test_settings_are_checked(chosen, fields):
    assert set(ADAPTER.validate(chosen, {})) == fields


@given(st.integers(0, 0xFFFFFF))
def test_text_is_readable_on_every_colour(number):
    colour = f"#{number:06x}"

    def luminance(shown):
        parts = [int(shown[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return sum(
            w * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
            for w, v in zip((0.2126, 0.7152, 0.0722), parts, strict=True)
        )

    light, dark = sorted((luminance(colour), luminance(readable_on(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
