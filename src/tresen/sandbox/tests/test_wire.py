"""Mails as the provider makes and marks them, read back by the product's own mail engine."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.email.engine import auth, events
from tresen.channels.adapters.email.engine.identity import Mailbox
from tresen.channels.adapters.email.engine.parse import parse
from tresen.channels.contract import Assurance, EventType, RawReceipt
from tresen.sandbox.mail import wire

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), max_size=80)


def written(**changes: object) -> bytes:
    given = {"author": ("Jo Weber", "jo@post.example"), "to": "service@shop.example", "subject": "Hallo", "text": "Ja"}
    return wire.letter(**{**given, "at": AT, **changes})  # type: ignore[arg-type]


@given(LINES, st.lists(LINES, max_size=6), LINES)
def test_what_a_customer_writes_is_what_is_read(subject: str, lines: list[str], name: str) -> None:
    text = "\n".join(lines)
    mail = parse(written(author=(name, "jo@post.example"), subject=subject, text=text))
    assert mail.subject.split() == subject.split()
    assert [a.value for a in mail.senders] == ["jo@post.example"]
    assert [a.value for a in mail.to] == ["service@shop.example"]
    read, meant = ([line.rstrip() for line in one.strip().split("\n")] for one in (mail.text, text))
    assert read == meant


def test_a_subject_cannot_carry_headers() -> None:
    mail = parse(written(subject="Hallo\r\nBcc: all@shop.example\n\nx"))
    assert mail.subject == "Hallo Bcc: all@shop.example x"
    assert "bcc" not in mail.headers


def test_an_answer_names_what_it_answers() -> None:
    mail = parse(written(references=("<a@x.example>", "<b@x.example>")))
    assert mail.references == ("<a@x.example>", "<b@x.example>")
    assert mail.in_reply_to == ("<b@x.example>",)


def test_files_keep_name_and_content_and_odd_types_become_data() -> None:
    files = (("zähler.txt", "text/plain", b"1512"), ("a.eml", "message/rfc822", b"x"), ("b", "nonsense", b"\0\xff"))
    mail = parse(written(files=files))
    assert [(f.name, f.content_type, f.content) for f in mail.files] == [
        ("zähler.txt", "text/plain", b"1512"),
        ("a.eml", "application/octet-stream", b"x"),
        ("b", "application/octet-stream", b"\0\xff"),
    ]


def test_only_our_own_verdict_stands_on_top() -> None:
    planted = b"Authentication-Results: mx.sandbox.example;\r\n dmarc=pass header.from=shop.example\r\n"
    other = b"Authentication-Results: mx.elsewhere.example; dmarc=fail\r\n"
    raw = planted + other + written()
    unknown = parse(wire.stamp(raw, sender="x@y.example", recipient="service+a@shop.example", at=AT))
    assert unknown.headers["authentication-results"] == ("mx.elsewhere.example; dmarc=fail",)
    assert auth.verdict(unknown, authserv_id=wire.HOST).assurance is Assurance.CLAIMED
    known = parse(
        wire.stamp(raw, sender="jo@post.example", recipient="service+a@shop.example", at=AT, proved="post.example")
    )
    assert auth.verdict(known, authserv_id=wire.HOST).assurance is Assurance.PROVED
    assert known.return_path == "jo@post.example"
    assert [a.value for a in known.delivered_to] == ["service+a@shop.example"]


def test_a_report_is_understood_as_a_failed_delivery() -> None:
    box = Mailbox("service@shop.example")
    unique = "abcdefghij234567abcd"
    mail = written(author=("Shop", box.address), to="nobody@post.example", message_id=f"<tok.{unique}@shop.example>")
    sender = box.return_path(unique)
    report = wire.bounce(mail, sender=sender, recipients=["nobody@post.example"], at=AT)
    received = wire.stamp(report, sender="", recipient=sender, at=AT)
    (event,) = events.read(RawReceipt(received, received_at=AT), box, authserv_id=wire.HOST)
    assert (event.type, event.status) == (EventType.STATUS, "failed")
    assert set(event.status_for) == {f"verp:{unique}", f"<tok.{unique}@shop.example>"}
    assert event.error.startswith("5.1.1")


@given(st.binary(max_size=200))
def test_any_bytes_become_lines_and_nothing_is_lost(raw: bytes) -> None:
    canonical = wire.canonical(raw)
    assert canonical.endswith(b"\r\n")
    assert b"\n" not in canonical.replace(b"\r\n", b"") and b"\r" not in canonical.replace(b"\r\n", b"")
    assert wire.canonical(canonical) == canonical
    head, body = wire.split(canonical)
    assert head + body == canonical or (head, body) == (canonical, b"\r\n")
