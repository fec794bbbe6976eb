"""The e-mail channel: IMAP or POP3 in, SMTP out. Reading and writing mail is the engine's work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from tresen.channels.adapters.email import health
from tresen.channels.adapters.email.account import PORTS, SETTINGS, account
from tresen.channels.adapters.email.engine import auth, events
from tresen.channels.adapters.email.engine.compose import EMAIL, Unsendable, compose
from tresen.channels.adapters.email.transport import imap, pop3, resolver, smtp
from tresen.channels.contract import (
    Adapter,
    Capabilities,
    ChannelView,
    Check,
    InboundEvent,
    Outbound,
    Pulled,
    RawReceipt,
    SendResult,
    SendState,
    Setting,
    Stop,
)
from tresen.channels.contract import translatable as _

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\]|[0-9a-fA-F:]{2,45}")


class EmailAdapter(Adapter):
    """A mailbox. In: fetched as raw bytes and stored before anything is read. Out: one SMTP transaction per
    message."""

    kind: ClassVar[str] = "email"
    label: ClassVar[str] = "E-mail"
    icon: ClassVar[str] = "mail"
    capabilities: ClassVar[Capabilities] = Capabilities(
        formats=frozenset({"text", "html"}),
        media_max=25 * 1024 * 1024,
        receipts=frozenset({"failed"}),
        starts_conversation=True,
        address_kind="email",
        copies=True,
        subject=True,
        acknowledges=True,
    )
    settings: ClassVar[tuple[Setting, ...]] = SETTINGS
    pulls: ClassVar[bool] = True
    hostile: ClassVar[bool] = True

    def parse(self, channel: ChannelView, raw: RawReceipt) -> Iterable[InboundEvent]:
        """A message, a delivery report, or an unreadable mail with the raw bytes attached."""
        known = account(channel)
        return events.read(raw, known.box, authserv_id=known.authserv_id, own=known.own)

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        """One mail to all recipients. UNKNOWN when the server's last answer was lost: never repeated by
        itself."""
        known = account(channel)
        try:
            mail = compose(message, known.head)
        except Unsendable as error:
            return SendResult(SendState.REJECTED, error=str(error))
        return smtp.send(known, mail)

    def run(self, channel: ChannelView, pulled: Pulled, stop: Stop) -> None:
        """Fetches until stopped. `pulled` stores the raw mail and the cursor in one transaction."""
        known = account(channel)

        def seal(body: bytes) -> Mapping[str, str]:
            if known.authserv_id:
                return {}
            return {events.DKIM_HEADER: " ".join(auth.dkim_domains(body, resolver.for_dkim))}

        fetch = pop3.run if known.protocol == "pop3" else imap.run
        fetch(known, channel.cursor, pulled, stop, seal)

    def check(self, channel: ChannelView) -> Iterator[Check]:
        """Log-in both ways, the folder, IDLE, and what the domain's DNS says about our mail."""
        yield from health.checks(account(channel))

    def validate(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
        """Errors by field."""
        errors = super().validate(settings, secrets)
        address = str(settings.get("address") or "").strip()
        if address and not EMAIL.fullmatch(address):
            errors["address"] = _("must be an e-mail address")
        for side, protocol in (("in", str(settings.get("protocol") or "imap")), ("out", "smtp")):
            host = str(settings.get(f"{side}_host") or "").strip()
            if host and not HOST.fullmatch(host):
                errors[f"{side}_host"] = _("must be a host name, without https:// and port")
            if (protocol, str(settings.get(f"{side}_security") or "tls")) not in PORTS:
                errors[f"{side}_security"] = _("must be one of tls, starttls, none")
            if not _is_port(settings.get(f"{side}_port") or 0):
                errors[f"{side}_port"] = _("must be between 1 and 65535")
        if settings.get("auth") == "xoauth2":
            for key in ("token_url", "client_id"):
                if not settings.get(key):
                    errors[key] = "required"
        elif not secrets.get("password"):
            errors["password"] = "required"
        return errors


def _is_port(value: Any) -> bool:
    return str(value).isdigit() and 0 <= int(value) < 65536
