"""Sending by SMTP (RFC 5321), with an exact answer to the only question that matters: may it be sent
again?"""

from __future__ import annotations

import re
import smtplib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tresen.channels.adapters.email.account import Account, Login, Server
from tresen.channels.adapters.email.engine.compose import Composed
from tresen.channels.adapters.email.transport import net, oauth
from tresen.channels.contract import SendResult, SendState
from tresen.kernel import http

STEP_SECONDS = 20.0
TOTAL_SECONDS = 100.0  # a delivery's lease is 120
GREYLIST_SECONDS = 300.0


class _Plain(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return net.connect(host, port, timeout)


class _Tls(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return net.tls().wrap_socket(net.connect(host, port, timeout), server_hostname=host)


class Refused(Exception):
    """The server said no before the mail was handed over; `code` is its SMTP reply code."""

    def __init__(self, code: int, said: bytes | str) -> None:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        super().__init__(f"{code} {' '.join(text.split())}"[:500])
        self.code = code


class Lost(Exception):
    """The connection broke after the whole mail was handed over and before the answer: it may have been
    taken."""


@contextmanager
def opened(account: Account) -> Iterator[smtplib.SMTP]:
    """A greeted, encrypted and logged-in session. Raises OSError, smtplib errors, http.HttpError,
    oauth.OAuthFault."""
    session = _connect(account.outgoing, account.box.domain)
    try:
        session.ehlo_or_helo_if_needed()
        if account.outgoing.security == "starttls":
            session.starttls(context=net.tls())
            session.ehlo()
        _login(session, account.out_login)
        yield session
    finally:
        try:
            session.quit()
        except (OSError, smtplib.SMTPException):
            session.close()


def _connect(server: Server, name: str) -> smtplib.SMTP:
    kind = _Tls if server.security == "tls" else _Plain
    # Our own name is of no use to a submission server and may tell about the network: the mail domain greets.
    return kind(
        server.host,
        server.port,
        local_hostname=name if name.isascii() and name else "localhost",
        timeout=STEP_SECONDS,
    )


def _login(session: smtplib.SMTP, login: Login) -> None:
    if login.method == "xoauth2":
        response = oauth.xoauth2(login)
        session.auth("XOAUTH2", lambda challenge=None: "" if challenge else response)
    elif login.method and login.password:
        session.login(login.user, login.password)


def send(account: Account, mail: Composed) -> SendResult:
    """Hands a mail over. ACCEPTED once the server said 250; what some recipients' servers refused stands in
    `error`."""
    try:
        with opened(account) as session:
            refused = _transaction(session, mail)
    except Lost:
        return SendResult(SendState.UNKNOWN, mail.external_ids, error="the connection broke before the server's answer")
    except Refused as said:
        return _rejected(said.code, str(said))
    except smtplib.SMTPAuthenticationError as said:
        oauth.forget()
        return SendResult(SendState.REJECTED, error=f"log-in refused: {_text(said)}", retry=said.smtp_code < 500)
    except smtplib.SMTPResponseException as said:
        return _rejected(said.smtp_code, _text(said))
    except http.Blocked as error:
        return SendResult(SendState.REJECTED, error=str(error))
    except (OSError, smtplib.SMTPException, http.HttpError, oauth.OAuthFault) as error:
        return SendResult(SendState.REJECTED, error=f"{type(error).__name__}: {error}"[:500], retry=True)
    partly = "; ".join(f"{address}: {said}" for address, said in refused.items())
    return SendResult(SendState.ACCEPTED, mail.external_ids, error=partly[:1000])


def _text(said: smtplib.SMTPResponseException) -> str:
    text = said.smtp_error.decode("utf-8", "replace") if isinstance(said.smtp_error, bytes) else str(said.smtp_error)
    return f"{said.smtp_code} {' '.join(text.split())}"[:500]


def _rejected(code: int, text: str) -> SendResult:
    soft = 400 <= code < 500
    after = GREYLIST_SECONDS if code in (450, 451) else None
    return SendResult(SendState.REJECTED, error=text, retry=soft, retry_after=after)


def _transaction(session: smtplib.SMTP, mail: Composed) -> dict[str, str]:
    """MAIL, RCPT, DATA. Returns the refused recipients when others were taken; raises Refused or Lost."""
    deadline = time.monotonic() + TOTAL_SECONDS
    options = ["SMTPUTF8"] if not _ascii(mail) and session.has_extn("smtputf8") else []
    if session.has_extn("size"):
        options.append(f"size={len(mail.content)}")
    if session.has_extn("8bitmime") and not mail.content.isascii():
        options.append("BODY=8BITMIME")
    _expect(session.mail(mail.sender, options), 250)
    refused: dict[str, str] = {}
    worst = 0
    for address in mail.recipients:
        _hurry(session, deadline)
        code, said = session.rcpt(address)
        if code not in (250, 251):
            refused[address] = str(Refused(code, said))
            worst = code if worst == 0 or 400 <= code < 500 else worst
    if len(refused) == len(mail.recipients):
        session.rset()
        raise Refused(worst, "; ".join(f"{a}: {s}" for a, s in refused.items()))
    _expect(session.docmd("DATA"), 354)
    _hand_over(session, mail.content, deadline)
    return refused


def _ascii(mail: Composed) -> bool:
    return mail.sender.isascii() and all(r.isascii() for r in mail.recipients)


def _expect(answer: tuple[int, bytes], wanted: int) -> None:
    if answer[0] != wanted:
        raise Refused(*answer)


def _hurry(session: smtplib.SMTP, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the server is too slow")
    sock: socket.socket | None = session.sock
    if sock is not None:
        sock.settimeout(min(left, STEP_SECONDS))


def _hand_over(session: smtplib.SMTP, content: bytes, deadline: float) -> None:
    """Everything but the final dot can be repeated; from the dot on only the server's answer counts."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    _hurry(session, deadline)
    session.send(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
    sock: socket.socket | None = session.sock
    if sock is not None:
        sock.settimeout(max(5.0, deadline - time.monotonic()))
    try:
        session.send(b".\r\n")
        code, said = session.getreply()
    except (OSError, smtplib.SMTPServerDisconnected) as broken:
        raise Lost from broken
    if code != 250:
        raise Refused(code, said)
