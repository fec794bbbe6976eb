"""Header fields as they really arrive: 8-bit, half encoded, folded anywhere, several of one kind."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime

from tresen.channels.adapters.email.engine.charsets import decode, one_line

ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?\r\n]*)\?=")
ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f<>,;:()\"\[\]\\@]{1,64}@[^\s\x00-\x1f\x7f<>,;:()\"\\@]{1,255}")
MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
ADDRESSES_MAX = 500
COMMENTS_MAX = 50


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: display name and `local@domain` with the domain in lower case."""

    name: str
    value: str

    @property
    def local(self) -> str:
        return self.value.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.value.rpartition("@")[2]


def unescape(raw: str) -> str:
    """The bytes behind a surrogate-escaped header decoded as text; ASCII passes through."""
    return raw if raw.isascii() else decode(raw.encode("utf-8", "surrogateescape"))


def text(raw: str) -> str:
    """A header value as one line of text; RFC 2047 words decoded, broken ones left as they are."""
    return one_line(decode_words(unescape(raw)))


def decode_words(value: str) -> str:
    """Decodes RFC 2047 words. Neighbours of one charset are joined first: senders split characters between
    words."""
    out: list[str] = []
    pending: tuple[str, bytes] | None = None
    end = 0
    for match in ENCODED_WORD.finditer(value):
        between = value[end : match.start()]
        data = _word_bytes(match[2], match[3])
        end = match.end()
        charset = match[1].lower()
        if pending and not between.strip() and pending[0] == charset:
            pending = (charset, pending[1] + data)
            continue
        if pending:
            out.append(decode(pending[1], pending[0]))
            between = between if between.strip() else ""
        out.append(between)
        pending = (charset, data)
    if pending:
        out.append(decode(pending[1], pending[0]))
    out.append(value[end:])
    return "".join(out)


def _word_bytes(encoding: str, payload: str) -> bytes:
    raw = payload.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return quopri.decodestring(raw.replace(b"_", b" ").replace(b"\n", b""), header=True)
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    try:
        return base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return base64.b64decode(letters[: len(letters) // 4 * 4])


def addresses(raws: Iterable[str]) -> tuple[Address, ...]:
    """All mailboxes of some address headers, in order, without repeats. Groups are flattened, rubbish is
    dropped."""
    found: dict[str, Address] = {}
    for raw in raws:
        value = unescape(raw).replace("\r", " ").replace("\n", " ")
        for name, address in _pairs(value):
            known = _address(name, address)
            if known and len(found) < ADDRESSES_MAX:
                found.setdefault(known.value.lower(), known)
    return tuple(found.values())


def _pairs(value: str) -> list[tuple[str, str]]:
    # The parser of the standard library recurses into comments: do not give it hostile nesting.
    pairs = getaddresses([value]) if value.count("(") <= COMMENTS_MAX else []
    if any(ADDRESS.fullmatch(address) for _, address in pairs):
        return pairs
    return [("", m[0]) for m in ADDRESS.finditer(decode_words(value))]


def _address(name: str, address: str) -> Address | None:
    match = ADDRESS.fullmatch(address.strip().strip("'"))
    if not match:
        return None
    local, _, domain = match[0].rpartition("@")
    return Address(one_line(decode_words(name)).strip("'\" ")[:200], f"{one_line(local)}@{domain.lower().rstrip('.')}")


def message_ids(raws: Iterable[str]) -> tuple[str, ...]:
    """Message ids with their angle brackets, in order of appearance, without repeats."""
    return tuple(dict.fromkeys(f"<{one_line(m[1])}>" for raw in raws for m in MESSAGE_ID.finditer(unescape(raw))))


def date(raw: str) -> datetime | None:
    """The Date header in UTC, or None when it is absent or no date."""
    try:
        parsed = parsedate_to_datetime(unescape(raw).strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
