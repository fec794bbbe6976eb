"""A Tresen to which strangers wrote: every payload in every field that they control, on every channel.

`python -m counterparts.hostilesite` fills an empty data directory and prints what the tests have to know as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import orjson

from counterparts.chatsite import PASSWORD, Tresen
from counterparts.payloads import PAYLOADS

FORM_FIELDS = "order | Bestellnummer\nnote | Bemerkung | long"
MAILS_A_THREAD = 9
OPENED = 6  # every so many conversations of the API channel have records and failures, and are opened
FORMS = 24  # every so many payloads come by form, too
PICTURE = "https://spy.example/picture.gif"


@dataclass
class Hostile(Tresen):
    """The process. `facts["api"]`: conversation by payload; `facts["mail"]`: conversations with several mails each."""

    def set_up(self) -> None:
        """Database, people, channels, and what the strangers sent."""
        command = [sys.executable, "-m", "counterparts.hostilesite"]
        done = subprocess.run(
            command, env=self._environment(), cwd=Path(__file__).parents[1], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        self.facts = json.loads(done.stdout.splitlines()[-1])


def one_line(text: str) -> str:
    """As it survives in a field of one line."""
    return " ".join(text.split())


def mail(number: int, text: str, *, sender: str, to: str, answers: str = "") -> bytes:
    """A mail that carries a payload wherever a mail can: names, subject, text, HTML, files, Cc and Reply-To."""

    def named(address: str) -> str:
        return f"{Header(one_line(text), 'utf-8', maxlinelen=10_000).encode()} <{address}>"

    found = MIMEMultipart("mixed")
    found["From"], found["To"], found["Message-ID"] = named(sender), to, f"<{number}@kunde.example>"
    found["Subject"] = Header(one_line(text), "utf-8")
    found["Cc"], found["Reply-To"] = named(f"cc{number}@kunde.example"), named(f"other{number}@kunde.example")
    if answers:
        found["In-Reply-To"] = found["References"] = answers
    body = MIMEMultipart("alternative")
    body.attach(MIMEText(text, "plain", "utf-8"))
    html = f'<p>Mail {number}</p><img src="{PICTURE}?{number}" alt="picture">{text}'
    body.attach(MIMEText(html, "html", "utf-8"))
    found.attach(body)
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"):
        part = MIMEBase(*kind.split("/"))
        part.set_payload(text.encode())
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", f"{one_line(text)[:200]}.html"))
        found.attach(part)
    return found.as_bytes()


def fill() -> dict[str, Any]:
    """Everything, processed."""
    import django

    django.setup()
    from django.core.management import call_command

    from tresen.accounts import actions as accounts
    from tresen.accounts import presence
    from tresen.accounts.demo import DEMO
    from tresen.accounts.principal import for_user, system
    from tresen.channels import actions as channels
    from tresen.kernel import db, settings

    call_command("migrate", verbosity=0, interactive=False)
    by = system("setup")
    ada = accounts.create_user(
        by, email="ada@bohne.test", name="Ada <i>Amt</i>", role="administrator", password=PASSWORD, capacity=0
    )
    presence.set_presence(ada.pk, "online", actor="test", lease=presence.API_LEASE)
    settings.put(DEMO, True)
    account = {"address": "service@bohne.test", "in_host": "127.0.0.1", "out_host": "127.0.0.1"}
    box = channels.create_channel(by, kind="email", name="Mail", settings=account, secrets={"password": "x"})
    shop = channels.create_channel(by, kind="api", name="Laden")
    chat = channels.create_channel(by, kind="webchat", name="Chat", settings={"title": "Bohne & <b>Brand</b>"})
    form = channels.create_channel(by, kind="form", name="Formular", settings={"fields": FORM_FIELDS})
    _receive(box.config.pk, shop.config.pk, form.config.pk)
    with db.atomic():
        facts = _decorate(for_user(ada), shop.config.channel, box.config.channel, form.config.channel)
        inbox = _inbox()
    return {
        **facts,
        "token": accounts.create_token(by, name="test", role="administrator", user_id=ada.pk)[1],
        "agent": ada.pk,
        "chat": chat.config.key,
        "form": form.config.key,
        "inbox": inbox,
    }


def _receive(mailbox: int, shop: int, form: int) -> None:
    """Strangers write on three channels; the fourth, the chat, is left to the browser."""
    from tresen.channels import processing, pulling, registry
    from tresen.channels.adapters.form import proof
    from tresen.channels.contract import Accepted, RawReceipt
    from tresen.channels.directory import DIRECTORY
    from tresen.channels.models import Receipt
    from tresen.kernel import clock

    DIRECTORY.refresh()
    view = DIRECTORY.by_id(form)
    assert view is not None
    for number, text in enumerate(PAYLOADS):
        thread, place = divmod(number, MAILS_A_THREAD)
        answers = f"<{thread * MAILS_A_THREAD}@kunde.example>" if place else ""
        raw = mail(number, text, sender=f"mail{thread}@kunde.example", to="service@bohne.test", answers=answers)
        pulling.store(mailbox, RawReceipt(raw), key=f"m{number}")
        pulling.store(shop, RawReceipt(orjson.dumps(_posted(number, text))), key=f"a{number}")
    for number, text in list(enumerate(PAYLOADS))[::FORMS]:
        key, signed = proof.issue(view.secrets["proof_secret"], view.key, clock.now() - timedelta(minutes=1))
        filled = {
            "id": key, "proof": signed, "name": text, "email": f"form{number}@kunde.example", "subject": text[:300],
            "text": "\n".join(PAYLOADS[number : number + FORMS]),
            "fields": {"order": one_line(text)[:300], "note": "\n".join(PAYLOADS[number : number + FORMS])[:4000]},
        }  # fmt: skip
        raw_form = RawReceipt(orjson.dumps(filled), path="messages", received_at=clock.now())
        given = registry.need("form").authorize(view, raw_form)
        assert isinstance(given, Accepted) and given.body is not None
        pulling.store(form, RawReceipt(given.body), key=given.key)
    while processing.step():
        pass
    stuck = list(Receipt.objects.exclude(state="done").values_list("key", "error"))
    assert stuck == [], stuck


def _posted(number: int, text: str) -> dict[str, Any]:
    sender = {"kind": "shop-id", "value": f"{number} {one_line(text)}", "name": one_line(text)}
    files = [{"name": f"{one_line(text)}.svg", "type": "image/svg+xml", "base64": "PHN2Zy8+"}]
    body = {"subject": one_line(text), "text": text, "html": text if number % 2 else "", "attachments": files}
    return {"id": f"a{number}", "thread": f"{number}", "from": sender, **body}


def _decorate(ada: Any, shop: Any, box: Any, form: Any) -> dict[str, Any]:
    """What other systems know about these customers: records, company, facts, tags, and failures in others' words."""
    from tresen.channels.models import Delivery, Receipt
    from tresen.conversations import actions as conversations
    from tresen.conversations.models import Conversation
    from tresen.customers import actions as customers

    customers.define_field(of="customer", key="note", label_de="Notiz", label_en="Note", actor="test")
    rows = list(Conversation.objects.filter(channel=shop).order_by("id"))
    assert len(rows) == len(PAYLOADS)
    for number, (row, text) in enumerate(zip(rows, PAYLOADS, strict=True)):
        line = one_line(text)
        conversations.set_tags(ada, row.pk, [line[:60]])
        owner = rows[number - number % OPENED].customer_id
        customers.upsert_record(
            "order", f"{number} {line}"[:80], actor="test", customer=owner, title=line[:200], status=line[:60],
            link=f'https://shop.example/?"><{number}>', data={line[:80]: line, "more": [line]},
        )  # fmt: skip
        if number % OPENED == 0:
            company, _new = customers.upsert_company(name=f"{number} {line}"[:120], actor="test")
            customers.change_customer(owner, actor="test", company_id=company.pk, fields={"note": line})
            sent = conversations.reply(ada, row.pk, conversations.Draft(text=text, subject=line[:200]))
            Delivery.objects.create(message=sent, channel=shop, conversation=row, state="failed", error=f"550 {line}")
            conversations.set_delivery(sent.pk, "failed", error=f"550 {line}")
    Receipt.objects.bulk_create(
        Receipt(channel=shop, key=f"parked{number}", state="parked", error=text, body=b"{")
        for number, text in enumerate(PAYLOADS)
    )
    mails = list(Conversation.objects.filter(channel=box).order_by("id").values_list("id", flat=True))
    forms = list(Conversation.objects.filter(channel=form).order_by("id").values_list("id", flat=True))
    return {"api": [row.pk for row in rows], "mail": mails, "forms": forms}


def _inbox() -> dict[str, Any]:
    """A customer of the sandbox to whom the same mails were written."""
    from tresen.customers import actions as customers
    from tresen.sandbox.mail import store
    from tresen.sandbox.models import Mail, Mailbox

    claim = customers.IdentityClaim("email", "erika@post.example", "proved")
    erika = customers.recognise([claim], name="Erika Sommer", language="de", actor="test")
    box = Mailbox.objects.create(address="erika@post.example", name="Erika Sommer", customer=erika, story="contract")
    for number, text in enumerate(PAYLOADS):
        store.keep(box, mail(number, text, sender="s@kunde.example", to=box.address), Mail.Folder.INBOX)
    return {"box": box.pk, "mails": list(Mail.objects.filter(mailbox=box).order_by("id").values_list("id", flat=True))}


if __name__ == "__main__":
    print(json.dumps(fill()))
