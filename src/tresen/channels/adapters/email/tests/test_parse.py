"""The parser and any bytes at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tresen.channels.adapters.email.engine import files, headers
from tresen.channels.adapters.email.engine.charsets import clean, decode
from tresen.channels.adapters.email.engine.limits import LIMITS, Limits, Unparsable
from tresen.channels.adapters.email.engine.parse import envelope, parse
from tresen.channels.adapters.email.tests.helpers import FIXTURES, fixture, raw, read
from tresen.channels.contract import EventType, InboundEvent

HEAD = b"From: kim@kunde.test\r\nTo: service@bohne.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
RUSSIAN = "Здравствуйте! Моя кофеварка протекает уже третий день, помогите мне, пожалуйста."
SOURCES = [path.read_bytes() for path in sorted(FIXTURES.glob("*.eml"))]
PIECES = st.sampled_from(
    [
        b"From: a@b.de\r\n",
        b"To: service+abc@bohne.test\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: text/html; charset=utf-7\r\n",
        b"Content-Type: text/plain; charset=\"\xff\"; name*0*=\xff''%zz\r\n",
        b"Content-Type: application/ms-tnef\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Disposition: attachment; filename*=klingon'de'%FF\r\n",
        b"Subject: =?utf-8?b?/w?= =?x?q?=zz?=\r\n",
        b"References: <a@b> <\xff>\r\n",
        b"Date: Mon, 99 Foo\r\n",
        b"\r\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"begin 644 x\r\n",
        b"Final-Recipient: rfc822; a@b\r\nAction: failed\r\n",
        b"<div><blockquote type=cite>\r\n",
        b"On 2020-01-01 a@b.de wrote:\r\n> x\r\n",
    ]
)


def strings(event: InboundEvent) -> str:
    sender = event.sender
    assert sender is not None
    return "".join([sender.value, sender.name, event.subject, event.text, event.html, event.error, repr(event.meta)])


def sound(event: InboundEvent) -> None:
    """What every event must keep: storable text, harmless names, and no need of the last line of defence."""
    assert not event.error.endswith("Error)"), event.error
    if event.type is EventType.MESSAGE:
        text = strings(event)
        assert "\0" not in text
        text.encode("utf-8")
    for file in event.files:
        assert file.name and "/" not in file.name and "\\" not in file.name and len(file.name) <= 150


@given(st.binary(max_size=4000))
@example(b"")
@example(b"\r\n")
@example(b"From: ((((((((((((\r\n\r\n")
@example(b"Content-Type: multipart/mixed\r\n\r\n--\r\n")
def test_any_bytes(content: bytes) -> None:
    sound(read(content))


@given(st.lists(st.one_of(PIECES, st.binary(max_size=60)), max_size=40).map(b"".join))
def test_any_mixture_of_mime(content: bytes) -> None:
    sound(read(content))


@given(st.sampled_from(SOURCES), st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), max_size=8))
def test_damaged_mails(source: bytes, damage: list[tuple[int, bytes]]) -> None:
    for where, what in damage:
        at = where % (len(source) + 1)
        source = source[:at] + what + source[at + len(what) :]
    sound(read(source))


def test_nothing_of_it_needs_the_last_line_of_defence() -> None:
    """The parser copes with every fixture cut at every tenth byte without giving up."""
    for source in SOURCES:
        for end in range(0, len(source), 10):
            parse(source[:end])


def nested(depth: int) -> bytes:
    layers = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
    return HEAD + b"".join(layers) + b"\r\nhi"


BOMBS = {
    "deep": (nested(1000), "nested deeper than 20 levels"),
    "deep messages": (HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 300, "nested deeper than 20 levels"),
    "many parts": (
        HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\nhi\r\n" * 5000,
        "more than 200 parts",
    ),
    "large header": (HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\nhi", "headers larger than 65536 bytes"),
    "many headers": (HEAD + b"X: a\r\n" * 100_000 + b"\r\nhi", "headers larger than 65536 bytes"),
    "long parameters": (
        HEAD + b'Content-Type: text/plain; x="' + b';\\"' * 20_000 + b"\r\n\r\nhi",
        "a Content header larger than 8192 bytes",
    ),
    "many lines": (HEAD + b"\r\n" + b"\n" * 2_100_000, "more than 1000000 lines"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_kept_unread(name: str) -> None:
    content, reason = BOMBS[name]
    event = read(content)
    assert (event.type, event.error) == (EventType.UNSUPPORTED, reason)
    assert [(f.name, f.content_type, f.content) for f in event.files] == [("message.eml", "message/rfc822", content)]
    assert event.sender is not None and event.sender.value in ("kim@kunde.test", "unknown@sender.invalid")
    assert event.automated and event.subject in ("x", "")


def test_too_large() -> None:
    with pytest.raises(Unparsable, match="larger than 0 MB"):
        parse(raw(body="x" * 200), Limits(size=100))
    assert LIMITS.size == 50 * 1024 * 1024


SLOW = {
    "quoted parameters": HEAD + b'Content-Type: text/plain; x="' + b';\\"' * 2_600 + b"\r\n\r\nhi",
    "comments": HEAD.replace(b"kim@kunde.test", b"(" * 60_000) + b"\r\nhi",
    "html nested": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000,
    "html brackets": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 200_000,
    "html cells": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<table>" * 400 + b"<td>" * 30_000,
    "attributions": HEAD + b"\r\n" + b"On 2020-01-01 10:00 a <a@b.c> wrote:\r\n> q\r\n" * 2400 + b"own",
    "one line": HEAD + b"\r\n" + b"a" * 1_000_000 + b"@ wrote:\r\n> q",
    "base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB" * 2_000_000,
}


@pytest.mark.parametrize("name", SLOW)
def test_slow_input_is_read_in_seconds(name: str) -> None:
    started = time.process_time()
    sound(read(SLOW[name]))
    assert time.process_time() - started < 10


def test_the_headers_of_an_unreadable_mail_are_still_told() -> None:
    found = envelope(nested(100))
    assert (found.senders[0].value, found.subject) == ("kim@kunde.test", "x")
    assert envelope(b"X: a\r\n" * 100_000).senders == ()


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        ("Größe".encode(), "utf-8", "Größe"),
        ("Größe".encode("latin-1"), "utf-8", "Größe"),
        ("Größe".encode(), "us-ascii", "Größe"),
        (b"\x93zehn\x94 \x80", "iso-8859-1", "“zehn” €"),
        ("커피".encode("cp949"), "ks_c_5601-1987", "커피"),
        ("髙い".encode("cp932"), "shift_jis", "髙い"),
        (b"abc\xff", "undefined", "abcÿ"),
        (b"a\0b", "utf-8", "ab"),
        (RUSSIAN.encode("koi8-r"), "", RUSSIAN),
        (RUSSIAN.encode("cp1251"), "", RUSSIAN),
        (b"", "", ""),
    ],
)
def test_charset_ladder(data: bytes, declared: str, text: str) -> None:
    assert decode(data, declared) == text


@given(st.binary(max_size=300), st.text(max_size=20))
def test_decoding_never_fails(data: bytes, declared: str) -> None:
    text = decode(data, declared)
    text.encode("utf-8")
    assert "\0" not in text


def test_lone_surrogates_are_replaced() -> None:
    clean("a\ud800b").encode("utf-8")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"Meier, Jo" <Jo@Kunde.TEST>', [("Meier, Jo", "Jo@kunde.test")]),
        ("=?utf-8?q?J=C3=B6?= <jo@kunde.test>, b@kunde.test", [("Jö", "jo@kunde.test"), ("", "b@kunde.test")]),
        ("Freunde: a@x.de, B <b@x.de>;", [("", "a@x.de"), ("B", "b@x.de")]),
        ("undisclosed-recipients:;", []),
        ("kaputt <<a@x.de>>", [("", "a@x.de")]),
        ("keine Adresse", []),
        ("=?utf-8?q?a=40victim=2Ede?= <x@evil.de>", [("a@victim.de", "x@evil.de")]),
    ],
)
def test_addresses(value: str, found: list[tuple[str, str]]) -> None:
    assert [(a.name, a.value) for a in headers.addresses([value])] == found


@given(st.text(max_size=300))
def test_file_names_are_harmless(name: str) -> None:
    safe = files.safe_name(name, "image/png", 1)
    assert 0 < len(safe) <= 150
    assert not set(safe) & set('/\\<>:"|?*\0\r\n\u200b\u202e')
    assert not safe.startswith(".") and not safe.endswith((".", " "))


def test_a_very_long_name_keeps_its_extension() -> None:
    assert files.safe_name("x" * 1000 + ".pdf", "application/pdf", 1) == "x" * 146 + ".pdf"


def test_the_same_mail_by_another_route_is_the_same_mail() -> None:
    first = raw("Received: from a", "Delivered-To: service@bohne.test")
    second = raw("Received: from b", "Delivered-To: info@bohne.test")
    assert read(first).dedup_key == read(second).dedup_key
    assert read(first).dedup_key != read(raw(body="Anders")).dedup_key
    assert read(raw(message_id="", body="1")).dedup_key != read(raw(message_id="", body="2")).dedup_key
    assert read(raw(message_id="")).dedup_key == read(raw(message_id="")).dedup_key


def test_a_mail_the_server_could_not_hand_over_is_told() -> None:
    event = read(b"", headers={"x-fetch-fault": "the mail server could not hand it over: NO"})
    assert event.type is EventType.UNSUPPORTED
    assert event.error == "the mail server could not hand it over: NO"
    assert read(fixture("empty_body")).type is EventType.MESSAGE


def test_a_copy_of_our_own_mail_is_an_echo() -> None:
    own = raw(from_="", message_id="<Qm9obmUtdW5kLUJyYW5kLTEyMzQ.abcdefghijklmnopqrst@bohne.test>").replace(
        b"kim@kunde.test", b"service@bohne.test"
    )
    assert read(own).type is EventType.IGNORED
