"""Fetching by POP3: by UIDL, in the server's order, leaving everything where it is (RFC 1939)."""

from __future__ import annotations

import base64
import hashlib
import logging
import poplib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from tresen.channels.adapters.email.account import Account
from tresen.channels.adapters.email.engine.events import FAULT_HEADER
from tresen.channels.adapters.email.engine.limits import LIMITS
from tresen.channels.adapters.email.transport import net, oauth
from tresen.channels.adapters.email.transport.imap import Seal
from tresen.channels.contract import Pulled, RawReceipt, Stop
from tresen.kernel import clock

log = logging.getLogger(__name__)
TIMEOUT = 60.0
PEEK_LINES = 2000

# A line may be as long as the largest mail: poplib's 2 KB would make such a mail block all others.
poplib._MAXLINE = LIMITS.size  # type: ignore[attr-defined]


class _Plain(poplib.POP3):
    def _create_socket(self, timeout: float) -> Any:
        return net.connect(self.host, self.port, timeout)

    def xoauth2(self, response: str) -> None:
        """AUTH XOAUTH2 with an initial response (RFC 5034)."""
        self._shortcmd("AUTH XOAUTH2 " + base64.b64encode(response.encode()).decode())  # type: ignore[attr-defined]


class _Tls(_Plain):
    def _create_socket(self, timeout: float) -> Any:
        return net.tls().wrap_socket(super()._create_socket(timeout), server_hostname=self.host)


@contextmanager
def opened(account: Account) -> Iterator[_Plain]:
    """A logged-in session, closed in any case. Raises OSError and poplib.error_proto."""
    server, login = account.incoming, account.in_login
    session = (_Tls if server.security == "tls" else _Plain)(server.host, server.port, timeout=TIMEOUT)
    try:
        if server.security == "starttls":
            session.stls(context=net.tls())
        if login.method == "xoauth2":
            session.xoauth2(oauth.xoauth2(login))
        else:
            session.user(login.user)
            session.pass_(login.password)
        yield session
    finally:
        try:
            session.quit()
        except (OSError, EOFError, poplib.error_proto):
            with suppress(OSError):  # a failed STLS has closed the socket already
                session.close()


def run(account: Account, cursor: Mapping[str, Any], pulled: Pulled, stop: Stop, seal: Seal) -> None:
    """Looks again and again until `stop` is set: POP3 shows new mail only to a new session."""
    known: set[str] = set()
    last = str(cursor.get("uidl", ""))
    while not stop.is_set():
        with opened(account) as session:
            listed = _listing(session)
            if not known and last in listed.values():
                # Servers list in order of arrival: what stands up to the last one taken was taken.
                uids = list(listed.values())
                known.update(uids[: uids.index(last) + 1])
            for number, uidl in listed.items():
                if stop.is_set():
                    return
                if uidl not in known:
                    _take(session, number, uidl, pulled, seal)
                    known.add(uidl)
            known &= set(listed.values())
        stop.wait(account.poll_seconds)


def _listing(session: poplib.POP3) -> dict[int, str]:
    """Message numbers with their unique ids, in the server's order."""
    lines = session.uidl()[1]
    pairs = (line.decode("ascii", "replace").split(None, 1) for line in lines)
    return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2 and pair[0].isdigit()}


def _take(session: poplib.POP3, number: int, uidl: str, pulled: Pulled, seal: Seal) -> None:
    body, fault = _fetch(session, number)
    headers = {"x-uidl": uidl, **({FAULT_HEADER: fault} if fault else seal(body))}
    raw = RawReceipt(body, headers, method="PULL", received_at=clock.now())
    key = "pop3:" + (uidl if len(uidl) <= 200 else hashlib.sha256(uidl.encode()).hexdigest())
    if not pulled(raw, key=key, cursor={"uidl": uidl}):
        raise OSError("the mail could not be stored")


def _fetch(session: poplib.POP3, number: int) -> tuple[bytes, str]:
    """The raw mail, and why it is not whole. A mail that the server refuses does not stop the others."""
    try:
        size = int(str(session.list(number)).split()[2].strip("'\""))
        if size > LIMITS.size:
            top = b"\r\n".join(session.top(number, PEEK_LINES)[1])
            return top, f"{size} bytes: too large, it stays in the mailbox"
        return b"\r\n".join(session.retr(number)[1]) + b"\r\n", ""
    except (poplib.error_proto, IndexError, ValueError) as refused:
        log.warning("mail %s cannot be fetched", number)
        return b"", f"the mail server could not hand it over: {str(refused)[:200]}"
