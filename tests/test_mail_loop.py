"""The e-mail adapter against Postfix and Dovecot: IDLE, polling, POP3, SMTP, a real bounce, a real vacation reply."""

from __future__ import annotations

import imaplib
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest
from imap_tools import MailBoxUnencrypted

from counterparts.mailserver import AWAY, GONE, HOME, LATER, NOBODY, PASSWORD, SHOP, MailServer, mailserver
from counterparts.mailuse import ADAPTER, KIM, TOKEN, Store, cable, end, inbox, running, send, until, view, write
from tresen.channels.adapters.email.tests.servers import Tokens, tokens
from tresen.channels.adapters.email.transport import net, oauth, resolver
from tresen.channels.contract import EventType, RawReceipt, SendState
from tresen.kernel import http

pytestmark = pytest.mark.counterpart


@pytest.fixture(autouse=True)
def no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domains of these tests do not exist; nobody is asked about them."""

    def silent(name: str) -> list[str]:
        raise resolver.NoAnswer

    monkeypatch.setattr(resolver, "txt", silent)


@pytest.fixture(scope="module")
def provider() -> Iterator[Tokens]:
    with tokens({"access_token": "ya29.test", "expires_in": 3600}, user=f"service3@{SHOP}") as server:
        yield server


@pytest.fixture(scope="module")
def server(provider: Tokens) -> Iterator[MailServer]:
    http.configure_exceptions(["127.0.0.0/8"])
    with mailserver(provider.port) as running:
        yield running
    http.configure_exceptions([])


def test_idle_receives_at_once_and_marks_seen_only_what_is_stored(server: MailServer) -> None:
    address = f"service@{SHOP}"
    channel, store = view(server, address), Store()
    write(server, address, "vorher")
    until(lambda: len(inbox(server, address)) == 1)
    with running(channel, store):
        until(lambda: len(store.receipts) == 1)
        time.sleep(0.5)  # IDLE has begun
        write(server, address, "nachher")
        until(lambda: len(store.receipts) == 2)
    assert [e.subject for e in store.events(channel)] == ["vorher", "nachher"]
    assert store.cursor["folder"] == "INBOX" and store.cursor["uid"] == 2
    until(lambda: all("\\Seen" in m.flags for m in inbox(server, address)))


def test_mail_that_arrives_while_another_is_stored_does_not_wait(server: MailServer) -> None:
    """Its announcement comes before IDLE begins, in answer to another command."""
    address = f"service4@{SHOP}"
    channel = view(server, address)

    class Slow(Store):
        def __call__(self, raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool:
            if not self.receipts:
                write(server, address, "zwei")
                until(lambda: len(inbox(server, address)) == 2)
            return super().__call__(raw, key=key, cursor=cursor)

    write(server, address, "eins")
    until(lambda: len(inbox(server, address)) == 1)
    store = Slow()
    with running(channel, store):
        until(lambda: len(store.receipts) == 2)
    assert [e.subject for e in store.events(channel)] == ["eins", "zwei"]


def test_a_lost_connection_is_noticed_while_waiting(server: MailServer) -> None:
    with cable(server.imap) as (port, cut):
        channel = view(server, f"service2@{SHOP}")
        broken = replace(channel, settings={**channel.settings, "in_port": port})
        ended: list[BaseException] = []

        def run() -> None:
            try:
                ADAPTER.run(broken, Store(), Event())
            except BaseException as fault:
                ended.append(fault)

        thread = Thread(target=run, daemon=True)
        thread.start()
        time.sleep(1)
        assert thread.is_alive()
        cut()
        thread.join(10)
    assert not thread.is_alive() and isinstance(ended[0], OSError | imaplib.IMAP4.abort)


def test_nothing_is_fetched_twice_and_what_a_person_opened_is_fetched_too(server: MailServer) -> None:
    address = f"service@{SHOP}"
    with MailBoxUnencrypted("127.0.0.1", server.imap).login(address, PASSWORD) as box:
        before = box.folder.status("INBOX")
    write(server, address, "schon geöffnet")
    until(lambda: len(inbox(server, address)) == before["MESSAGES"] + 1)
    with MailBoxUnencrypted("127.0.0.1", server.imap).login(address, PASSWORD) as box:
        assert [m.subject for m in box.fetch("UNSEEN", mark_seen=True)] == ["schon geöffnet"]
    cursor = {"folder": "INBOX", "uidvalidity": before["UIDVALIDITY"], "uid": before["UIDNEXT"] - 1}
    store = Store()
    with running(view(server, address, cursor), store):
        until(lambda: store.receipts)
    assert [e.subject for e in store.events(view(server, address))] == ["schon geöffnet"]
    anew = Store()
    with running(view(server, address, {**cursor, "uidvalidity": 1}), anew):
        until(lambda: len(anew.receipts) == before["MESSAGES"] + 1)


def test_polling_where_idle_is_off(server: MailServer) -> None:
    address = f"service2@{SHOP}"
    channel, store = view(server, address, idle=False, poll_seconds=1), Store()
    with running(channel, store):
        time.sleep(0.5)
        write(server, address, "abgeholt")
        until(lambda: len(store.receipts) == 1)
    assert [e.subject for e in store.events(channel)] == ["abgeholt"]


def test_a_mail_that_could_not_be_stored_stays_unseen_and_comes_again(server: MailServer) -> None:
    address = f"service2@{SHOP}"
    channel, store = view(server, address), Store(refuse=1)
    before = len(inbox(server, address))
    write(server, address, "nicht gespeichert")
    until(lambda: len(inbox(server, address)) == before + 1)
    with pytest.raises(OSError, match="could not be stored"):
        ADAPTER.run(channel, store, Event())
    assert store.receipts == {} and store.cursor == {}
    with running(channel, store):
        until(lambda: store.receipts)
    assert store.calls[0] == store.calls[1]


def test_an_unreadable_mail_does_not_stop_the_mailbox(server: MailServer) -> None:
    address = f"ali@{HOME}"
    channel, store = view(server, address), Store()
    head = f"From: {KIM}\r\nTo: {address}\r\nSubject: Bombe\r\nMIME-Version: 1.0\r\n".encode()
    layers = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60))
    write(server, address, "davor")
    until(lambda: len(inbox(server, address)) == 1)
    write(server, address, "", head + layers + b"\r\nhi\r\n")
    until(lambda: len(inbox(server, address)) == 2)
    write(server, address, "danach")
    with running(channel, store):
        until(lambda: len(store.receipts) == 3)
    before, bomb, after = store.events(channel)
    assert (before.subject, after.subject) == ("davor", "danach")
    assert (bomb.type, bomb.error) == (EventType.UNSUPPORTED, "nested deeper than 20 levels")
    assert bomb.sender is not None and bomb.sender.value == KIM
    assert bomb.files[0].name == "message.eml" and b"--b59" in bomb.files[0].content


def test_pop3_fetches_each_mail_once_across_restarts(server: MailServer) -> None:
    address = f"pop@{SHOP}"
    store = Store()
    write(server, address, "eins")
    with running(view(server, address, protocol="pop3", poll_seconds=1), store):
        until(lambda: len(store.receipts) == 1)
        write(server, address, "zwei")
        until(lambda: len(store.receipts) == 2)
    write(server, address, "drei")
    until(lambda: len(inbox(server, address)) == 3)
    again = Store()
    with running(view(server, address, store.cursor, protocol="pop3", poll_seconds=1), again):
        until(lambda: len(again.receipts) == 1)
        time.sleep(1.5)
    assert [e.subject for e in again.events(view(server, address))] == ["drei"]
    assert len(again.calls) == 1


def test_a_reply_arrives_and_its_answer_finds_back(server: MailServer) -> None:
    channel = view(server, f"service@{SHOP}")
    result = send(channel, references=(f"<c1@{HOME}>",), bcc=(f"ali@{HOME}",))
    assert (result.state, result.error) == (SendState.ACCEPTED, "")
    until(lambda: any(m.subject == "Re: Größe" for m in inbox(server, KIM)))
    (mail,) = [m for m in inbox(server, KIM) if m.subject == "Re: Größe"]
    assert mail.from_values is not None and mail.from_values.name == "Mia · Bohne & Brand"
    assert mail.text.strip() == "Guten Tag, schöne Grüße" and "<p>Guten Tag, schöne Grüße</p>" in mail.html
    assert mail.headers["message-id"] == (result.external_ids[0],)
    assert "bcc" not in mail.headers
    until(lambda: any(m.subject == "Re: Größe" for m in inbox(server, f"ali@{HOME}")))
    cursor, store = end(server, channel), Store()
    with running(view(server, f"service@{SHOP}", cursor), store):
        write(server, mail.reply_to[0], "Re: Größe", b"Danke!")
        until(lambda: store.receipts)
    (event,) = store.events(channel)
    assert event.text == "Danke!" and (event.hints[0].kind, event.hints[0].value) == ("token", TOKEN)


def test_a_real_bounce_names_the_message_that_failed(server: MailServer) -> None:
    channel = view(server, f"service@{SHOP}")
    store, cursor = Store(), end(server, channel)
    with running(view(server, f"service@{SHOP}", cursor), store):
        result = send(channel, to=(GONE,))
        assert result.state is SendState.ACCEPTED
        until(lambda: store.receipts)
    (event,) = store.events(channel)
    assert (event.type, event.status) == (EventType.STATUS, "failed")
    assert set(event.status_for) == set(result.external_ids)
    assert event.meta["hard"] is True and event.meta["code"] == "5.1.1"
    assert event.meta["recipients"] == [GONE]


def test_a_real_vacation_reply_is_automated_and_threaded(server: MailServer) -> None:
    channel = view(server, f"service@{SHOP}")
    store, cursor = Store(), end(server, channel)
    with running(view(server, f"service@{SHOP}", cursor), store):
        send(channel, to=(AWAY,))
        until(lambda: store.receipts)
    (event,) = store.events(channel)
    assert (event.type, event.text) == (EventType.MESSAGE, "Ich bin bis Montag im Urlaub.")
    assert event.automated and event.meta["automated"] == "Auto-Submitted: auto-replied"
    assert (event.hints[0].kind, event.hints[0].value) == ("token", TOKEN)
    assert "quarantine" not in event.meta


def test_our_automatic_mail_gets_no_vacation_reply(server: MailServer) -> None:
    channel = view(server, f"service2@{SHOP}")
    before = len(inbox(server, f"service2@{SHOP}"))
    arrived = len(inbox(server, AWAY))
    assert send(channel, to=(AWAY,), automated=True).state is SendState.ACCEPTED
    until(lambda: len(inbox(server, AWAY)) == arrived + 1)
    time.sleep(1)
    assert len(inbox(server, f"service2@{SHOP}")) == before


def test_refusals_for_now_and_for_good(server: MailServer) -> None:
    channel = view(server, f"service@{SHOP}")
    later, never = send(channel, to=(LATER,)), send(channel, to=(NOBODY,))
    assert (later.state, later.retry) == (SendState.REJECTED, True)
    assert (never.state, never.retry) == (SendState.REJECTED, False)
    assert "5.1.1" in never.error


def test_wrong_password(server: MailServer) -> None:
    channel = view(server, f"service@{SHOP}", user="nobody@x.test")
    found = {c.name: c for c in ADAPTER.check(channel)}
    assert not found["IMAP log-in"].ok and not found["SMTP log-in"].ok
    assert found["IMAP log-in"].fix.startswith("Check user name and password.")
    assert PASSWORD not in repr(found)


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_check_is_green(server: MailServer, protocol: str) -> None:
    found = [
        c for c in ADAPTER.check(view(server, f"service@{SHOP}", protocol=protocol)) if c.name not in ("SPF", "DMARC")
    ]
    assert all(c.ok for c in found)
    names = ["IMAP log-in", "folder", "IDLE"] if protocol == "imap" else ["POP3 log-in"]
    assert [c.name for c in found] == [*names, "SMTP log-in"]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_encrypted(server: MailServer, monkeypatch: pytest.MonkeyPatch, protocol: str, security: str) -> None:
    wrapped = "s" if security == "tls" else ""
    ports = {"in_port": getattr(server, protocol + wrapped), "out_port": getattr(server, "smtp" + wrapped)}
    how = {"protocol": protocol, "in_security": security, "out_security": security}
    channel = view(server, f"service@{SHOP}", **ports, **how)
    stranger = {c.name: c for c in ADAPTER.check(channel)}
    assert not any(c.ok for c in stranger.values())
    assert {c.fix[:31] for c in stranger.values()} == {"The certificate does not fit th"}, stranger
    result = send(channel)
    assert (result.state, result.retry) == (SendState.REJECTED, True) and "certificate" in result.error
    monkeypatch.setattr(net, "tls", lambda: ssl.create_default_context(cafile=server.certificate))
    assert [c.name for c in ADAPTER.check(channel) if not c.ok] == []
    assert send(channel).state is SendState.ACCEPTED


def test_check_names_the_folders_there_are(server: MailServer) -> None:
    found = {c.name: c for c in ADAPTER.check(view(server, f"service@{SHOP}", folder="Ablage"))}
    assert (found["folder"].ok, found["folder"].detail) == (False, "Ablage (INBOX)")


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_xoauth2(server: MailServer, provider: Tokens, protocol: str) -> None:
    oauth.forget()
    channel = view(
        server, f"service3@{SHOP}", protocol=protocol, auth="xoauth2", token_url=provider.url, client_id="desk"
    )
    assert [c.name for c in ADAPTER.check(channel) if not c.ok] == []
    assert send(channel).state is SendState.ACCEPTED
    assert len(provider.asked) >= 1
    wrong = view(server, f"service@{SHOP}", protocol=protocol, auth="xoauth2", token_url=provider.url, client_id="desk")
    assert [c.ok for c in ADAPTER.check(wrong)][:1] == [False]
