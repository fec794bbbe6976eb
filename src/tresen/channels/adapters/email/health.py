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
from tresen.channels.contract import translatable as _
from tresen.kernel import http
from tresen.kernel.addresses import is_public

FAULTS = (
    OSError,
    imaplib.IMAP4.error,
    ImapToolsError,
    poplib.error_proto,
    smtplib.SMTPException,
    http.HttpError,
    oauth.OAuthFault,
)
_LOG_IN = _("Check user name and password. With two-factor log-in, create an app password or use OAuth 2.")
# What to do, by the kind of fault; the first that fits.
FIXES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (http.Blocked, _("This is not a public address. If that is intended, name it as an exception.")),
    (http.HttpError, _("The name of the server is not known. Check its spelling.")),
    (oauth.OAuthFault, _("Check client ID, client secret, refresh token and token address, and grant access anew.")),
    (
        ssl.SSLCertVerificationError,
        _("The certificate does not fit the name of the server. Use the name that your provider documents."),
    ),
    (ssl.SSLError, _("No TLS on this port. Choose STARTTLS, or a TLS port (IMAP 993, POP3 995, SMTP 465).")),
    (ConnectionRefusedError, _("Nothing listens there. Check the port (IMAP 993, POP3 995, SMTP 465 or 587).")),
    (TimeoutError, _("No answer. Check the port and whether a firewall blocks it.")),
    (smtplib.SMTPNotSupportedError, _("No such log-in on this connection. Choose TLS or STARTTLS.")),
    ((smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected), _("The server hung up. Check port and encryption.")),
    (smtplib.SMTPException, _LOG_IN),
    (OSError, _("No connection. Check server, port and encryption.")),
    (Exception, _LOG_IN),
)


def checks(account: Account) -> Iterator[Check]:
    """Encryption, incoming, outgoing, DNS; a line at a time."""
    yield from _encryption(account)
    yield from _incoming(account)
    yield from _outgoing(account)
    yield from dns_checks(account.box.domain)


def _encryption(account: Account) -> Iterator[Check]:
    for server in (account.incoming, account.outgoing):
        if server.security == "none" and _is_far(server):
            fix = _("The password and all mail can be read on the way. Choose TLS or STARTTLS.")
            yield Check("encryption", ok=False, detail=f"{server.host}:{server.port}", fix=fix)


def _is_far(server: Server) -> bool:
    try:
        return any(map(is_public, http.check_host(server.host, server.port)))
    except http.HttpError:
        return False  # the log-in says what is wrong


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
    if account.folder in names or account.folder.upper() == "INBOX":
        yield Check("folder", ok=True, detail=account.folder)
    else:
        there = f"{account.folder} ({', '.join(names[:20])})"
        yield Check("folder", ok=False, detail=there, fix="Choose one of the folders in brackets.")
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
    detail = f"{server.host}:{server.port}: {type(fault).__name__}: {fault}"[:300]
    return Check(name, ok=False, detail=detail, fix=next(fix for kinds, fix in FIXES if isinstance(fault, kinds)))


def dns_checks(domain: str) -> Iterator[Check]:
    """SPF and DMARC of our own domain. Silent where DNS does not answer: that is no fault of the mailbox."""
    spf = _txt(domain, "v=spf1")
    if spf:
        yield Check("SPF", ok=True, detail=spf)
    elif spf is not None:
        fix = _('Publish a TXT record for the domain: "v=spf1 include:… -all" with your provider\'s name.')
        yield Check("SPF", ok=False, detail=domain, fix=fix)
    dmarc = _txt(f"_dmarc.{domain}", "v=dmarc1")
    if dmarc:
        yield Check("DMARC", ok=True, detail=dmarc)
    elif dmarc is not None:
        fix = _('Publish a TXT record for this name: "v=DMARC1; p=none".')
        yield Check("DMARC", ok=False, detail=f"_dmarc.{domain}", fix=fix)


def _txt(name: str, start: str) -> str | None:
    """The TXT record that begins so, "" when there is none, None when DNS does not answer."""
    try:
        records = resolver.txt(name)
    except resolver.NoAnswer:
        return None
    return next((r[:300] for r in records if r.lower().startswith(start)), "")
