"""From a receipt to a message: once, whole, and without holding anybody else up."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from tresen.accounts.tests.people import SETUP
from tresen.channels import actions, filters, processing, registry
from tresen.channels.adapters.api.adapter import ApiAdapter
from tresen.channels.contract import EventType, InboundEvent, RawReceipt, Sender
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import KnownReference, Receipt
from tresen.channels.processing import clean_name, sniff
from tresen.channels.tests.shop import arrive, deposit, posted, process, shop
from tresen.conversations.actions import reply
from tresen.conversations.models import Attachment, Conversation, Message
from tresen.conversations.tests.world import draft
from tresen.customers.models import Identity
from tresen.kernel import blobs, clock, db
from tresen.kernel.errors import NotFound
from tresen.kernel.tests.refusals import refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")


def file(name: str, kind: str, content: bytes) -> dict[str, str]:
    return {"name": name, "type": kind, "base64": base64.b64encode(content).decode()}


def test_a_posted_message_becomes_a_conversation_of_its_customer():
    channel = shop()
    receipt = arrive(channel, posted(channel, text="Grüße 👋 שלום", subject="Frage", html="<p>x</p>"))
    assert (receipt.state, receipt.error) == ("done", "")
    message = Message.objects.get()
    assert (message.text, message.subject, message.author, message.external_id) == (
        "Grüße 👋 שלום",
        "Frage",
        "Clara",
        "m1",
    )
    assert message.meta["thread"] == {"rule": "new", "value": ""}
    identity = Identity.objects.get()
    assert (identity.value, identity.assurance) == ("clara@home.example", "proved")
    assert KnownReference.objects.get().external_id == "m1"


def test_the_second_message_of_a_thread_joins_the_first():
    channel = shop()
    arrive(channel, posted(channel, "m1"))
    arrive(channel, posted(channel, "m2"))
    assert Conversation.objects.count() == 1
    assert list(Message.objects.order_by("seq").values_list("external_id", "meta__thread__rule")) == [
        ("m1", "new"),
        ("m2", "key"),
    ]


def test_a_receipt_that_was_processed_twice_makes_one_message():
    channel = shop()
    receipt = arrive(channel, posted(channel))
    Receipt.objects.update(state="pending")
    process()
    receipt.refresh_from_db()
    assert receipt.state == "done"
    assert Message.objects.count() == 1


def test_an_untrusted_system_only_claims():
    channel = shop(settings={"trusted": False})
    arrive(channel, posted(channel))
    assert Identity.objects.get().assurance == "claimed"


class Poisoned(ApiAdapter):
    """Fails for bodies that contain `poison`."""

    def parse(self, channel, raw: RawReceipt):
        if b"poison" in raw.body:
            raise RecursionError("too deep")
        return super().parse(channel, raw)


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "need", lambda kind: Poisoned())


@pytest.mark.usefixtures("poisoned")
def test_a_poisoned_receipt_stops_nobody_and_is_parked_in_view():
    channel, other = shop(), shop()
    bad = deposit(channel, posted(channel, "m1", "poison"))
    deposit(channel, posted(channel, "m2"))
    deposit(other, posted(other, "m3"))
    process()
    assert set(Message.objects.values_list("external_id", flat=True)) == {"m2", "m3"}
    waits = []
    for _ in range(processing.ATTEMPTS - 1):
        bad.refresh_from_db()
        assert bad.state == "pending"
        waits.append((bad.due_at - clock.now()).total_seconds())
        process()  # not due yet
        clock.advance(timedelta(seconds=waits[-1]))
        process()
    bad.refresh_from_db()
    assert waits == [2, 4, 8, 16, 32]
    assert (bad.state, bad.attempts) == ("parked", processing.ATTEMPTS)
    assert "RecursionError: too deep" in bad.error
    assert [r.pk for r in processing.parked()] == [bad.pk]
    assert bytes(bad.body or b"") == posted(channel, "m1", "poison").body  # nothing is lost
    assert Message.objects.count() == 2


@pytest.mark.usefixtures("poisoned")
def test_a_person_retries_what_is_parked(monkeypatch):
    channel = shop()
    bad = deposit(channel, posted(channel, "m1", "poison"))
    Receipt.objects.update(state="parked", attempts=6)
    processing.retry(bad.pk)
    process()
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == ("pending", 1)
    Receipt.objects.update(state="parked")
    monkeypatch.setattr(registry, "need", lambda kind: ApiAdapter())
    processing.retry(bad.pk)
    process()
    bad.refresh_from_db()
    assert (bad.state, bad.error) == ("done", "")
    assert Message.objects.get().text == "poison"
    with refused(NotFound):
        processing.retry(bad.pk)


def test_a_receipt_that_fails_half_way_leaves_nothing_behind(monkeypatch):
    channel = shop()
    good = posted(channel)

    class Two(ApiAdapter):
        def parse(self, channel, raw):
            yield from super().parse(channel, raw)
            yield InboundEvent("second", EventType.MESSAGE)  # without a sender

    monkeypatch.setattr(registry, "need", lambda kind: Two())
    receipt = arrive(channel, good)
    assert (receipt.state, receipt.attempts) == ("pending", 1)
    assert "a message needs a sender" in receipt.error
    assert not Message.objects.exists()
    assert not Identity.objects.exists()


def test_the_database_being_away_costs_no_try(monkeypatch):
    channel = shop()
    receipt = deposit(channel, posted(channel))

    def away(*_args, **_more):
        raise OperationalError("away")

    with monkeypatch.context() as patch, pytest.raises(OperationalError), db.atomic(savepoint=True):
        patch.setattr(processing.conversations, "receive", away)
        patch.setattr(db, "works", lambda: False)
        processing.step()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.attempts) == ("pending", 0)
    process()
    assert Message.objects.count() == 1


def test_what_came_before_a_channel_was_switched_off_waits_for_it():
    channel = shop()
    receipt = deposit(channel, posted(channel))
    actions.change_channel(SETUP, channel.id, enabled=False)
    DIRECTORY.refresh()
    process()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.attempts) == ("pending", 0)
    actions.change_channel(SETUP, channel.id, enabled=True)
    DIRECTORY.refresh()
    clock.advance(timedelta(minutes=2))
    process()
    assert Message.objects.count() == 1


def test_what_another_worker_has_is_left_to_it_without_asking_all_the_time(monkeypatch):
    @contextmanager
    def taken(_channel_id: int) -> Iterator[bool]:
        yield False

    channel = shop()
    for n in range(processing.BATCH):
        deposit(channel, posted(channel, f"m{n}"))
    with monkeypatch.context() as patch:
        patch.setattr(processing, "_own_channel", taken)
        assert processing.step() is False
    assert not Message.objects.exists()
    assert processing.step() is True
    assert Message.objects.count() == processing.BATCH


def test_a_large_receipt_is_read_from_its_file():
    channel = shop()
    raw = posted(channel, text="x" * 90_000)
    receipt = deposit(channel, raw)
    Receipt.objects.filter(pk=receipt.pk).update(body=None, file=blobs.store("receipts", raw.body))
    process()
    assert Message.objects.get().text == "x" * 90_000


def test_a_file_that_is_gone_is_parked_not_skipped():
    channel = shop()
    receipt = deposit(channel, posted(channel))
    Receipt.objects.filter(pk=receipt.pk).update(body=None, file="receipts/aa/" + "a" * 32)
    process()
    receipt.refresh_from_db()
    assert (receipt.state, receipt.attempts) == ("pending", 1)
    assert "FileNotFoundError" in receipt.error


def test_an_unknown_type_is_kept_and_shown_as_such(monkeypatch):
    channel = shop()

    class Odd(ApiAdapter):
        def parse(self, channel, raw):
            yield InboundEvent("d1", EventType.UNSUPPORTED, Sender("email", "c@home.example"), text="a sticker")
            yield InboundEvent("d2", EventType.IGNORED)

    monkeypatch.setattr(registry, "need", lambda kind: Odd())
    assert arrive(channel, posted(channel)).state == "done"
    message = Message.objects.get()
    assert (message.supported, message.text) == (False, "a sticker")


def test_a_report_for_what_is_not_ours_or_not_there_is_harmless(monkeypatch):
    channel = shop()
    arrive(channel, posted(channel))
    ours = reply(SETUP, Conversation.objects.get().pk, draft())

    class Reports(ApiAdapter):
        def parse(self, channel, raw):
            yield InboundEvent("s1", EventType.STATUS, status="delivered", status_for=("never-seen", "m1"))

    monkeypatch.setattr(registry, "need", lambda kind: Reports())
    assert arrive(channel, posted(channel, "m2")).state == "done"
    assert dict(Message.objects.values_list("direction", "delivery")) == {"in": "", "out": "queued"}
    KnownReference.objects.create(channel_id=channel.id, external_id="never-seen", message=ours)
    assert arrive(channel, posted(channel, "m3")).state == "done"
    ours.refresh_from_db()
    assert ours.delivery == "delivered"


def test_attachments_get_random_names_and_the_type_that_they_are():
    channel = shop()
    files = [
        file("../../etc/passwd", "image/png", PNG),
        file("a\u200b.png.exe", "image/png", b"MZ\x90\x00"),
        file("", "text/plain", b"hello"),
    ]
    arrive(channel, posted(channel, attachments=files))
    rows = list(Attachment.objects.order_by("name"))
    assert [r.name for r in rows] == ["a.png.exe", "file", "passwd"]
    assert [r.size for r in rows] == [4, 5, len(PNG)]
    assert rows[2].content_type == "image/png"
    assert rows[0].content_type != "image/png"
    for row in rows:
        assert row.key.startswith("attachments/")
        assert row.name not in row.key
    assert blobs.load(rows[2].key) == PNG


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain"),
        (b"<html><script>alert(1)</script></html>", "text/html"),
        (b"<!doctype html><p>x", "text/plain"),
        (b"<script>alert(1)</script>", "application/xhtml+xml"),
        (b"alert(1)", "text/javascript"),
        (b"alert(1)", "Application/JavaScript; charset=utf-8"),
        (b"x", "image/svg+xml;charset=utf-8"),
        (b"x", "x/ä"),
        (b"x", "nonsense"),
        (b"", ""),
    ],
)
def test_what_can_run_is_never_told_as_its_type(content: bytes, declared: str):
    found = sniff(content, declared)
    assert found in ("application/octet-stream", "text/plain")
    assert found == "application/octet-stream" or declared == "text/plain"


def test_harmless_types_are_told():
    assert sniff(PNG, "application/octet-stream") == "image/png"
    assert sniff(b"%PDF-1.7\n", "") == "application/pdf"
    assert sniff(b"hello", "text/plain; charset=utf-8") == "text/plain"


@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_content_has_a_plain_type_that_runs_nothing(content: bytes, declared: str):
    found = sniff(content, declared)
    assert found.isascii() and "/" in found and not any(c in found for c in "\r\n ;\"'")
    assert not any(word in found for word in ("svg", "html", "xml", "javascript"))


@given(st.text(max_size=1000))
def test_any_name_becomes_one_that_can_be_shown(name: str):
    shown = clean_name(name)
    assert 1 <= len(shown) <= 120
    assert shown.isprintable()
    assert not set(shown) & set('/\\<>:"|?*\u200b\u202e\u2066\ufeff')
    assert shown.strip(". ") == shown
    assert clean_name(shown) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\Users\\x\\rechnung.pdf", "rechnung.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        (".htaccess\u200b", "htaccess"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("Maßnahme 👍.pdf", "Maßnahme 👍.pdf"),
    ],
)
def test_names_as_they_come(name: str, shown: str):
    assert clean_name(name) == shown


def message(value: str = "clara@home.example", **more: object) -> InboundEvent:
    return InboundEvent("k", EventType.MESSAGE, Sender("email", value), **more)  # type: ignore[arg-type]


def test_a_flood_of_one_sender_is_kept_but_answered_by_nothing(monkeypatch):
    channel = shop()
    monkeypatch.setattr(filters, "_SENDERS", type(filters._SENDERS)(3, seconds=10**9))
    found = [filters.run(channel, message()) for _ in range(5)]
    assert [(e.automated, e.meta.get("flood", False)) for e in found if e] == [(False, False)] * 3 + [(True, True)] * 2
    other = filters.run(channel, message("other@home.example"))
    assert other is not None and not other.automated


def test_old_raw_requests_are_forgotten_but_their_keys_are_not():
    from tresen.channels.jobs import forget_raw_receipts

    channel = shop()
    receipt = arrive(channel, posted(channel))
    waiting = deposit(channel, posted(channel, "m2"))
    clock.advance(timedelta(days=91))
    forget_raw_receipts()
    receipt.refresh_from_db()
    waiting.refresh_from_db()
    assert (receipt.body, receipt.envelope, receipt.key) == (None, {}, "m1")
    assert waiting.body is not None
    again = deposit(channel, posted(channel))
    assert again.pk == receipt.pk
    assert json.loads(bytes(waiting.body))["id"] == "m2"
