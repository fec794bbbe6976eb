"""Short ways to write mails in tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tresen.channels.adapters.email.engine import events
from tresen.channels.adapters.email.engine.identity import Mailbox
from tresen.channels.adapters.email.engine.parse import Mail, parse
from tresen.channels.contract import ChannelView, InboundEvent, Outbound, RawReceipt

FIXTURES = Path(__file__).parent / "fixtures"
BOX = Mailbox("service@bohne.test")
TOKEN = "Qm9obmUtdW5kLUJyYW5kLTEyMzQ"
UNIQUE = "abcdefghijklmnopqrst"
OWN_ID = f"<{TOKEN}.{UNIQUE}@bohne.test>"
RECEIVED = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)


def raw(*headers: str, body: str = "Hallo", **named: str) -> bytes:
    """Bytes of a mail. Named headers replace the defaults (`reply_to` is Reply-To); "" leaves one out."""
    fields = {
        "From": "Kim Lauer <kim@kunde.test>",
        "To": "service@bohne.test",
        "Subject": "Frage",
        "Message-Id": "<m1@kunde.test>",
        "Date": "Mon, 2 Mar 2026 10:00:00 +0100",
    }
    fields.update({name.replace("_", "-").title(): value for name, value in named.items()})
    lines = [*headers, *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join([*lines, "", body]).encode()


def mail(*headers: str, body: str = "Hallo", **named: str) -> Mail:
    """A parsed mail."""
    return parse(raw(*headers, body=body, **named))


def read(content: bytes, *, authserv_id: str = "", headers: dict[str, str] | None = None) -> InboundEvent:
    """The one event of a raw mail."""
    receipt = RawReceipt(content, headers or {}, received_at=RECEIVED)
    (event,) = events.read(receipt, BOX, authserv_id=authserv_id)
    return event


def fixture(name: str) -> bytes:
    """A mail file."""
    return (FIXTURES / f"{name}.eml").read_bytes()


def channel(**settings: object) -> ChannelView:
    """A configured mailbox."""
    values = {"address": "service@bohne.test", "name": "Bohne & Brand", "in_host": "127.0.0.1", "out_host": "127.0.0.1"}
    secrets = {"password": "geheim"}
    return ChannelView(7, "k", "Service", "email", {**values, **settings}, secrets, "http://localhost")


def outbound(**fields: object) -> Outbound:
    """A reply on its way out."""
    values: dict[str, object] = {
        "idempotency_key": "msg_5",
        "conversation_id": 1,
        "message_id": 5,
        "seq": 2,
        "thread_key": "conversation:1",
        "reply_context": {},
        "to": ("kim@kunde.test",),
        "text": "Guten Tag",
        "subject": "Frage",
        "reply_token": TOKEN,
        "created_at": RECEIVED,
    }
    return Outbound(**{**values, **fields})  # type: ignore[arg-type]
