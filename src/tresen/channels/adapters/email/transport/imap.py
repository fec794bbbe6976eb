"""Fetching by IMAP: IDLE where the server has it (RFC 2177), looking again and again where not; always by
UID."""

from __future__ import annotations

import imaplib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from io import BufferedReader
from typing import Any, cast

from imap_tools import BaseMailBox, MailMessageFlags

from tresen.channels.adapters.email.account import Account, Server
from tresen.channels.adapters.email.engine.events import FAULT_HEADER
from tresen.channels.adapters.email.engine.limits import LIMITS
from tresen.channels.adapters.email.transport import net, oauth
from tresen.channels.contract import Pulled, RawReceipt, Stop
from tresen.kernel import clock, faults

log = logging.getLogger(__name__)
TIMEOUT = 60.0  # seconds for one answer of the server
IDLE_SECONDS = 9 * 60.0  # re-issued well before the 29 minutes of RFC 2177: routers forget quiet connections earlier
LISTEN_SECONDS = 1.0  # how long a stop may go unnoticed
PEEK = 256 * 1024  # bytes kept of a mail too large to take whole
FETCH_TRIES = 3
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")

Seal = Callable[[bytes], Mapping[str, str]]  # headers to add to a receipt, found with the network while fetching


class _Plain(imaplib.IMAP4):
    def _create_socket(self, timeout: float | None) -> Any:
        return net.connect(self.host, self.port, timeout)


class _Tls(imaplib.IMAP4_SSL):
    def _create_socket(self, timeout: float | None) -> Any:
        return self.ssl_context.wrap_socket(net.connect(self.host, self.port, timeout), server_hostname=self.host)


class MailBox(BaseMailBox):
    """imap-tools over a checked connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        server = self.server
        if server.security == "tls":
            return _Tls(server.host, server.port, ssl_context=net.tls(), timeout=TIMEOUT)
        client = _Plain(server.host, server.port, timeout=TIMEOUT)
        if server.security == "starttls":
            client.starttls(ssl_context=net.tls())
        return client

    def told(self) -> bool:
        """Whether the server announced new mail since the last time, in answer to whatever command."""
        return bool([n for n in self.client.response("EXISTS")[1] if n])

    def buffered(self) -> bool:
        """Whether lines of the server were read together with its go-ahead for IDLE: polling would not see them."""
        sock = self.client.sock
        before = sock.gettimeout()
        sock.settimeout(0)
        try:
            return bool(cast(BufferedReader, self.client.file).peek(1))
        except OSError:  # nothing to read
            return False
        finally:
            sock.settimeout(before)

    def can(self, capability: str) -> bool:
        """Whether the server offers a capability, as told after the log-in."""
        _status, data = self.client.capability()
        return capability.upper() in b" ".join(data or []).decode("ascii", "replace").upper().split()


@contextmanager
def opened(account: Account, folder: str | None = None) -> Iterator[MailBox]:
    """A logged-in mailbox with the folder selected; closed in any case. Raises OSError, imaplib and
    imap_tools errors."""
    box = MailBox(account.incoming)
    try:
        login = account.in_login
        chosen = account.folder if folder is None else folder
        if login.method == "xoauth2":
            box.xoauth2(login.user, oauth.access_token(login), initial_folder=chosen)
        elif login.user.isascii() and login.password.isascii():
            box.login(login.user, login.password, initial_folder=chosen)
        else:
            box.login_utf8(login.user, login.password, initial_folder=chosen)
        yield box
    finally:
        _close(box)


def _close(box: MailBox) -> None:
    try:
        box.client.sock.settimeout(5)
        box.logout()
    except Exception:  # the connection may be broken in any way
        with suppress(OSError):
            box.client.shutdown()


def run(account: Account, cursor: Mapping[str, Any], pulled: Pulled, stop: Stop, seal: Seal) -> None:
    """Fetches until `stop` is set. Raises on connection faults; the caller backs off and comes back."""
    with opened(account) as box:
        fetcher = Fetcher(box, account, cursor, pulled, seal)
        idle = account.idle and box.can("IDLE")
        while not stop.is_set():
            box.told()
            fetcher.catch_up(stop)
            if stop.is_set():
                return
            if not idle:
                stop.wait(account.poll_seconds)
                box.client.noop()
            elif not box.told():  # else something came while we were fetching
                _listen(box, stop)


def _listen(box: MailBox, stop: Stop) -> None:
    """Returns when the server tells something, when IDLE has to be renewed, or when we have to stop."""
    deadline = time.monotonic() + IDLE_SECONDS
    box.idle.start()
    try:
        if box.told() or box.buffered():
            return
        while not stop.is_set() and time.monotonic() < deadline:
            asked = time.monotonic()
            lines = box.idle.poll(LISTEN_SECONDS)
            # A poll that ends early without a line: the connection closed. DONE below finds out.
            if any(map(_is_news, lines)) or (not lines and time.monotonic() - asked < LISTEN_SECONDS / 2):
                return
    finally:
        box.idle.stop()


def _is_news(line: bytes) -> bool:
    return line.endswith((b" EXISTS", b" RECENT")) or line.startswith(b"* BYE")


class Fetcher:
    """Hands new mail over in the order of its UIDs and remembers how far it came."""

    def __init__(self, box: MailBox, account: Account, cursor: Mapping[str, Any], pulled: Pulled, seal: Seal) -> None:
        self.box, self.account, self.pulled, self.seal = box, account, pulled, seal
        self.validity = _validity(box)
        same = cursor.get("folder") == account.folder and cursor.get("uidvalidity") == self.validity
        self.last = int(cursor.get("uid", 0)) if same else 0

    def catch_up(self, stop: Stop) -> None:
        """Everything above the last known UID. What a person has already opened counts as well: UNSEEN is
        not asked."""
        for uid in self._new_uids():
            if stop.is_set():
                return
            self._take(uid)

    def _new_uids(self) -> list[int]:
        if self.last:
            criteria = f"UID {self.last + 1}:*"  # always names the newest mail, so the result is filtered
        elif self.account.import_days:
            since = clock.now() - timedelta(days=self.account.import_days)
            criteria = f"SINCE {since.day}-{MONTHS[since.month - 1]}-{since.year}"
        else:
            criteria = "ALL"
        return sorted(uid for uid in map(int, self.box.uids(criteria, charset=None)) if uid > self.last)

    def _take(self, uid: int) -> None:
        body, fault = self._fetch(uid)
        if body is None:  # deleted meanwhile
            self.last = uid
            return
        headers = {"x-uid": str(uid), "x-uidvalidity": str(self.validity), "x-folder": self.account.folder}
        if fault:
            headers[FAULT_HEADER] = fault
        else:
            headers |= dict(self.seal(body))
        raw = RawReceipt(body, headers, method="PULL", received_at=clock.now())
        faults.reach("mail.fetched")
        cursor = {"folder": self.account.folder, "uidvalidity": self.validity, "uid": uid}
        if not self.pulled(raw, key=f"{self.account.folder}:{self.validity}:{uid}", cursor=cursor):
            raise OSError("the mail could not be stored")
        self.last = uid
        if not fault:
            self._mark_seen(uid)
            faults.reach("mail.flagged")

    def _fetch(self, uid: int) -> tuple[bytes | None, str]:
        """The raw mail, and why it is not whole. A mail that the server cannot hand over does not stop the
        others."""
        said = ""
        for _ in range(FETCH_TRIES):
            try:
                size = self._size(uid)
                if size is None:
                    return None, ""
                if size > LIMITS.size:
                    return self._body(
                        uid, f"BODY.PEEK[]<0.{PEEK}>"
                    ) or b"", f"{size} bytes: too large, it stays in the mailbox"
                body = self._body(uid, "BODY.PEEK[]")
                if body is not None:
                    return body, ""
                said = "the server returned nothing"
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as refused:
                said = str(refused)[:200]
        log.warning("mail %s cannot be fetched", uid)
        return b"", f"the mail server could not hand it over: {said}"

    def _size(self, uid: int) -> int | None:
        found = SIZE.search(b" ".join(_flat(self._ask(uid, "(RFC822.SIZE)"))))
        return int(found[1]) if found else None

    def _body(self, uid: int, what: str) -> bytes | None:
        answer = self._ask(uid, f"({what})")
        return next((part[1] for part in answer if isinstance(part, tuple) and len(part) > 1), None)

    def _ask(self, uid: int, what: str) -> list[Any]:
        status, data = self.box.client.uid("FETCH", str(uid), what)
        if status != "OK":
            raise imaplib.IMAP4.error(f"{status} {b' '.join(_flat(data)).decode('ascii', 'replace')}")
        return list(data or [])

    def _mark_seen(self, uid: int) -> None:
        try:
            self.box.flag([str(uid)], MailMessageFlags.SEEN, True)
        except imaplib.IMAP4.abort:
            raise
        except Exception as refused:  # a read-only folder: the mail is stored, only its mark is not
            log.warning("mail %s was not marked as seen: %s", uid, type(refused).__name__)


def _flat(data: Any) -> list[bytes]:
    found: list[bytes] = []
    for part in data or []:
        found += [p for p in (part if isinstance(part, tuple) else (part,)) if isinstance(p, bytes)]
    return found


def _validity(box: MailBox) -> int:
    _code, data = box.client.response("UIDVALIDITY")
    return int(data[0]) if data and data[0] else 0
