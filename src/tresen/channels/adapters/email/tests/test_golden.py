"""Whole mails as they come, and exactly what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tresen.channels.adapters.email.tests.helpers import FIXTURES, OWN_ID, RECEIVED, TOKEN, UNIQUE, fixture, read
from tresen.channels.contract import Assurance, EventType

MESSAGES = {
    "calendar": ("mia@kunde.test", "Einladung: Wartungstermin", "Passt Dienstag um zehn?"),
    "empty_body": ("kim@kunde.test", "Rückruf bitte", ""),
    "mailing_list": ("ron@kunde.test", "[Kaffee] Mahlgrad", "Welchen Mahlgrad nehmt ihr?"),
    "nested_rfc822": ("tom@kunde.test", "Weiterleitung", "Siehe Anhang."),
    "no_from": ("unknown@sender.invalid", "Ohne Absender", "Wer bin ich?"),
    "no_message_id": ("scanner@praxis.example", "Scan", ""),
    "raw_8bit_headers": ("juergen@kunde.test", "Grüße aus Köln", "Schöne Grüße – ohne jede Angabe des Zeichensatzes"),
    "rfc2231_names": ("kim@kunde.test", "Fotos", "Anbei die Fotos."),
    "several_from": ("ada@kunde.test", "Gemeinsame Bestellung", "Wir bestellen zusammen."),
    "smime_opaque": ("kanzlei@notar.example", "Verschlüsselt", ""),
    "smime_signed": ("kanzlei@notar.example", "Signiert", "Unterschriebener Text: gültig."),
    "uuencode": ("kim@kunde.test", "Protokoll", "Hier das Protokoll.\n\n\nDanke, Kim\nbegin 2 talk about it soon"),
    "vacation": ("urlaub@kunde.test", "Abwesend", "Ich bin bis Montag im Urlaub."),
    "winmail": ("outlook@kunde.test", "Angebot", "Das Angebot im Anhang."),
    "wrong_date": ("kim@kunde.test", "Vorgestern", "Meine Uhr geht falsch."),
}
FILES = {
    "calendar": [("attachment-1.ics", "text/calendar", b"BEGIN:VCALENDAR")],
    "nested_rfc822": [("Rechnung März.eml", "message/rfc822", b"From: lieferant@extern.example")],
    "no_message_id": [("scan.pdf", "application/pdf", b"%PDF-1.4")],
    "rfc2231_names": [
        ("Brühgruppe mit Riss.jpg", "image/jpeg", b"\xff\xd8"),
        ("Gehäuse.jpg", "image/jpeg", b"\xff\xd8"),
        ("passwd", "image/jpeg", b"\xff\xd8"),
        ("htaccess", "image/jpeg", b"\xff\xd8"),
        ("attachment-5.bin", "application/vnd.unknown", b"\x00\x01\x02"),
    ],
    "smime_opaque": [("smime.p7m", "application/pkcs7-mime", b"0\x80")],
    "smime_signed": [("smime.p7s", "application/pkcs7-signature", b"0\x80")],
    "uuencode": [("maschine.log", "application/octet-stream", b"coffee machine log line one\n")],
    "winmail": [("angebot.txt", "text/plain", b"Zwei Siebtraeger")],
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message(name: str) -> None:
    event = read(fixture(name))
    assert event.type is EventType.MESSAGE
    assert event.sender is not None and event.sender.assurance is Assurance.CLAIMED
    assert (event.sender.value, event.subject, event.text) == MESSAGES[name]
    found = [(f.name, f.content_type) for f in event.files]
    assert found == [(name, kind) for name, kind, _ in FILES.get(name, [])]
    for file, (_name, _kind, start) in zip(event.files, FILES.get(name, []), strict=True):
        assert file.content.startswith(start)


def test_a_nested_mail_is_a_file_and_its_text_is_not_ours() -> None:
    event = read(fixture("nested_rfc822"))
    assert "Geheimer innerer Text" not in event.text + event.html
    assert b"Geheimer innerer Text" in event.files[0].content


def test_german_thunderbird_reply() -> None:
    event = read(fixture("de_thunderbird_reply"))
    assert event.sender is not None
    assert (event.sender.name, event.sender.language) == ("Helga Sommer-Köhler", "de")
    assert event.subject == "Re: Ihre Bella Duo: Wartung fällig [#10017]"
    assert event.text.endswith("Die Ersatzteile kosteten 12 €.\n\nViele Grüße\nHelga Sommer-Köhler")
    assert event.meta["folded"].startswith("Am 01.03.26 um 17:02 schrieb Bohne & Brand:")
    assert [(h.kind, h.value) for h in event.hints] == [("token", TOKEN), ("reference", OWN_ID), ("number", "10017")]
    assert event.occurred_at == datetime(2026, 3, 2, 7, 14, 19, tzinfo=UTC)
    assert not event.automated


def test_gmail_reply_is_threaded_by_our_message_id() -> None:
    event = read(fixture("en_gmail_reply"))
    assert event.text == "Thanks, Wednesday works for me."
    assert [(h.kind, h.value) for h in event.hints] == [
        ("token", TOKEN),
        ("reference", OWN_ID),
        ("reference", "<CAFx1=first@mail.example>"),
    ]


def test_outlook_reply_keeps_inline_picture_and_copies() -> None:
    event = read(fixture("de_outlook_reply"))
    assert event.text.startswith("Hallo zusammen,\n\ndas Angebot passt") and "Angebot für" not in event.text
    assert event.meta["folded"].startswith("Von: Bohne & Brand")
    assert event.meta["cc"] == ["t.berger@hotel-seeblick.example", "buchhaltung@hotel-seeblick.example"]
    assert [(f.name, f.content_id) for f in event.files] == [("logo.png", "logo@hotel")]
    assert [h.kind for h in event.hints] == ["reference"]


def test_answers_between_the_lines_stay_in_view() -> None:
    event = read(fixture("en_inline_answers"))
    assert event.text == "> Which model do you have?\n\nThe Bella Duo.\n\n> Since when does it leak?\n\nSince Friday."


def test_odd_charsets_and_encodings() -> None:
    event = read(fixture("odd_charsets"))
    assert event.sender is not None and event.sender.name == "Müller"
    assert event.subject == "Kaffee über al"
    first, second, third, fourth = event.text.split("\n\n")
    assert (first, second, third) == ("Erster Teil: höflich", "第二部分：咖啡机", "Dritter Teil: Größe – ok")
    assert fourth.startswith("Vierter Teil")


def test_wrong_and_missing_dates_fall_back_to_the_time_of_receipt() -> None:
    assert read(fixture("wrong_date")).occurred_at == RECEIVED


@pytest.mark.parametrize(
    ("name", "status", "ids", "code"),
    [
        ("bounce_postfix", "failed", (f"verp:{UNIQUE}", OWN_ID), "5.1.1"),
        ("bounce_unstructured_de", "failed", (f"<{TOKEN}.zzzzzzzzzzzzzzzzzzzz@bohne.test>",), ""),
        ("delayed", "sent", (OWN_ID,), "4.4.1"),
        ("read_receipt", "read", (OWN_ID,), ""),
    ],
)
def test_reports_become_statuses(name: str, status: str, ids: tuple[str, ...], code: str) -> None:
    event = read(fixture(name))
    assert (event.type, event.status, event.status_for) == (EventType.STATUS, status, ids)
    assert event.meta["code"] == code
    assert event.automated
    assert bool(event.error) == (status in ("failed", "sent"))


def test_hard_and_soft_bounces() -> None:
    assert read(fixture("bounce_postfix")).meta["hard"] is True
    assert read(fixture("bounce_unstructured_de")).meta["hard"] is False


def test_every_fixture_gives_exactly_one_event_and_the_same_one_again() -> None:
    for path in FIXTURES.glob("*.eml"):
        assert read(path.read_bytes()) == read(path.read_bytes())
