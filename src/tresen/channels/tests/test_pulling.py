"""Pull channels: stored before anything else, fetched by one process at a time, faults in view."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError

from tresen.accounts.tests.people import SETUP
from tresen.channels import actions, pulling, registry
from tresen.channels.contract import Adapter, ChannelView, Pulled, RawReceipt, Stop
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import ChannelConfig, Receipt
from tresen.channels.pulling import Pullers, store
from tresen.channels.tests.shop import shop
from tresen.kernel import blobs, clock, db
from tresen.kernel.tests.threads import PATIENCE

MAIL = RawReceipt(b"From: a@b.example\r\n\r\nHallo", {"x-dkim-domains": "b.example"})
MAILBOX = {"address": "us@shop.example", "in_host": "mail.shop.example", "out_host": "mail.shop.example"}


def mailbox() -> ChannelView:
    return shop("email", settings=MAILBOX, secrets={"password": "x"})


@pytest.mark.django_db(transaction=True)
def test_a_mail_and_how_far_we_are_become_durable_together():
    channel = mailbox()
    assert store(channel.id, MAIL, key="1:7", cursor={"uid": 7})
    receipt = Receipt.objects.get()
    assert (bytes(receipt.body or b""), receipt.key, receipt.state) == (MAIL.body, "1:7", "pending")
    assert receipt.envelope == {"headers": {"x-dkim-domains": "b.example"}, "method": "PULL"}
    assert ChannelConfig.objects.get().cursor == {"uid": 7}


@pytest.mark.django_db(transaction=True)
def test_the_same_mail_again_moves_on_and_is_stored_once():
    channel = mailbox()
    store(channel.id, MAIL, key="1:7", cursor={"uid": 7})
    assert store(channel.id, MAIL, key="1:7", cursor={"uid": 8})
    assert store(channel.id, MAIL, key="1:9", cursor=None)
    assert Receipt.objects.count() == 2
    assert ChannelConfig.objects.get().cursor == {"uid": 8}


@pytest.mark.django_db(transaction=True)
def test_a_large_mail_lies_in_a_file_and_a_repeat_leaves_none(data_dir):
    channel = mailbox()
    large = RawReceipt(b"x" * 70_000)
    for _ in range(2):
        assert store(channel.id, large, key="1:7")
    receipt = Receipt.objects.get()
    assert receipt.body is None
    assert blobs.load(receipt.file) == large.body
    assert len([p for p in (data_dir / "files").rglob("*") if p.is_file()]) == 1


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_stored_is_never_told_as_stored():
    with pytest.raises(IntegrityError):
        store(99_999, MAIL, key="1:7", cursor={"uid": 7})
    assert not Receipt.objects.exists()


class Far(Adapter):
    """A mailbox that hands over one mail and waits, or breaks."""

    kind = "email"
    pulls = True

    def __init__(self) -> None:
        self.running, self.ended = threading.Event(), threading.Event()
        self.seen: list[ChannelView] = []
        self.fault: Exception | None = None

    def run(self, channel: ChannelView, pulled: Pulled, stop: Stop) -> None:
        self.seen.append(channel)
        if self.fault:
            self.running.set()
            raise self.fault
        pulled(MAIL, key=f"1:{len(self.seen)}", cursor={"uid": len(self.seen)})
        self.running.set()
        stop.wait(PATIENCE)
        self.ended.set()


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Far:
    one = Far()
    monkeypatch.setattr(registry, "all_adapters", lambda: {"email": one})
    monkeypatch.setattr(Far, "validate", lambda self, settings, secrets: {})
    one.settings = registry_settings  # type: ignore[misc]
    return one


registry_settings = registry.all_adapters()["email"].settings


@pytest.fixture
def pullers() -> Iterator[list[Pullers]]:
    made = [Pullers(), Pullers()]
    yield made
    for one in made:
        one.stop()


@pytest.mark.django_db(transaction=True)
def test_one_process_fetches_and_another_takes_over_when_it_is_gone(
    far: Far, pullers: list[Pullers], frozen_clock: object, monkeypatch: pytest.MonkeyPatch
):
    """Leases count where there are several processes."""
    monkeypatch.setattr(pulling, "db", SimpleNamespace(**{**vars(db), "is_postgresql": lambda: True}))
    channel = mailbox()
    first, second = pullers
    first.step()
    second.step()
    assert far.running.wait(PATIENCE)
    assert (set(first.running), set(second.running)) == ({channel.id}, set())
    clock.advance(timedelta(seconds=59))
    first.step()
    second.step()
    assert len(far.seen) == 1
    clock.advance(timedelta(seconds=61))  # the first does not report any more
    far.running.clear()
    second.step()
    assert far.running.wait(PATIENCE)
    assert set(second.running) == {channel.id}
    assert far.seen[-1].cursor == {"uid": 1}
    first.step()
    assert (set(first.running), far.ended.wait(PATIENCE)) == (set(), True)


@pytest.mark.django_db(transaction=True)
def test_stopping_gives_the_lease_back_at_once(far: Far, pullers: list[Pullers], frozen_clock):
    mailbox()
    first, second = pullers
    first.step()
    assert far.running.wait(PATIENCE)
    first.stop()
    assert far.ended.is_set()
    far.running.clear()
    second.step()
    assert far.running.wait(PATIENCE)


@pytest.mark.django_db(transaction=True)
def test_a_far_end_that_is_away_stands_in_view_until_it_is_back(far: Far, pullers: list[Pullers], monkeypatch):
    channel = mailbox()
    far.fault = ConnectionRefusedError("connection refused")
    monkeypatch.setattr(pulling.Puller, "run", _once(pulling.Puller.run))
    pullers[0].step()
    assert far.running.wait(PATIENCE)
    pullers[0].running[channel.id].join(PATIENCE)
    config = ChannelConfig.objects.get()
    assert "connection refused" in config.fault
    assert config.fault_at is not None
    far.fault = None
    far.running.clear()
    pullers[0].step()  # the dead thread is replaced
    assert far.running.wait(PATIENCE)
    assert ChannelConfig.objects.get().fault == ""


def _once(run):
    """Ends the puller's loop after its first try instead of waiting for the next."""

    def ending(self) -> None:
        waits = self.stopping.wait
        self.stopping.wait = lambda timeout=None: self.stopping.set() or waits(0) if self.view else False
        run(self)

    return ending


@pytest.mark.django_db(transaction=True)
def test_a_channel_that_is_changed_or_switched_off_is_fetched_anew_or_no_longer(far: Far, pullers: list[Pullers]):
    channel = mailbox()
    one = pullers[0]
    one.step()
    assert far.running.wait(PATIENCE)
    far.running.clear()
    actions.change_channel(SETUP, channel.id, secrets={"password": "new"})
    DIRECTORY.refresh()
    one.step()
    assert far.running.wait(PATIENCE)
    assert far.seen[-1].secrets["password"] == "new"
    actions.change_channel(SETUP, channel.id, enabled=False)
    DIRECTORY.refresh()
    one.step()
    assert one.running == {}
