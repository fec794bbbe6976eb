"""One spelling per identity, so that the same person is found again. Pure.

Kinds are data: any slug may be one. A kind named in `NORMALISERS` has rules of its own; of all others only
the edges are trimmed. A normalised value normalises to itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import idna
import phonenumbers

from tresen.kernel.errors import Invalid

VALUE_MAX = 320  # RFC 5321, 4.5.3.1: 64 + 1 + 255 octets
_LOCAL_MAX, _DOMAIN_MAX, _PHONE_MAX = 64, 253, 40
_SHORT_CODE_MAX = 6  # digits: such numbers mean another line in every network
REGION = "DE"  # of phone numbers without a country code

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
# RFC 5322, 3.2.3: dot-atom; the domain as in RFC 1123, 2.1, with underscores, which exist in the wild.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_FORBIDDEN = re.compile(r'[\s"(),:;<>@\[\]\\]')  # in a local part beyond ASCII (RFC 6531)
_DIGITS = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)  # a WhatsApp id: E.164 without the plus


class Normal(NamedTuple):
    """`value` is compared and unique; `shown` is for people."""

    value: str
    shown: str


def normalise(kind: str, value: str) -> Normal:
    """The one spelling of an identity. Invalid names `kind` or `value`."""
    if not _KIND.fullmatch(kind):
        raise Invalid("must be a short lower-case word", field="kind")
    normaliser = NORMALISERS.get(kind, _plain)
    return normaliser(value)


def lenient(kind: str, value: str) -> tuple[str, Normal] | None:
    """For messages that must not be lost: a value that does not normalise is kept as it came, but readable.

    Returns (kind, spelling), or None when nothing readable is left.
    """
    kind = kind if _KIND.fullmatch(kind) else "unknown"
    readable = " ".join("".join(c for c in value[: 4 * VALUE_MAX] if c.isspace() or not is_hidden(c)).split())
    text = unicodedata.normalize("NFC", readable)[:VALUE_MAX].strip()
    if not text:
        return None
    try:
        return kind, normalise(kind, text)
    except Invalid:
        return kind, Normal(text, text)


@lru_cache(maxsize=4096)
def _email(value: str) -> Normal:
    text = unicodedata.normalize("NFC", value.strip())
    local, at, domain = text.rpartition("@")
    if not at or len(local.encode("utf-8", "replace")) > _LOCAL_MAX:
        raise Invalid("is not an e-mail address", field="value")
    if not _LOCAL.fullmatch(local):
        _check_international(local)
    ascii_domain = ascii_of(domain)
    lowered = unicodedata.normalize("NFC", local.lower())
    return Normal(f"{lowered}@{ascii_domain}", f"{local}@{_readable(ascii_domain)}")


def _check_international(local: str) -> None:
    """RFC 6531 allows letters beyond ASCII; what only looks like another character is a trick."""
    odd = not local or _FORBIDDEN.search(local) or any(map(is_hidden, local))
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if odd or dots or local.isascii() or unicodedata.normalize("NFKC", local) != local:
        raise Invalid("is not an e-mail address", field="value")


def ascii_of(domain: str) -> str:
    """A domain in lower-case ASCII, international ones as A-labels (RFC 5890). Invalid names `value`."""
    text = domain.lower()
    try:
        text = text if _DOMAIN.fullmatch(text) else idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise Invalid("has no valid domain", field="value") from error
    if len(text) > _DOMAIN_MAX or not _DOMAIN.fullmatch(text):
        raise Invalid("has no valid domain", field="value")
    return text


def _readable(domain: str) -> str:
    """The domain in letters when all are Latin: other scripts can imitate a known name and stay `xn--`."""
    if "xn--" not in domain:
        return domain
    try:
        letters = idna.decode(domain)
        back = idna.encode(letters).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain
    latin = all(c.isascii() or unicodedata.name(c, "").startswith("LATIN ") for c in letters)
    return letters if latin and back == domain else domain


@lru_cache(maxsize=1024)
def _phone(value: str) -> Normal:
    """E.164 as value; extensions are dropped, since the line is what is recognised."""
    text = unicodedata.normalize("NFKC", value.strip())
    if len(text) > _PHONE_MAX or any(map(is_hidden, text)):
        raise Invalid("is not a phone number", field="value")
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException as error:
        raise Invalid("is not a phone number", field="value") from error
    digits = sum(map(str.isdigit, text))
    if not phonenumbers.is_possible_number(number) or digits <= _SHORT_CODE_MAX:
        raise Invalid("is not a phone number", field="value")
    international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return Normal(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        international.partition(" ext")[0],
    )


def _whatsapp(value: str) -> Normal:
    text = value.strip()
    return _phone(f"+{text}" if _DIGITS.fullmatch(text) else text)


def _plain(value: str) -> Normal:
    text = unicodedata.normalize("NFC", value.strip())
    if not text or len(text) > VALUE_MAX:
        raise Invalid(f"must have 1 to {VALUE_MAX} characters", field="value")
    if any(map(is_hidden, text)):
        raise Invalid("must not have invisible characters", field="value")
    return Normal(text, text)


def is_hidden(char: str) -> bool:
    """Control, format (zero width, direction), surrogate, private, unassigned, line separators."""
    return (not char.isascii() and unicodedata.category(char) in _HIDDEN) or char < " " or char == "\x7f"


_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

NORMALISERS: dict[str, Callable[[str], Normal]] = {
    "email": _email,
    "phone": _phone,
    "sms": _phone,
    "fax": _phone,
    "whatsapp": _whatsapp,
}
