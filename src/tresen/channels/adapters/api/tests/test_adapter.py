"""The `api` channel: what it reads out of a body, and webhooks that any Standard Webhooks library accepts."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tresen.channels.adapters.api.adapter import ApiAdapter, read, webhook_secret
from tresen.channels.adapters.api.tests.conformance import answering, message
from tresen.channels.contract import (
    AdapterError,
    Assurance,
    ChannelView,
    EventType,
    File,
    Outbound,
    SendState,
    ThreadHint,
)
from tresen.kernel import clock, http
from tresen.kernel.tests.counterpart import Answer, Received

ADAPTER = ApiAdapter()
SECRETS = {"token": "t" * 43, "webhook_secret": "w" * 43}
CHANNEL = ChannelView(1, "k", "Shop", "api", {}, SECRETS, "http://localhost")
BODY = {"id": "m1", "thread": "t1", "from": {"kind": "email", "value": "a@b.example", "name": "A"}, "text": "Hallo"}


def outbound(**more: object) -> Outbound:
    given_ = {
        "idempotency_key": "msg_7",
        "conversation_id": 3,
        "message_id": 7,
        "seq": 2,
        "thread_key": "t1",
        "reply_context": {"thread": "t1"},
        "to": ("a@b.example",),
        "text": "Grüße 👋 שלום",
        "author": "Ada",
        "created_at": datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        "meta": {"number": "10017"},
    }
    return Outbound(**{**given_, **more})  # type: ignore[arg-type]


def deliver(*answers: Answer, **more: object) -> tuple[list[Received], list[SendState]]:
    """Sends once per answer; what the receiver got and what the adapter told."""
    got: list[Received] = []
    waiting = list(answers)

    def answer(request: Received) -> Answer:
        got.append(request)
        return waiting.pop(0)

    with answering(answer)() as settings:
        channel = replace(CHANNEL, settings=settings)
        return got, [ADAPTER.send(channel, outbound(**more)).state for _ in answers]


def test_a_body_becomes_one_message():
    at = "2026-03-02T10:00:00+01:00"
    file = {"name": "a.txt", "type": "text/plain", "base64": base64.b64encode(b"hello").decode()}
    raw = replace(
        message(CHANNEL, ""), body=json.dumps({**BODY, "at": at, "html": "<p>", "attachments": [file]}).encode()
    )
    (event,) = ADAPTER.parse(CHANNEL, raw)
    assert (event.type, event.dedup_key, event.external_id) == (EventType.MESSAGE, "m1", "m1")
    assert event.hints == (ThreadHint("key", "t1"),)
    assert event.sender is not None
    assert (event.sender.kind, event.sender.value, event.sender.name) == ("email", "a@b.example", "A")
    assert event.sender.assurance is Assurance.PROVED
    assert event.occurred_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert event.files == (File("a.txt", "text/plain", b"hello"),)
    assert event.reply_context == {"thread": "t1", "to": ["a@b.example"]}


def test_a_system_that_is_not_trusted_only_claims():
    (event,) = ADAPTER.parse(replace(CHANNEL, settings={"trusted": False}), message(CHANNEL, "x"))
    assert event.sender is not None and event.sender.assurance is Assurance.CLAIMED


@given(st.text(min_size=1, max_size=250), st.text(max_size=500))
def test_ids_and_texts_arrive_as_they_were_posted(message_id: str, text: str):
    message_id, text = message_id.replace("\x00", "x"), text.replace("\x00", "")
    body = read(json.dumps({**BODY, "id": message_id, "text": text}).encode())
    assert (body.id, body.text) == (message_id, text)


def test_what_no_database_can_hold_is_refused_or_left_out():
    assert read(json.dumps({**BODY, "text": "a\x00b"}).encode()).text == "ab"
    for field in ("id", "thread"):
        with pytest.raises(AdapterError) as caught:
            read(json.dumps({**BODY, field: "\x00"}).encode())
        assert (caught.value.status, caught.value.field) == (422, field)


def test_fields_of_a_later_version_are_ignored():
    assert read(json.dumps({**BODY, "tomorrow": 1}).encode()).id == "m1"


def test_a_reply_is_a_webhook_that_others_can_verify():
    (request,), states = deliver(Answer(204))
    assert states == [SendState.ACCEPTED]
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
    hook = Webhook(webhook_secret(SECRETS["webhook_secret"]))
    body = hook.verify(request.body, request.headers)
    assert body == {
        "type": "message.created",
        "timestamp": "2026-03-02T09:00:00+00:00",
        "data": {
            "conversation_id": 3,
            "number": "10017",
            "thread": "t1",
            "to": ["a@b.example"],
            "message": {
                "id": 7,
                "seq": 2,
                "author": "Ada",
                "subject": "",
                "text": "Grüße 👋 שלום",
                "automated": False,
                "created_at": "2026-03-02T09:00:00+00:00",
                "attachments": [],
            },
        },
    }
    assert request.headers["webhook-id"] == "msg_7"
    assert SECRETS["webhook_secret"] not in str(request.headers)


def test_an_altered_byte_a_shifted_clock_and_another_secret_are_noticed():
    (request,), _ = deliver(Answer(204))
    hook = Webhook(webhook_secret(SECRETS["webhook_secret"]))
    with pytest.raises(WebhookVerificationError):
        hook.verify(request.body.replace(b"10017", b"10018"), request.headers)
    with pytest.raises(WebhookVerificationError):
        hook.verify(request.body, request.headers | {"webhook-id": "msg_8"})
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook_secret("x" * 43)).verify(request.body, request.headers)
    with clock.frozen(datetime.now(UTC) - timedelta(seconds=301)):
        (late,), _ = deliver(Answer(204))
    with pytest.raises(WebhookVerificationError):
        hook.verify(late.body, late.headers)


def test_every_try_has_the_same_id_so_that_the_receiver_knows_repeats():
    requests, states = deliver(Answer(500), Answer(raw=b""), Answer(200))
    assert states == [SendState.REJECTED, SendState.REJECTED, SendState.ACCEPTED]
    assert [r.headers["webhook-id"] for r in requests] == ["msg_7"] * 3
    assert len({r.body for r in requests}) == 1


def test_files_go_along_in_base64():
    (request,), _ = deliver(Answer(200), files=(File("ä.pdf", "application/pdf", b"%PDF"),))
    (file,) = json.loads(request.body)["data"]["message"]["attachments"]
    assert file == {"name": "ä.pdf", "type": "application/pdf", "base64": "JVBERg=="}


def test_without_a_webhook_the_reply_waits_to_be_fetched():
    result = ADAPTER.send(CHANNEL, outbound())
    assert (result.state, result.delivered) == (SendState.ACCEPTED, False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://169.254.169.254/latest", "http://[::1]:9/", "http://10.0.0.1/"]
)
def test_addresses_of_our_own_net_are_not_called_and_not_retried(url: str):
    http.configure_exceptions([])
    result = ADAPTER.send(replace(CHANNEL, settings={"webhook_url": url}), outbound())
    assert (result.state, result.retry) == (SendState.REJECTED, False)
    (check,) = ADAPTER.check(replace(CHANNEL, settings={"webhook_url": url}))
    assert (check.ok, bool(check.fix)) == (False, True)


def test_a_redirect_into_our_own_net_is_not_followed():
    (request,), states = deliver(Answer(302, {"location": "http://169.254.169.254/latest"}))
    assert states == [SendState.REJECTED]
    assert request.path == "/"
