"""Who is not answered automatically, and that our own automatic mail is recognised as such."""

from __future__ import annotations

import pytest

from tresen.channels.adapters.email.engine import bounces, loops
from tresen.channels.adapters.email.engine.compose import Letterhead, compose
from tresen.channels.adapters.email.engine.parse import parse
from tresen.channels.adapters.email.tests.helpers import BOX, fixture, mail, outbound, raw, read
from tresen.channels.contract import EventType

MACHINES = {
    "Auto-Submitted: auto-generated": {"auto_submitted": "auto-generated"},
    "Auto-Submitted: auto-replied": {"auto_submitted": "Auto-Replied (vacation); x=y"},
    "null return path": {"return_path": "<>"},
    "Precedence: bulk": {"precedence": "Bulk"},
    "Precedence: list": {"precedence": "list"},
    "List-Id": {"list_id": "<kaffee.liste.example>"},
    "List-Unsubscribe": {"list_unsubscribe": "<mailto:x@y.de>"},
    "X-Auto-Response-Suppress": {"x_auto_response_suppress": "OOF, AutoReply"},
    "X-Autoreply": {"x_autoreply": "yes"},
    "machine address no-reply": {"from": "no-reply@kunde.test"},
    "machine address mailer-daemon": {"from": "mailer-daemon@kunde.test"},
    "our own address": {"from": "service@bohne.test"},
}


@pytest.mark.parametrize("why", MACHINES)
def test_machines_are_not_answered(why: str) -> None:
    assert loops.reason(mail(**MACHINES[why]), {"service@bohne.test"}) == why
    event = read(raw(**MACHINES[why]))
    assert event.automated and event.meta["automated"] == why


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"auto_submitted": "no"},
        {"precedence": "first-class"},
        {"x_auto_response_suppress": "None"},
        {"from": "rooter.norepley@kunde.test"},
        {"return_path": "<kim@kunde.test>"},
    ],
)
def test_people_are(named: dict[str, str]) -> None:
    assert loops.reason(mail(**named), {"service@bohne.test"}) == ""
    assert not read(raw(**named)).automated


def test_our_automatic_mail_stops_another_instance_of_us() -> None:
    sent = compose(outbound(automated=True), Letterhead(BOX, "Bohne & Brand"))
    assert loops.reason(parse(sent.content)) == "Auto-Submitted: auto-generated"


@pytest.mark.parametrize(
    "name", ["de_thunderbird_reply", "vacation", "mailing_list", "foreign_reply_to", "nested_rfc822", "smime_signed"]
)
def test_these_are_no_reports(name: str) -> None:
    assert bounces.read_report(parse(fixture(name))) is None


def test_a_customer_who_forwards_a_bounce_is_no_bounce() -> None:
    body = "Mein Versuch kam zurück, was nun?\n\n> 550 5.1.1 user unknown\n> Undelivered Mail Returned to Sender"
    assert bounces.read_report(mail(body=body, subject="Problem mit Ihrer Adresse")) is None


def test_a_report_about_foreign_mail_is_shown_as_automated_message() -> None:
    foreign = fixture("bounce_postfix").replace(b"@bohne.test", b"@anders.test")
    event = read(foreign)
    assert event.type is EventType.MESSAGE and event.automated
    assert event.meta["bounce"] == {"kind": "failed", "recipients": ["weg@kunde.test"], "code": "5.1.1"}


def test_a_forged_bounce_needs_the_unguessable_id() -> None:
    guessed = fixture("bounce_unstructured_de").replace(b".zzzzzzzzzzzzzzzzzzzz@", b"@")
    assert read(guessed).type is EventType.MESSAGE


def test_a_returned_mail_counts_by_its_own_header_only() -> None:
    """Its text may quote the ids of other mails of ours: they did not bounce."""
    content = fixture("bounce_postfix").replace(
        b"Guten Tag", b"Message-ID: <" + b"A" * 27 + b".yyyyyyyyyyyyyyyyyyyy@bohne.test>"
    )
    assert all("yyyy" not in i for i in read(content).status_for)
