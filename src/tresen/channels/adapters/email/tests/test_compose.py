"""What goes out, read back by the standard library and by ourselves."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.email.engine import threading
from tresen.channels.adapters.email.engine.compose import Letterhead, Unsendable, compose, reply_subject
from tresen.channels.adapters.email.engine.identity import Mailbox, unique_part
from tresen.channels.adapters.email.engine.parse import parse
from tresen.channels.adapters.email.tests.helpers import BOX, TOKEN, outbound
from tresen.channels.contract import File

HEAD = Letterhead(BOX, "Bohne & Brand", signature="Ihr Team\nTel. 0221 1", language="de")


def test_a_reply() -> None:
    mail = compose(
        outbound(
            text="Guten Tag,\n\nüblich ist 1 €.",
            html="<p>Guten Tag</p>",
            subject="AW: Re: Größe?",
            author="Mia Funk",
            cc=("b@kunde.test",),
            bcc=("chef@bohne.test",),
            references=("<c1@kunde.test>", "verp:xyz", "<c2@kunde.test>"),
            files=(File("Preisliste ä.pdf", "application/pdf", b"%PDF"),),
        ),
        HEAD,
    )
    read = message_from_bytes(mail.content.replace(b"\r\n", b"\n"), policy=policy.default)
    unique = unique_part("msg_5", TOKEN)
    assert read["From"] == "Mia Funk · Bohne & Brand <service@bohne.test>"
    assert (read["To"], read["Cc"], read["Bcc"]) == ("kim@kunde.test", "b@kunde.test", None)
    assert read["Subject"] == "Re: Größe?"
    assert read["Message-ID"] == f"<{TOKEN}.{unique}@bohne.test>"
    assert read["In-Reply-To"] == "<c2@kunde.test>"
    assert read["References"].split() == ["<c1@kunde.test>", "<c2@kunde.test>"]
    assert read["Reply-To"] == f"Bohne & Brand <service+{TOKEN}@bohne.test>"
    assert read["Date"] == "Mon, 02 Mar 2026 09:05:00 +0000"
    assert read["Auto-Submitted"] is None and read["Precedence"] is None
    assert read.get_body(("plain",)).get_content() == "Guten Tag,\n\nüblich ist 1 €.\n\n-- \nIhr Team\nTel. 0221 1\n"
    assert read.get_body(("html",)).get_content().startswith('<html lang="de"><body><p>Guten Tag</p>')
    (attachment,) = read.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("Preisliste ä.pdf", b"%PDF")
    assert mail.sender == f"service+b-{unique}@bohne.test"
    assert mail.recipients == ("kim@kunde.test", "b@kunde.test", "chef@bohne.test")
    assert mail.external_ids == (f"<{TOKEN}.{unique}@bohne.test>", f"verp:{unique}")
    assert b"chef@bohne.test" not in mail.content
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998


def test_the_answer_to_it_finds_its_conversation() -> None:
    sent = parse(compose(outbound(), HEAD).content)
    answer = parse(
        f"From: kim@kunde.test\r\nTo: {sent.reply_to[0].value}\r\nIn-Reply-To: {sent.message_id}\r\n\r\nJa".encode()
    )
    found = threading.hints(answer, BOX)
    assert [(h.kind, h.value) for h in found] == [("token", TOKEN), ("reference", sent.message_id)]


def test_sending_again_is_the_same_mail() -> None:
    assert compose(outbound(), HEAD).external_ids == compose(outbound(), HEAD).external_ids
    assert compose(outbound(), HEAD).external_ids != compose(outbound(idempotency_key="msg_6"), HEAD).external_ids


def test_automatic_mail_says_so() -> None:
    mail = parse(compose(outbound(automated=True, references=("<c1@kunde.test>",)), HEAD).content)
    assert mail.header("auto-submitted") == "auto-replied"
    assert (mail.header("precedence"), mail.header("x-auto-response-suppress")) == ("bulk", "All")
    assert "-- " not in mail.text
    assert parse(compose(outbound(automated=True), HEAD).content).header("auto-submitted") == "auto-generated"


EVIL = "x\r\nBcc: evil@evil.test\r\n\r\n<script>"


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": EVIL},
        {"subject": "ä" + EVIL},
        {"author": EVIL},
        {"references": (f"<a{EVIL}@x>", "<ok@x>")},
        {"reply_token": EVIL},
        {"to": (EVIL, "kim@kunde.test")},
        {"to": ("kim@kunde.test, evil@evil.test", "kim@kunde.test")},
        {"to": ("kim@kunde.test",), "cc": ("a@b.de\nBcc: evil@evil.test",)},
        {"files": (File(EVIL, "application/pdf\r\nBcc: evil@evil.test", b"x", EVIL),)},
        {"idempotency_key": EVIL},
    ],
)
def test_no_header_can_be_injected(fields: dict[str, object]) -> None:
    mail = compose(outbound(**fields), HEAD)
    read = message_from_bytes(mail.content)
    assert "Bcc" not in read and not [n for p in read.walk() for n in p if n.lower() == "bcc"]
    assert "evil@evil.test" not in mail.recipients
    assert all("\n" not in r and "\r" not in r for r in (*mail.recipients, mail.sender, *mail.external_ids))


def test_settings_cannot_inject_either() -> None:
    read = message_from_bytes(compose(outbound(), Letterhead(BOX, EVIL, signature=EVIL)).content)
    assert "Bcc" not in read


@given(st.text(max_size=200), st.text(max_size=80), st.text(max_size=60), st.text(max_size=60))
def test_any_text_survives(text: str, subject: str, author: str, name: str) -> None:
    head = Letterhead(BOX, author)
    mail = compose(outbound(text=text, subject=subject, author=author, files=(File(name, "x/y", b"1"),)), head)
    read = parse(mail.content)
    assert read.senders[0].value == "service@bohne.test"
    assert [a.value for a in read.to] == ["kim@kunde.test"]
    assert len(read.files) == 1 and read.files[0].content == b"1"
    assert message_from_bytes(mail.content).defects == []


@pytest.mark.parametrize("to", [(), ("",), ("kim",), ("a b@c.de",), ("<a@b.de>",), ("a@b.de\0",)])
def test_without_a_recipient_nothing_is_sent(to: tuple[str, ...]) -> None:
    with pytest.raises(Unsendable):
        compose(outbound(to=to), HEAD)


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("Frage", "Re: Frage"),
        ("AW: Re: Antw: Frage", "Re: Frage"),
        ("Re[2]: x", "Re: x"),
        ("", "Re:"),
        ("Regen", "Re: Regen"),
    ],
)
def test_reply_subjects(subject: str, reply: str) -> None:
    assert reply_subject(subject) == reply


def test_many_references_fit_into_one_header() -> None:
    many = tuple(f"<{n:04}{'x' * 60}@kunde.test>" for n in range(100))
    kept = parse(compose(outbound(references=many), HEAD).content).references
    assert kept[0] == many[0] and kept[-1] == many[-1] and len(kept) < 15


def test_a_mailbox_without_plus_addresses() -> None:
    mail = compose(outbound(), Letterhead(Mailbox("service@bohne.test", plus=False)))
    assert mail.sender == "service@bohne.test"
    assert parse(mail.content).reply_to[0].value == "service@bohne.test"


def test_inline_pictures_keep_their_id() -> None:
    mail = compose(outbound(files=(File("a.png", "image/png", b"x", "logo@desk"),)), HEAD)
    assert parse(mail.content).files[0].content_id == "logo@desk"
