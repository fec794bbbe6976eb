"""The provider spoken to by ordinary programs (smtplib, poplib) and by the product's own mail channel."""

from __future__ import annotations

import poplib
import smtplib
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tresen.accounts.demo import DEMO
from tresen.channels import registry
from tresen.channels.contract import Outbound, SendState
from tresen.kernel import settings
from tresen.kernel.addresses import Exceptions, configure_exceptions
from tresen.sandbox.mail import store, wire
from tresen.sandbox.mail.office import PostOffice
from tresen.sandbox.models import Mail, Mailbox
from tresen.sandbox.tests.conftest import COMPANY, PASSWORD, Stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office(stage: Stage) -> Iterator[PostOffice]:
    started = PostOffice()
    started.start()
    yield started
    started.stop()


def ports(office: PostOffice) -> tuple[int, int]:
    out, into = (int(host.rpartition(":")[2]) for host in office.hosts)
    return out, into


@pytest.fixture
def smtp(office: PostOffice) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", ports(office)[0], timeout=10) as session:
        yield session


@pytest.fixture
def pop3(office: PostOffice) -> Iterator[poplib.POP3]:
    session = poplib.POP3("127.0.0.1", ports(office)[1], timeout=10)
    yield session
    session.close()


def logged_in(session: poplib.POP3) -> poplib.POP3:
    session.user(COMPANY)
    session.pass_(PASSWORD)
    return session


def inbox(box: Mailbox) -> list[bytes]:
    return [bytes(raw) for raw in box.mails.filter(folder="inbox").order_by("id").values_list("raw", flat=True)]


def test_a_mail_of_the_company_reaches_the_customer(smtp: smtplib.SMTP, stage: Stage) -> None:
    smtp.login(COMPANY, PASSWORD)
    body = b"From: Shop <service@bohne-brand.example>\r\nTo: erika@post.example\r\nSubject: Ja\r\n\r\n.dot\r\n..two\r\n"
    assert smtp.sendmail(COMPANY, ["erika@post.example"], body) == {}
    (raw,) = inbox(stage.erika)
    assert raw.endswith(body)
    assert raw.startswith(b"Return-Path: <service@bohne-brand.example>\r\nDelivered-To: erika@post.example\r\n")
    mail = stage.erika.mails.get()
    assert (mail.subject, mail.partner, mail.seen) == ("Ja", "Shop", False)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
def test_nobody_sends_without_the_password(smtp: smtplib.SMTP, stage: Stage, password: str) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(COMPANY, password)
    with pytest.raises(smtplib.SMTPSenderRefused):
        smtp.sendmail(COMPANY, ["erika@post.example"], b"Subject: x\r\n\r\nx")
    assert Mail.objects.count() == 0


def test_a_mailbox_of_the_page_has_no_password(smtp: smtplib.SMTP, pop3: poplib.POP3) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login("erika@post.example", "")
    pop3.user("erika@post.example")
    with pytest.raises(poplib.error_proto):
        pop3.pass_("")


def test_unknown_recipients_come_back_as_a_report_and_reports_never_do(smtp: smtplib.SMTP, stage: Stage) -> None:
    smtp.login(COMPANY, PASSWORD)
    sender = "service+b-abcdefghij234567abcd@bohne-brand.example"
    smtp.sendmail(sender, ["nobody@post.example", "erika@post.example"], b"Subject: x\r\n\r\nx")
    (report,) = inbox(stage.company)
    assert b"Content-Type: multipart/report" in report and b'report-type="delivery-status"' in report
    assert f"Delivered-To: {sender}".encode() in report and report.startswith(b"Return-Path: <>\r\n")
    assert b"Final-Recipient: rfc822; nobody@post.example" in report and b"erika" not in report
    assert len(inbox(stage.erika)) == 1
    smtp.sendmail("", ["nobody@post.example"], b"Subject: y\r\n\r\ny")
    smtp.sendmail("stranger@nowhere.example", ["nobody@post.example"], b"Subject: z\r\n\r\nz")
    assert len(inbox(stage.company)) == 1 and Mail.objects.count() == 2


def test_pop3_lists_fetches_and_leaves(pop3: poplib.POP3, stage: Stage) -> None:
    first = wire.canonical(b"Subject: a\n\n.\n..x\nlast")
    for raw in (first, wire.canonical(b"Subject: b\n\n" + b"line\n" * 50)):
        store.keep(stage.company, raw, store.INBOX)
    logged_in(pop3)
    assert pop3.stat() == (2, sum(map(len, inbox(stage.company))))
    ids = [line.split()[1] for line in pop3.uidl()[1]]
    assert len(set(ids)) == 2 and pop3.uidl(2).split()[2] == ids[1]
    assert b"\r\n".join(pop3.retr(1)[1]) + b"\r\n" == first
    assert pop3.top(2, 3)[1] == [b"Subject: b", b"", b"line", b"line", b"line"]
    assert pop3.capa().keys() >= {"UIDL", "TOP", "USER"}
    pop3.quit()
    assert len(inbox(stage.company)) == 2


def test_pop3_deletes_at_the_end_only_and_not_after_reset(office: PostOffice, stage: Stage) -> None:
    for name in (b"a", b"b", b"c"):
        store.keep(stage.company, b"Subject: " + name + b"\r\n\r\n", store.INBOX)

    def session() -> poplib.POP3:
        return logged_in(poplib.POP3("127.0.0.1", ports(office)[1], timeout=10))

    left = session()
    left.dele(1)
    left.close()
    reset = session()
    reset.dele(1)
    reset.rset()
    reset.quit()
    assert len(inbox(stage.company)) == 3
    done = session()
    done.dele(2)
    for command in (lambda: done.retr(2), lambda: done.dele(2), lambda: done.retr(9), lambda: done.uidl(0)):
        with pytest.raises(poplib.error_proto):
            command()
    assert done.stat()[0] == 2 and [line.split()[0] for line in done.list()[1]] == [b"1", b"3"]
    done.quit()
    assert list(stage.company.mails.order_by("id").values_list("subject", flat=True)) == ["a", "c"]


@pytest.mark.parametrize(
    "line", [b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"HELO", b"", b"_SAY x", b"RUN", b"\xff\xfe", b"PASS"]
)
def test_pop3_before_log_in_answers_nothing(office: PostOffice, line: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", ports(office)[1]), timeout=10)) as raw:
        file = raw.makefile("rwb")
        assert file.readline().startswith(b"+OK")
        file.write(line + b"\r\n")
        file.flush()
        assert file.readline().startswith(b"-ERR")
        file.write(b"QUIT\r\n")
        file.flush()
        assert file.readline().startswith(b"+OK")


def test_an_endless_line_ends_the_connection(office: PostOffice) -> None:
    with closing(socket.create_connection(("127.0.0.1", ports(office)[1]), timeout=10)) as raw:
        raw.sendall(b"x" * 200_000)
        received = b""
        try:
            while chunk := raw.recv(4096):
                received += chunk
        except ConnectionResetError:
            pass
        assert received in (b"", b"+OK mailbox of the sandbox\r\n")


def test_the_product_sends_and_checks_through_it(office: PostOffice, stage: Stage) -> None:
    before = configure_exceptions(office.hosts)
    try:
        adapter = registry.need("email")
        outbound = Outbound(
            "msg_1", 1, 1, 1, "conversation:1", {}, to=("erika@post.example",), text="Guten Tag", subject="Antwort",
            reply_token="Z" * 27,
        )  # fmt: skip
        result = adapter.send(stage.view, outbound)
        checks = {check.name: check.ok for check in adapter.check(stage.view)}
    finally:
        configure_exceptions([])
    assert before == Exceptions()
    assert result.state is SendState.ACCEPTED, result
    assert checks["POP3 log-in"] and checks["SMTP log-in"]
    (raw,) = inbox(stage.erika)
    assert f"Reply-To: service+{'Z' * 27}@bohne-brand.example".encode() in raw


def test_taken_ports_are_replaced_and_the_channel_learns_them(office: PostOffice, stage: Stage) -> None:
    second = PostOffice()
    second.start()
    try:
        assert set(second.hosts).isdisjoint(office.hosts)
        view = stage.view
        assert (view.settings["out_port"], view.settings["in_port"]) == ports(second)
        assert view.settings["address"] == COMPANY and view.secrets["password"] == PASSWORD
    finally:
        second.stop()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", ports(second)[0]), timeout=2)


def test_without_the_demo_nothing_listens(stage: Stage) -> None:
    settings.put(DEMO, False)
    office = PostOffice()
    office.start()
    office.stop()
    assert office.hosts == ()


def test_a_real_mailbox_is_left_alone(stage: Stage) -> None:
    from tresen.accounts.principal import system
    from tresen.channels.actions import change_channel

    change_channel(system(), stage.mail, settings={**stage.view.settings, "in_host": "imap.firma.test"})
    office = PostOffice()
    office.start()
    office.stop()
    assert office.hosts == () and stage.view.settings["in_port"] == 2110
