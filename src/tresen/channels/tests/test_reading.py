"""A mail that hangs the parser is kept as unsupported with its bytes; the next one is read."""

from __future__ import annotations

import time

import pytest

from tresen.channels import reading
from tresen.channels.contract import ChannelView, EventType, InboundEvent, RawReceipt
from tresen.kernel.child import Child

VIEW = ChannelView(1, "k", "Service", "email", {"address": "service@bohne.example"}, {"password": "p"}, "http://x")
MAIL = b"From: Kim <kim@kunde.example>\r\nTo: service@bohne.example\r\nSubject: Hallo\r\n\r\nGuten Tag\r\n"


def parse_slowly(kind: str, view: ChannelView, raw: RawReceipt) -> list[InboundEvent]:
    """Stands for a parser that a mail with `hang` in it sends into an endless loop."""
    assert view.secrets == {}
    if b"hang" in raw.body and reading.FAULT_HEADER not in raw.headers:
        time.sleep(60)
    return reading.parse(kind, view, raw)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_child", Child(f"{__name__}:parse_slowly"))
    monkeypatch.setattr(reading, "TIME_MAX", 3.0)


@pytest.mark.usefixtures("slow")
def test_what_hangs_the_parser_is_kept_and_the_next_mail_is_read() -> None:
    (hung,) = reading.read(VIEW, RawReceipt(MAIL + b"hang\r\n"))
    assert hung.type is EventType.UNSUPPORTED
    assert [file.content for file in hung.files] == [MAIL + b"hang\r\n"]
    assert "too long" in hung.meta["unreadable"]
    (read,) = reading.read(VIEW, RawReceipt(MAIL))
    assert (read.type, read.text.strip()) == (EventType.MESSAGE, "Guten Tag")
