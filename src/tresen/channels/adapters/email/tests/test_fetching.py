"""The IMAP fetcher against a server that cannot hand over every mail."""

from __future__ import annotations

import imaplib
from collections.abc import Mapping
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from tresen.channels.adapters.email.account import account
from tresen.channels.adapters.email.adapter import EmailAdapter
from tresen.channels.adapters.email.tests.helpers import channel, raw
from tresen.channels.adapters.email.transport.imap import Fetcher
from tresen.channels.contract import EventType, RawReceipt
from tresen.kernel import clock

ADAPTER = EmailAdapter()
Mails = Mapping[int, bytes | Exception | None]


class Client:
    """Answers UID FETCH from a dictionary; an exception stands for NO, None for a mail that is gone."""

    def __init__(self, mails: Mails, sizes: Mapping[int, int]) -> None:
        self.mails, self.sizes, self.asked = mails, sizes, []

    def uid(self, command: str, uid: str, what: str) -> tuple[str, list[Any]]:
        self.asked.append((int(uid), what))
        mail = self.mails[int(uid)]
        if isinstance(mail, Exception):
            if isinstance(mail, imaplib.IMAP4.abort):
                raise mail
            return "NO", [str(mail).encode()]
        if mail is None:
            return "OK", [None]
        if "SIZE" in what:
            return "OK", [b"1 (UID %s RFC822.SIZE %d)" % (uid.encode(), self.sizes.get(int(uid), len(mail)))]
        return "OK", [(b"1 (UID %s BODY[] {%d}" % (uid.encode(), len(mail)), mail), b")"]

    def response(self, code: str) -> tuple[str, list[bytes]]:
        return code, [b"9"]


class Box(SimpleNamespace):
    client: Client

    def uids(self, criteria: str, charset: str | None) -> list[str]:
        self.criteria.append(criteria)
        return [str(uid) for uid in self.client.mails]

    def flag(self, uids: list[str], flag: str, value: bool) -> None:
        self.seen += uids


def fetch(
    mails: Mapping[int, bytes | Exception | None],
    sizes: Mapping[int, int] | None = None,
    last: int = 0,
    **settings: object,
) -> tuple[list[tuple[str, RawReceipt]], Box]:
    box = Box(client=Client(mails, sizes or {}), criteria=[], seen=[])
    taken: list[tuple[str, RawReceipt]] = []

    def pulled(raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool:
        taken.append((key, raw))
        return True

    cursor = {"folder": "INBOX", "uidvalidity": 9, "uid": last}
    known = account(channel(**settings))
    Fetcher(box, known, cursor, pulled, lambda body: {"x-sealed": "1"}).catch_up(Event())  # type: ignore[arg-type]
    return taken, box


def test_order_and_marks() -> None:
    taken, box = fetch({7: raw(subject="b"), 5: raw(subject="a")}, last=4)
    assert [key for key, _ in taken] == ["INBOX:9:5", "INBOX:9:7"]
    assert box.seen == ["5", "7"] and box.criteria == ["UID 5:*"]
    assert taken[0][1].headers == {"x-uid": "5", "x-uidvalidity": "9", "x-folder": "INBOX", "x-sealed": "1"}


def test_the_newest_known_mail_is_not_taken_again() -> None:
    assert fetch({4: raw()}, last=4)[0] == []


@pytest.mark.parametrize(("days", "criteria"), [(0, "ALL"), (14, "SINCE 16-Feb-2026")])
def test_the_first_start(days: int, criteria: str, frozen_clock: object) -> None:
    assert clock.now().day == 2
    assert fetch({}, import_days=days)[1].criteria == [criteria]


def test_a_mail_the_server_refuses_is_told_and_the_others_come() -> None:
    taken, box = fetch({5: raw(), 6: ValueError("corrupt index"), 7: None, 8: raw()})
    assert [key for key, _ in taken] == ["INBOX:9:5", "INBOX:9:6", "INBOX:9:8"]
    assert box.seen == ["5", "8"]
    (event,) = ADAPTER.parse(channel(), taken[1][1])
    assert event.type is EventType.UNSUPPORTED
    assert event.error == "the mail server could not hand it over: NO corrupt index"


def test_a_mail_too_large_is_told_and_stays_unread_in_the_mailbox() -> None:
    taken, box = fetch({5: raw(body="x" * 1000)}, {5: 60_000_000})
    (event,) = ADAPTER.parse(channel(), taken[0][1])
    assert (event.type, event.subject) == (EventType.UNSUPPORTED, "Frage")
    assert event.error == "60000000 bytes: too large, it stays in the mailbox"
    assert box.seen == [] and (5, "(BODY.PEEK[]<0.262144>)") in box.client.asked


def test_a_broken_connection_is_not_a_broken_mail() -> None:
    with pytest.raises(imaplib.IMAP4.abort):
        fetch({5: imaplib.IMAP4.abort("EOF")})
