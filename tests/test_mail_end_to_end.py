"""From a customer's mail program to the API and back: Postfix and Dovecot on one side, the product on the other."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any, TypeVar

import pytest
from imap_tools import AND, MailBoxUnencrypted

from counterparts.mailserver import AWAY, GONE, HOME, PASSWORD, SHOP, MailServer, mailserver
from tresen.bench.product import Product, serving

T = TypeVar("T")
KIM, ALI, SERVICE = f"kim@{HOME}", f"ali@{HOME}", f"service@{SHOP}"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mailserver() as running:
        yield running


@pytest.fixture(scope="module")
def product(server: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    data = tmp_path_factory.mktemp("mail") / "data"
    ours = Product(data, TRESEN_ALLOW_HOSTS="127.0.0.0/8")
    with serving(ours):
        ours.log_in()
        yield ours


@pytest.fixture(scope="module")
def channel(product: Product, server: MailServer) -> int:
    settings = {
        "address": SERVICE,
        "name": "Bohne & Brand",
        "in_host": "127.0.0.1",
        "in_port": server.imap,
        "in_security": "none",
        "out_host": "127.0.0.1",
        "out_port": server.smtp,
        "out_security": "none",
    }
    given = {"kind": "email", "name": "Service", "settings": settings, "secrets": {"password": PASSWORD}}
    return int(product.api("POST", "/channels", given)["id"])


def wait_for(what: Callable[[], T | None], seconds: float = 20) -> T:
    """The first thing found; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come in time")


def mail(sender: str, subject: str, text: str, to: str = SERVICE, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = make_msgid(domain=HOME)
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def send(server: MailServer, message: EmailMessage, envelope: str | None = None) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp, timeout=10) as smtp:
        smtp.send_message(message, from_addr=envelope)


def inbox(server: MailServer, address: str, subject: str) -> Any:
    with MailBoxUnencrypted("127.0.0.1", server.imap).login(address, PASSWORD) as box:
        return next((m for m in box.fetch(AND(subject=subject), mark_seen=False)), None)


def conversation(product: Product, subject: str) -> dict[str, Any] | None:
    items = product.api("GET", "/conversations?limit=200")["items"]
    return next((item for item in items if item["subject"] == subject), None)


def messages(product: Product, conversation_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product.api("GET", f"/conversations/{conversation_id}/messages")["items"]
    return found


def test_a_mail_is_answered_and_the_answer_to_that_joins_the_same_conversation(
    product: Product, server: MailServer, channel: int
) -> None:
    send(server, mail(KIM, "Mühle klemmt", "Guten Tag, die Mühle klemmt. Größe L. 😀"))
    item = wait_for(lambda: conversation(product, "Mühle klemmt"))
    first = messages(product, item["id"])[0]
    assert (first["direction"], first["text"].strip()) == ("in", "Guten Tag, die Mühle klemmt. Größe L. 😀")

    product.api("POST", f"/conversations/{item['id']}/messages", {"text": "Bitte einmal reinigen.", "key": "a1"})
    product.api("POST", f"/conversations/{item['id']}/messages", {"text": "Bitte einmal reinigen.", "key": "a1"})
    received = wait_for(lambda: inbox(server, KIM, "klemmt"))
    assert "Bitte einmal reinigen." in received.text
    assert received.from_ == SERVICE
    answered = wait_for(lambda: [m for m in messages(product, item["id"]) if m["delivery"] == "sent"])
    assert len(answered) == 1

    back = mail(KIM, "AW: Mühle klemmt", "Danke, geht wieder!", to=received.reply_to[0] or SERVICE)
    back["In-Reply-To"] = received.headers["message-id"][0].strip()
    send(server, back)
    wait_for(lambda: len(messages(product, item["id"])) == 3)
    third = messages(product, item["id"])[2]
    assert (third["seq"], third["direction"], third["text"].strip()) == (3, "in", "Danke, geht wieder!")
    assert conversation(product, "AW: Mühle klemmt") is None


def test_a_forged_reference_does_not_join_a_strangers_conversation(
    product: Product, server: MailServer, channel: int
) -> None:
    known = mail(KIM, "Nur für Kim", "vertraulich")
    send(server, known)
    item = wait_for(lambda: conversation(product, "Nur für Kim"))
    send(server, mail(ALI, "Re: Nur für Kim", "lass mich rein", In_Reply_To=known["Message-ID"]))
    other = wait_for(lambda: conversation(product, "Re: Nur für Kim"))
    assert other["id"] != item["id"]
    assert other["customer"] != item["customer"]
    assert len(messages(product, item["id"])) == 1


def test_a_real_bounce_marks_the_answer_as_failed_and_opens_nothing_new(
    product: Product, server: MailServer, channel: int
) -> None:
    send(server, mail(GONE, "Ich bin bald weg", "Bitte antworten"))
    item = wait_for(lambda: conversation(product, "Ich bin bald weg"))
    before = len(product.api("GET", "/conversations?limit=200")["items"])
    sent = product.api("POST", f"/conversations/{item['id']}/messages", {"text": "Hier die Antwort"})
    failed = wait_for(
        lambda: next((m for m in messages(product, item["id"]) if m["delivery"] == "failed"), None), seconds=40
    )
    assert failed["id"] == sent["id"]
    assert failed["delivery_error"] != ""
    assert len(product.api("GET", "/conversations?limit=200")["items"]) == before
    assert len(messages(product, item["id"])) == 2


def test_an_absence_note_is_shown_as_automated_and_nobody_answers_it_by_itself(
    product: Product, server: MailServer, channel: int
) -> None:
    send(server, mail(AWAY, "Vor dem Urlaub", "Noch eine Frage"))
    item = wait_for(lambda: conversation(product, "Vor dem Urlaub"))
    product.api("POST", f"/conversations/{item['id']}/messages", {"text": "Die Antwort auf Ihre Frage"})
    note = wait_for(lambda: next((m for m in messages(product, item["id"])[2:] if m["automated"]), None), seconds=40)
    assert note["direction"] == "in"
    time.sleep(2)
    assert [m["direction"] for m in messages(product, item["id"])] == ["in", "out", "in"]


def test_an_unreadable_mail_becomes_a_conversation_and_the_next_one_arrives(
    product: Product, server: MailServer, channel: int
) -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(60)
    )
    raw = f"From: {KIM}\r\nTo: {SERVICE}\r\nSubject: Bombe\r\nMIME-Version: 1.0\r\n".encode() + deep
    with smtplib.SMTP("127.0.0.1", server.smtp, timeout=10) as smtp:
        smtp.sendmail(KIM, [SERVICE], raw)
    send(server, mail(KIM, "Nach der Bombe", "kommt an"))
    wait_for(lambda: conversation(product, "Nach der Bombe"))
    item = wait_for(lambda: conversation(product, "Bombe"))
    shown = messages(product, item["id"])[0]
    assert shown["supported"] is False
    assert [a["name"] for a in shown["attachments"]] == ["message.eml"]


def test_mail_waits_on_the_server_while_the_product_is_down_and_arrives_once(
    product: Product, server: MailServer, channel: int, tmp_path: Path
) -> None:
    product.kill()
    send(server, mail(KIM, "Während der Störung", "bitte nicht verlieren"))
    product.start()
    item = wait_for(lambda: conversation(product, "Während der Störung"))
    product.kill()
    product.start()
    time.sleep(2)
    subjects = [i["subject"] for i in product.api("GET", "/conversations?limit=200")["items"]]
    assert subjects.count("Während der Störung") == 1
    assert len(messages(product, item["id"])) == 1
