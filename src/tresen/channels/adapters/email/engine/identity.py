"""The addresses and ids that our own mail carries, written and recognised in one place.

Token: what `Outbound.reply_token` holds, signed by the core with at least 128 bits. It travels in the
plus-address of
Reply-To (`support+TOKEN@example.de`) and in our Message-ID (`<TOKEN.UNIQUE@example.de>`). The return path
carries
`support+b-UNIQUE@example.de`, so that even a bounce without any content is matched (VERP).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from tresen.channels.adapters.email.engine.headers import Address

LOCAL_MAX = 64  # RFC 5321, 4.5.3.1.1
UNIQUE_LENGTH = 20  # base32: 100 bits
TOKEN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]{14,178}[A-Za-z0-9_=-]")
VERP = re.compile(r"b-([a-z2-7]{20})\Z")
OWN_ID = re.compile(r"<([A-Za-z0-9_.=-]{0,180})\.([a-z2-7]{20})@([^<>@\s]{1,255})>\Z")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A channel's own address. Without `plus`, replies are matched by Message-ID alone."""

    address: str
    plus: bool = True
    separator: str = "+"

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()

    def detail(self, address: Address) -> str | None:
        """What stands after the plus of an address of this mailbox; "" for the bare one, None for a foreign
        one."""
        if address.domain != self.domain:
            return None
        own, local = self.local, address.local
        if local.lower() == own.lower():
            return ""
        prefix = own + self.separator
        return local[len(prefix) :] if local.lower().startswith(prefix.lower()) else None

    def is_own(self, address: Address) -> bool:
        """Whether an address is this mailbox, with or without a detail."""
        return self.detail(address) is not None

    def reply_to(self, token: str) -> str:
        """The address that brings an answer back into its conversation; the bare one where that cannot be."""
        local = f"{self.local}{self.separator}{token}"
        usable = self.plus and TOKEN.fullmatch(token) and len(local) <= LOCAL_MAX
        return f"{local}@{self.domain}" if usable else self.address

    def return_path(self, unique: str) -> str:
        """The envelope sender of one message."""
        local = f"{self.local}{self.separator}b-{unique}"
        return f"{local}@{self.domain}" if self.plus and len(local) <= LOCAL_MAX else self.address

    def message_id(self, token: str, unique: str) -> str:
        """Our Message-ID, the same for every attempt to send the same message."""
        return f"<{token if TOKEN.fullmatch(token) else ''}.{unique}@{self.domain}>"


def unique_part(idempotency_key: str, token: str) -> str:
    """An unguessable, stable name of one outbound message (base32, 100 bits)."""
    digest = hashlib.sha256(f"{idempotency_key}\0{token}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:UNIQUE_LENGTH]


def verp_id(unique: str) -> str:
    """The second external id of an outbound message: what a bounce's recipient address tells."""
    return f"verp:{unique}"


def own_id(message_id: str, box: Mailbox) -> tuple[str, str] | None:
    """(token, unique) of a Message-ID made by `Mailbox.message_id`, or None."""
    match = OWN_ID.match(message_id)
    return (match[1], match[2]) if match and match[3].lower() == box.domain else None
