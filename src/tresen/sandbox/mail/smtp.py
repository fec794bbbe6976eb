"""SMTP for programs that have a mailbox here (RFC 5321, RFC 4954): the product's mail channel sends through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tresen.kernel import db
from tresen.sandbox.mail import store
from tresen.sandbox.mail.wire import HOST

SIZE_MAX = 30 * 1024 * 1024
RunInThread = Callable[..., Awaitable[Any]]


class Handler:
    """Takes mails of logged-in programs. Unknown recipients are taken too, and come back as a report, as on the net."""

    def __init__(self, in_thread: RunInThread) -> None:
        self.in_thread = in_thread

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        """Refuses whoever did not log in. (The library's own switch for this warns of a missing TLS at every turn.)"""
        if not session.authenticated:
            return "530 5.7.0 log in first"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """250 once the mail lies in the mailboxes; 451 (try again) when the database is away."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        proved = str(getattr(session.auth_data, "address", ""))
        try:
            await self.in_thread(
                lambda: store.deliver(envelope.mail_from or "", envelope.rcpt_tos, content, proved=proved)
            )
        except db.DatabaseError:
            return "451 4.3.0 the mail could not be stored"
        return "250 2.0.0 delivered"


class LoggedIn:
    """Who logged in to a session."""

    def __init__(self, address: str) -> None:
        self.address = address


class Doorkeeper:
    """Compares name and password with the digests known at the start: the event loop must not ask the database."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self.digests = digests

    def __call__(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Name and password of a mailbox."""
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        address = data.login.decode("utf-8", "replace").strip().lower()
        good = store.fits(self.digests.get(address, ""), data.password.decode("utf-8", "replace"))
        return AuthResult(success=good, handled=False, auth_data=LoggedIn(address))


def make(in_thread: RunInThread, doorkeeper: Doorkeeper) -> SMTP:
    """The protocol of one connection. Without TLS: it listens on loopback only."""
    return SMTP(
        Handler(in_thread),
        hostname=HOST,
        ident="Tresen sandbox",
        data_size_limit=SIZE_MAX,
        enable_SMTPUTF8=True,
        authenticator=doorkeeper,
        auth_require_tls=False,
        timeout=60,
    )
