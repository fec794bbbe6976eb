"""The pages where one is the customer: who may come in, what a mail looks like, what is sent."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tresen.accounts.demo import DEMO
from tresen.channels.adapters.email.engine import auth
from tresen.channels.adapters.email.engine.parse import parse
from tresen.channels.adapters.webchat import tokens
from tresen.channels.contract import Assurance
from tresen.channels.directory import DIRECTORY
from tresen.kernel import clock, settings
from tresen.sandbox.mail import store, wire
from tresen.sandbox.models import Mail, Mailbox
from tresen.sandbox.tests.conftest import COMPANY, Stage

pytestmark = pytest.mark.django_db
GET = ("", "as/{erika}/", "as/{erika}/list/", "as/{erika}/write/", "shop/", "shop/contact/", "language/de/")
POST = ("stranger/", "shop/login/", "as/{erika}/write/")


def paths(stage: Stage, wanted: tuple[str, ...]) -> list[str]:
    return [f"/sandbox/{path.format(erika=stage.erika.pk)}" for path in wanted]


def test_every_page_opens_on_this_machine(local: Client, stage: Stage) -> None:
    assert {path: local.get(path).status_code for path in paths(stage, GET) if "language" not in path} == dict.fromkeys(
        (path for path in paths(stage, GET) if "language" not in path), 200
    )


@pytest.mark.parametrize(
    "meta",
    [{"REMOTE_ADDR": "198.51.100.7"}, {"HTTP_HOST": "evil.example"}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}],
)
def test_from_elsewhere_there_is_nothing(local: Client, stage: Stage, meta: dict[str, str]) -> None:
    for path in paths(stage, GET):
        assert local.get(path, **meta).status_code == 404, path
    for path in paths(stage, POST):
        assert local.post(path, {"name": "X", "to": COMPANY, "text": "x"}, **meta).status_code == 404, path
    assert Mailbox.objects.count() == 2 and Mail.objects.count() == 0


def test_without_the_demo_there_is_nothing(local: Client, stage: Stage) -> None:
    settings.put(DEMO, False)
    for path in paths(stage, GET):
        assert local.get(path).status_code == 404, path


def test_nobody_can_be_the_company_or_somebody_without_a_story(local: Client, stage: Stage) -> None:
    other = Mailbox.objects.create(address="otto@post.example", name="Otto", customer=stage.erika.customer)
    for box in (stage.company, other):
        for path in ("", "list/", "write/"):
            assert local.get(f"/sandbox/as/{box.pk}/{path}").status_code == 404
        assert local.post("/sandbox/shop/login/", {"person": box.pk}).status_code == 404


def test_a_mail_is_sent_and_its_sender_proved(local: Client, stage: Stage) -> None:
    attached = SimpleUploadedFile("zähler.txt", b"1512", content_type="text/plain")
    fields = {
        "to": "Service+Abc@bohne-brand.example",
        "subject": "Vertrag",
        "text": "Zeile\r\nzwei",
        "attached": attached,
    }
    answer = local.post(f"/sandbox/as/{stage.erika.pk}/write/", fields)
    assert (answer.status_code, answer["Location"]) == (302, f"/sandbox/as/{stage.erika.pk}/?sent=1")
    sent = stage.erika.mails.get()
    assert (sent.folder, sent.partner, sent.seen) == ("sent", "Service+Abc@bohne-brand.example", True)
    mail = parse(bytes(stage.company.mails.get().raw))
    assert mail.text.split("\n")[:2] == ["Zeile", "zwei"]
    assert [a.value for a in mail.senders] == ["erika@post.example"] and mail.senders[0].name == "Erika Sommer"
    assert [(f.name, f.content) for f in mail.files] == [("zähler.txt", b"1512")]
    assert auth.verdict(mail, authserv_id=wire.HOST).assurance is Assurance.PROVED


@pytest.mark.parametrize(
    ("field", "value"),
    [("to", ""), ("to", "nobody"), ("to", "a@b.example\r\nBcc: c@d.example"), ("text", ""), ("text", "x" * 100_001)],
)
def test_what_cannot_be_sent_is_not(local: Client, stage: Stage, field: str, value: str) -> None:
    answer = local.post(f"/sandbox/as/{stage.erika.pk}/write/", {"to": COMPANY, "text": "x", field: value})
    assert answer.status_code == 200 and b'class="error"' in answer.content
    assert Mail.objects.count() == 0


def test_a_mail_to_nobody_comes_back(local: Client, stage: Stage) -> None:
    local.post(f"/sandbox/as/{stage.erika.pk}/write/", {"to": "nobody@post.example", "text": "x"})
    (back,) = stage.erika.mails.filter(folder="inbox")
    assert back.subject == "Undelivered Mail Returned to Sender" and not back.seen
    assert local.get(f"/sandbox/as/{stage.erika.pk}/mail/{back.pk}/").status_code == 200


def answered(stage: Stage, html: str = "") -> Mail:
    kind = "text/html" if html else "text/plain"
    raw = (
        f"From: Service <{COMPANY}>\r\nReply-To: service+TOKEN@bohne-brand.example\r\nTo: erika@post.example\r\n"
        f"Subject: Re: Vertrag\r\nMessage-ID: <b@bohne-brand.example>\r\nReferences: <a@post.example>\r\n"
        f"Content-Type: {kind}\r\n\r\n{html or 'Gern.'}\r\n"
    )
    return store.keep(stage.erika, raw.encode(), store.INBOX)


def test_an_answer_goes_back_into_its_thread(local: Client, stage: Stage) -> None:
    mail = answered(stage)
    assert b'data-unseen="1"' in local.get(f"/sandbox/as/{stage.erika.pk}/list/").content
    local.get(f"/sandbox/as/{stage.erika.pk}/mail/{mail.pk}/")
    assert b'data-unseen="0"' in local.get(f"/sandbox/as/{stage.erika.pk}/list/").content
    address = f"/sandbox/as/{stage.erika.pk}/write/?reply={mail.pk}"
    form = local.get(address).context["form"]
    assert form["to"].value() == "service+TOKEN@bohne-brand.example"
    assert form["subject"].value() == "Re: Vertrag"
    assert "schrieb Service:\n> Gern." in form["text"].value()
    local.post(address, {"to": form["to"].value(), "subject": form["subject"].value(), "text": "Danke"})
    received = parse(bytes(stage.company.mails.get().raw))
    assert received.in_reply_to == ("<b@bohne-brand.example>",)
    assert received.references == ("<a@post.example>", "<b@bohne-brand.example>")
    assert [a.value for a in received.delivered_to] == ["service+TOKEN@bohne-brand.example"]


def test_foreign_mails_cannot_be_opened(local: Client, stage: Stage) -> None:
    mine, other = answered(stage), store.keep(stage.company, b"Subject: secret\r\n\r\n", store.INBOX)
    for part in ("", "body/", "file/0/"):
        assert local.get(f"/sandbox/as/{stage.erika.pk}/mail/{other.pk}/{part}").status_code == 404
    assert local.get(f"/sandbox/as/{stage.erika.pk}/write/?reply={other.pk}").status_code == 404
    assert local.get(f"/sandbox/as/{stage.erika.pk}/mail/{mine.pk}/file/0/").status_code == 404


def test_html_of_a_mail_can_do_nothing(local: Client, stage: Stage) -> None:
    hostile = "<p onclick=x()>Hallo</p><script>x()</script><img src=http://spy.example/a.png><form action=/></form>"
    mail = answered(stage, hostile)
    page = local.get(f"/sandbox/as/{stage.erika.pk}/mail/{mail.pk}/")
    assert b"<script>x" not in page.content and b'sandbox="allow-same-origin allow-popups"' in page.content
    body = local.get(f"/sandbox/as/{stage.erika.pk}/mail/{mail.pk}/body/")
    text = body.content.decode()
    assert "Hallo" in text
    assert not any(word in text for word in ("onclick", "<script", "<form", ' src="http'))
    policy = body["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "allow-scripts" not in policy and "img-src data:;" in policy


def test_a_stranger_gets_an_address_of_their_own(local: Client, stage: Stage) -> None:
    for _ in range(2):
        assert local.post("/sandbox/stranger/", {"name": "  Änne <b>Groß</b> "}).status_code == 302
    boxes = Mailbox.objects.filter(customer=None, digest="").order_by("id")
    assert [box.address for box in boxes] == ["aenne.b.gross.b@freipost.example", "aenne.b.gross.b2@freipost.example"]
    page = local.get(f"/sandbox/as/{boxes[0].pk}/")
    assert "Änne &lt;b&gt;Groß&lt;/b&gt;" in page.content.decode()


def test_the_ideas_name_real_numbers_in_the_customers_language(local: Client, stage: Stage) -> None:
    form = local.get(f"/sandbox/as/{stage.erika.pk}/write/?try=contract").context["form"]
    assert form["subject"].value() == "Termin zu Vertrag WV-2025-11111"
    assert "WV-2025-11111" in form["text"].value() and form["text"].value().startswith("Guten Tag")
    assert "Name your contract WV-2025-11111" in local.get(f"/sandbox/as/{stage.erika.pk}/").content.decode()


def test_the_shop_vouches_only_for_whom_is_logged_in(local: Client, stage: Stage) -> None:
    assert local.get("/sandbox/shop/identity/").status_code == 404
    local.post("/sandbox/shop/login/", {"person": stage.erika.pk})
    signed = local.get("/sandbox/shop/identity/").json()["jwt"]
    view = DIRECTORY.by_id(stage.chat)
    assert view is not None
    known = tokens.read_identity(view.secrets["identity_secret"], view.key, signed, clock.now())
    assert (known.email, known.name) == ("erika@post.example", "Erika Sommer")
    local.post("/sandbox/shop/login/", {"person": ""})
    assert local.get("/sandbox/shop/identity/").status_code == 404


def test_the_shop_carries_the_real_widget(local: Client, stage: Stage) -> None:
    view = DIRECTORY.by_id(stage.chat)
    assert view is not None
    page = local.get("/sandbox/shop/").content.decode()
    assert f'<script src="/widget/{view.key}.js" async></script>' in page
    assert local.get(f"/widget/{view.key}.js").status_code == 200


def test_language_is_kept_and_leads_nowhere_else(local: Client, stage: Stage) -> None:
    answer = local.get("/sandbox/language/de/?next=/sandbox/shop/")
    assert (answer["Location"], answer.cookies["tresen_language"].value) == ("/sandbox/shop/", "de")
    assert "Maschinen" in local.get("/sandbox/shop/").content.decode()
    assert local.get("/sandbox/language/de/?next=https://evil.example/")["Location"] == "/sandbox/"
    assert "tresen_language" not in local.get("/sandbox/language/xx/").cookies
