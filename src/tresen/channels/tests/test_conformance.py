"""What every kind of channel has to do. An adapter brings its samples in `tests/conformance.py`."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tresen.accounts.tests.people import SETUP
from tresen.channels import adapters, registry
from tresen.channels.contract import Accepted, Adapter, AdapterError, ChannelView, EventType, Outbound, RawReceipt
from tresen.channels.tests.samples import Samples, Trouble
from tresen.channels.tests.shop import arrive, deposit, process, shop, view
from tresen.conversations.actions import reply
from tresen.conversations.models import Channel, Conversation, Message
from tresen.conversations.tests.world import begin, draft
from tresen.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
KINDS = sorted(registry.all_adapters())
TEXT = "Grüße 👩🏽‍🔧 – שלום עולם, مرحبا\nzweite Zeile"


def samples(kind: str) -> Samples:
    """An adapter without samples fails here: it cannot be relied on."""
    found: Samples = import_module(f"{adapters.__name__}.{kind}.tests.conformance").SAMPLES
    return found


def configured(kind: str) -> ChannelView:
    one = samples(kind)
    return shop(kind, settings=dict(one.settings), secrets=dict(one.secrets))


def accepted(adapter: Adapter, channel: ChannelView, raw: RawReceipt) -> RawReceipt:
    """The receipt as it is stored."""
    if not adapter.pushes:
        return raw
    found = adapter.authorize(channel, raw)
    assert isinstance(found, Accepted)
    return raw if found.body is None else replace(raw, body=found.body, headers={})


def outbound(channel: ChannelView) -> Outbound:
    return Outbound(
        idempotency_key="msg_1",
        conversation_id=1,
        message_id=1,
        seq=2,
        thread_key="t1",
        reply_context={},
        to=("clara@home.example",),
        text=TEXT,
        subject="Frage",
        reply_token="t" * 27,
        created_at=clock.now(),
    )


forged = [(kind, name) for kind in KINDS if samples(kind).forgeries for name in ("*",)]
troubled = [(kind, trouble) for kind in KINDS for trouble in samples(kind).troubles]
pushing = [kind for kind in KINDS if registry.all_adapters()[kind].pushes]
reporting = [kind for kind in KINDS if samples(kind).report]
not_understanding = [kind for kind in KINDS if samples(kind).unknown]


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is(kind: str):
    adapter = registry.all_adapters()[kind]
    assert adapter.kind == kind
    assert adapter.label and adapter.icon
    assert adapter.pushes or adapter.pulls
    assert adapter.capabilities.formats <= {"text", "html"}
    assert adapter.capabilities.receipts <= {"delivered", "read", "failed"}
    keys = [setting.key for setting in adapter.settings]
    assert len(keys) == len(set(keys))
    assert {s.kind for s in adapter.settings} <= {"text", "secret", "number", "bool", "choice", "email", "url", "lines"}
    assert all(s.choices for s in adapter.settings if s.kind == "choice")
    secret = {s.key for s in adapter.settings if s.kind == "secret"} | set(adapter.generated_secrets)
    assert not {"token", "password", "secret", "api_key"} & (set(keys) - secret)


@pytest.mark.parametrize("kind", KINDS)
def test_one_message_is_one_event_and_always_the_same(kind: str):
    adapter, channel = registry.all_adapters()[kind], configured(kind)
    stored = accepted(adapter, channel, samples(kind).message(channel, TEXT))
    (event,) = adapter.parse(channel, stored)
    assert event.type is EventType.MESSAGE
    assert event.text.strip() == TEXT
    assert 1 <= len(event.dedup_key) <= 300
    assert event.sender is not None and event.sender.value
    assert list(adapter.parse(channel, stored)) == [event]


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_arrives_whole_with_emoji_and_right_to_left_text(kind: str):
    channel = configured(kind)
    receipt = arrive(channel, samples(kind).message(channel, TEXT))
    assert (receipt.state, receipt.error) == ("done", "")
    assert Message.objects.get().text.strip() == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_database_can_hold_is_left_out(kind: str):
    channel = configured(kind)
    receipt = arrive(channel, samples(kind).message(channel, "a\x00b"))
    assert (receipt.state, receipt.error) == ("done", "")
    assert "\x00" not in Message.objects.get().text


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_again_is_one_message(kind: str):
    """As the same request, and as another one that carries the same message."""
    channel = configured(kind)
    raw = samples(kind).message(channel, TEXT)
    first = arrive(channel, raw)
    if registry.all_adapters()[kind].pushes:
        assert deposit(channel, raw).pk == first.pk
    again = arrive(channel, raw, key="another")
    assert again.pk != first.pk
    assert (again.state, again.error) == ("done", "")
    assert (Message.objects.count(), Conversation.objects.count()) == (1, 1)


@pytest.mark.parametrize("kind", [kind for kind, _ in forged])
def test_what_is_forged_is_refused_and_told_nothing(kind: str):
    adapter, channel, one = registry.all_adapters()[kind], configured(kind), samples(kind)
    assert one.forgeries is not None
    found = one.forgeries(channel, one.message(channel, TEXT))
    assert len(found) >= 3
    for name, raw in found.items():
        with pytest.raises(AdapterError) as caught:
            adapter.authorize(channel, raw)
        assert caught.value.status == one.refused_with, name
        assert not (caught.value.status == 401 and caught.value.detail), name
        for secret in channel.secrets.values():
            assert secret not in str(caught.value), name


@pytest.mark.parametrize("kind", pushing)
def test_without_its_secrets_a_channel_takes_nothing(kind: str):
    """Fail closed: an empty secret must not open the door to an empty signature."""
    adapter, channel = registry.all_adapters()[kind], configured(kind)
    raw = samples(kind).message(channel, TEXT)
    for secrets in ({}, dict.fromkeys(channel.secrets, "")):
        with pytest.raises(AdapterError) as caught:
            adapter.authorize(replace(channel, secrets=secrets), raw)
        assert caught.value.status == samples(kind).refused_with


@pytest.mark.parametrize("kind", KINDS)
@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_breaks_it(kind: str, body: bytes):
    """A push is refused by its status; what was fetched already becomes events, whatever it is."""
    adapter = registry.all_adapters()[kind]
    channel = ChannelView(1, "k", "C", kind, dict(samples(kind).settings), _some_secrets(adapter, kind), "http://x")
    raw = replace(samples(kind).message(channel, TEXT), body=body)
    if not adapter.pushes:
        assert len(list(adapter.parse(channel, raw))) == 1
        return
    with pytest.raises(AdapterError) as caught:
        adapter.authorize(channel, raw)
    assert caught.value.status in (401, 422)


def _some_secrets(adapter: Adapter, kind: str) -> dict[str, str]:
    return {**dict.fromkeys(adapter.generated_secrets, "s" * 43), **samples(kind).secrets}


@pytest.mark.parametrize("kind", not_understanding)
def test_what_it_does_not_understand_is_kept_and_shown(kind: str):
    channel, one = configured(kind), samples(kind)
    assert one.unknown is not None
    receipt = arrive(channel, one.unknown(channel))
    assert (receipt.state, receipt.error) == ("done", "")
    message = Message.objects.get()
    assert message.supported is False
    assert message.attachments.count() == 1 or message.text


@pytest.mark.parametrize("kind", reporting)
def test_a_report_about_nothing_of_ours_is_harmless(kind: str):
    """Before the send was recorded, and for ids that were never ours: no message changes its state."""
    channel, one = configured(kind), samples(kind)
    assert one.report is not None
    row = begin(Channel.objects.get(pk=channel.id))
    ours = reply(SETUP, row.pk, draft())
    receipt = arrive(channel, one.report(channel, "<.abcdefghijklmnopqrst@shop.example>"))
    assert (receipt.state, receipt.error) == ("done", "")
    ours.refresh_from_db()
    assert ours.delivery == "queued"


@pytest.mark.parametrize(("kind", "trouble"), troubled, ids=[f"{kind}-{t.name}" for kind, t in troubled])
def test_sending_tells_what_happened_and_never_raises(kind: str, trouble: Trouble, caplog: pytest.LogCaptureFixture):
    channel = configured(kind)
    caplog.set_level(logging.DEBUG)
    with trouble.far_end() as settings:
        there = replace(channel, settings={**channel.settings, **settings})
        result = registry.need(kind).send(there, outbound(channel))
    assert (result.state, result.retry, result.retry_after) == (trouble.state, trouble.retry, trouble.retry_after)
    assert bool(result.error) is (trouble.name != "accepted")
    for secret in channel.secrets.values():
        assert secret not in caplog.text
        assert secret not in result.error


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_printed_and_logged_nowhere(kind: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    channel, one = configured(kind), samples(kind)
    raw = one.message(channel, TEXT)
    receipt = arrive(channel, raw)
    forgeries = one.forgeries(channel, raw).values() if one.forgeries else ()
    for each in forgeries:
        with pytest.raises(AdapterError):
            registry.need(kind).authorize(channel, each)
    process()
    shown = caplog.text + repr(channel) + repr(view(channel.id)) + repr(raw) + repr(receipt.__dict__["error"])
    assert channel.secrets
    for secret in channel.secrets.values():
        assert secret not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_its_form_says_what_is_missing_and_survives_nonsense(kind: str):
    adapter, one = registry.all_adapters()[kind], samples(kind)
    full = {s.key: one.settings.get(s.key, s.default) for s in adapter.settings if s.kind != "secret"}
    assert adapter.validate(full, _some_secrets(adapter, kind)) == {}
    needed = {s.key for s in adapter.settings if s.required}
    assert needed <= set(adapter.validate({}, {}))
    for nonsense in ("", None, "\x00", "x" * 5000, "🙂"):
        errors = adapter.validate({s.key: nonsense for s in adapter.settings}, {})
        assert all(isinstance(text, str) and text for text in errors.values())
