"""The health check of a mailbox: every line with the exact fix."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Iterator

from imap_tools import ImapToolsError

from tresen.channels.adapters.email.account import Account, Server
from tresen.channels.adapters.email.transport import imap, oauth, pop3, resolver, smtp
from tresen.channels.contract import Check
from tresen.kernel import http

FAULTS = (
    OSError,
    imaplib.IMAP4.error,
    ImapToolsError,
    poplib.error_proto,
    smtplib.SMTPException,
    http.HttpError,
    oauth.OAuthFault,
)


def checks(account: Account) -> Iterator[Check]:
    """Incoming, outgoing, DNS; a line at a time."""
    yield from _incoming(account)
    yield from _outgoing(account)
    yield from dns_checks(account.box.domain)


def _incoming(account: Account) -> Iterator[Check]:
    if account.protocol == "pop3":
        try:
            with pop3.opened(account) as session:
                count = session.stat()[0]
        except FAULTS as fault:
            yield failed("POP3 log-in", fault, account.incoming)
            return
        yield Check("POP3 log-in", ok=True, detail=f"{count} mails")
        return
    try:
        with imap.opened(account, folder="INBOX") as box:
            yield Check("IMAP log-in", ok=True, detail=account.incoming.host)
            yield from _folder(box, account)
    except FAULTS as fault:
        yield failed("IMAP log-in", fault, account.incoming)


def _folder(box: imap.MailBox, account: Account) -> Iterator[Check]:
    names = [f.name for f in box.folder.list()]
    ok = account.folder in names or account.folder.upper() == "INBOX"
    fix = "" if ok else f"Choose one of: {', '.join(names[:20])}"
    yield Check("folder", ok=ok, detail=account.folder, fix=fix)
    if not account.idle:
        return
    if box.can("IDLE"):
        yield Check("IDLE", ok=True, detail="new mail arrives at once")
    else:
        yield Check("IDLE", ok=True, detail="not offered by the server: it is asked again and again")


def _outgoing(account: Account) -> Iterator[Check]:
    try:
        with smtp.opened(account) as session:
            session.noop()
    except FAULTS as fault:
        yield failed("SMTP log-in", fault, account.outgoing)
        return
    yield Check("SMTP log-in", ok=True, detail=account.outgoing.host)


def failed(name: str, fault: Exception, server: Server) -> Check:
    """A fault in plain words with what to do about it. Never shows a secret."""
    detail = f"{type(fault).__name__}: {fault}"[:300]
    return Check(name, ok=False, detail=detail, fix=_fix(fault, server))


def _fix(fault: Exception, server: Server) -> str:
    where = f"{server.host}:{server.port}"
    if isinstance(fault, http.Blocked):
        return f"{server.host} is not a public address. If that is intended, name it as an exception."
    if isinstance(fault, http.HttpError):
        return f"The name {server.host} is not known. Check the spelling of the server."
    if isinstance(fault, oauth.OAuthFault):
        return "Check client ID, client secret, refresh token and token address, and grant access anew."
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"The certificate does not fit {server.host}. Use the server name your provider documents."
    if isinstance(fault, ssl.SSLError):
        return f"{where} does not speak TLS. Choose STARTTLS, or a TLS port (IMAP 993, POP3 995, SMTP 465)."
    if isinstance(fault, ConnectionRefusedError):
        return f"Nothing listens at {where}. Check the port (IMAP 993, POP3 995, SMTP 465 or 587)."
    if isinstance(fault, TimeoutError):
        return f"{where} does not answer. Check the port and whether a firewall blocks it."
    if isinstance(fault, smtplib.SMTPNotSupportedError):
        return "The server offers no such log-in on this connection. Choose TLS or STARTTLS."
    if isinstance(fault, OSError) and not isinstance(fault, smtplib.SMTPException):
        return f"No connection to {where}. Check server, port and encryption."
    return "Check user name and password. With two-factor log-in, create an app password or use OAuth 2."


def dns_checks(domain: str) -> Iterator[Check]:
    """SPF and DMARC of our own domain. Silent where DNS does not answer: that is no fault of the mailbox."""
    spf = _txt(domain, "v=spf1")
    if spf is not None:
        fix = f'Publish a TXT record for {domain}, such as "v=spf1 include:… -all" with your provider\'s name.'
        yield Check("SPF", ok=bool(spf), detail=spf, fix="" if spf else fix)
    dmarc = _txt(f"_dmarc.{domain}", "v=dmarc1")
    if dmarc is not None:
        fix = f'Publish a TXT record for _dmarc.{domain}, such as "v=DMARC1; p=none".'
        yield Check("DMARC", ok=bool(dmarc), detail=dmarc, fix="" if dmarc else fix)


def _txt(name: str, start: str) -> str | None:
    """The TXT record that begins so, "" when there is none, None when DNS does not answer."""
    try:
        records = resolver.txt(name)
    except resolver.NoAnswer:
        return None
    return next((r[:300] for r in records if r.lower().startswith(start)), "")
