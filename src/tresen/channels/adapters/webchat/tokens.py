"""Who a visitor is: short signed tokens, the host site's identity, resume codes. Pure.

Only HS256 is ever accepted (`alg: none` and every other algorithm are refused before a key is looked at), and
PyJWT compares signatures in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import jwt

ALGORITHM = "HS256"
ACCESS = timedelta(hours=1)  # a token opens doors this long
RENEWAL = timedelta(days=30)  # and can be exchanged for a fresh one this long
SIGNED_RENEWAL = timedelta(hours=12)  # a signed-in person proves herself again sooner: browsers are shared
IDENTITY_MAX = timedelta(hours=1)  # longest life of the host site's own token
SKEW = timedelta(seconds=30)  # clocks of two machines differ
TOKEN_LENGTH_MAX = 4096
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # unmistakable when read aloud
CODE_LENGTH = 8
CODE_LIFE = timedelta(minutes=10)
_PREVIOUS_MAX = 4


class TokenError(Exception):
    """The token does not hold. Deliberately without a reason that could be shown to the sender."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the host site signed about its own user."""

    subject: str
    email: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The verified content of a visitor token. `previous`: ids that the same browser proved to hold.

    `signed_at`: when the host site last vouched for `identity`; renewals do not move it.
    """

    id: str
    identity: Identity | None = None
    previous: tuple[str, ...] = ()
    language: str = ""
    expires_at: datetime | None = None
    signed_at: datetime | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Every visitor id whose conversations this person may read, the present one first."""
        return (self.id, *self.previous)

    def after(self, earlier: Visitor | None) -> Visitor:
        """The same person with the conversations of the token that the browser held before.

        An earlier token of another signed-in person is not followed: two people share that browser.
        """
        if earlier is None or (earlier.identity and earlier.identity != self.identity):
            return self
        known = tuple(dict.fromkeys(i for i in (*self.previous, *earlier.ids) if i != self.id))
        return replace(self, previous=known[:_PREVIOUS_MAX])


def new_visitor_id() -> str:
    """The id of a visitor nobody knows yet: 128 random bits."""
    return "v" + secrets.token_hex(16)


def signed_visitor_id(secret: str, audience: str, subject: str) -> str:
    """The same person has the same id on every device, and nobody can compute it from the subject."""
    digest = hmac.new(secret.encode(), f"{audience}\n{subject}".encode(), hashlib.sha256)
    return "s" + digest.hexdigest()[:32]


def issue(secret: str, audience: str, visitor: Visitor, now: datetime) -> str:
    """A visitor token for the channel `audience`, good for `ACCESS`, renewable for `RENEWAL`."""
    claims: dict[str, Any] = {
        "aud": audience,
        "sub": visitor.id,
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS).timestamp()),
        "jti": secrets.token_hex(8),
    }
    if visitor.previous:
        claims["prev"] = list(visitor.previous)
    if visitor.language:
        claims["lang"] = visitor.language
    if person := visitor.identity:
        claims["idn"] = {"sub": person.subject, "email": person.email, "name": person.name}
        claims["idn_at"] = int((visitor.signed_at or now).timestamp())
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read(secret: str, audience: str, token: str, now: datetime, *, renewing: bool = False) -> Visitor:
    """The visitor behind a token. `renewing` also takes one that has expired, within its renewal time.

    Raises TokenError when anything about it does not hold.
    """
    claims = _decode(secret, audience, token)
    identity = None
    if person := claims.get("idn"):
        identity = Identity(_text(person, "sub"), _text(person, "email"), _text(person, "name"))
    issued, expires = _moment(claims, "iat", now), _moment(claims, "exp", now)
    signed = _moment(claims, "idn_at", now) if identity else None
    good_until = (signed + SIGNED_RENEWAL if signed else issued + RENEWAL) if renewing else expires
    if now >= good_until or issued > now + SKEW:
        raise TokenError
    previous = claims.get("prev", [])
    if not isinstance(previous, list) or not all(isinstance(i, str) for i in previous):
        raise TokenError
    language = str(claims.get("lang", ""))
    return Visitor(_text(claims, "sub"), identity, tuple(previous), language, expires, signed)


def audience_of(token: str) -> str:
    """The channel a token says it is for, unverified: it only tells whose secret to try. "" when unreadable."""
    if len(token) > TOKEN_LENGTH_MAX:
        return ""
    try:
        audience = jwt.decode(token, options={"verify_signature": False}).get("aud")
    except (jwt.InvalidTokenError, UnicodeError, RecursionError):
        return ""
    return audience if isinstance(audience, str) else ""


def read_identity(secret: str, audience: str, token: str, now: datetime) -> Identity:
    """What the host site says about its user. Needs `aud`, `sub`, `jti` and an `exp` at most an hour ahead.

    Raises TokenError when anything about it does not hold.
    """
    claims = _decode(secret, audience, token)
    expires = _moment(claims, "exp", now)
    if now >= expires or expires > now + IDENTITY_MAX + SKEW:
        raise TokenError
    if "nbf" in claims and _moment(claims, "nbf", now) > now + SKEW:
        raise TokenError
    email = str(claims.get("email") or "").strip()[:254]
    name = str(claims.get("name") or "").strip()[:200]
    return Identity(_text(claims, "sub"), email if "@" in email else "", name)


def new_code() -> str:
    """A single-use resume code that can be read aloud: 39 bits, ten minutes, few tries."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def clean_code(code: str) -> str:
    """A code as typed, without the blanks and dashes people add; "" when it cannot be one."""
    cleaned = "".join(c for c in code.upper() if c not in " -.")
    return cleaned if len(cleaned) == CODE_LENGTH and set(cleaned) <= set(CODE_ALPHABET) else ""


def hash_code(secret: str, audience: str, code: str) -> str:
    """How a code is stored: keyed, because 39 bits could be searched through."""
    return hmac.new(secret.encode(), f"{audience}\n{code}".encode(), hashlib.sha256).hexdigest()


def _decode(secret: str, audience: str, token: str) -> dict[str, Any]:
    """Signature, algorithm, audience and presence of the claims; times are judged by our clock, not here."""
    if not secret or not token or len(token) > TOKEN_LENGTH_MAX:
        raise TokenError
    try:
        return jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=audience,
            options={
                "require": ["aud", "sub", "exp", "jti"],
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.InvalidTokenError, UnicodeError, RecursionError):
        raise TokenError from None


def _text(claims: Any, key: str) -> str:
    value = claims.get(key) if isinstance(claims, Mapping) else None
    if not isinstance(value, str) or len(value) > 255 or (key == "sub" and not value.strip()):
        raise TokenError
    return value


def _moment(claims: Mapping[str, Any], key: str, now: datetime) -> datetime:
    value = claims.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TokenError
    try:
        return datetime.fromtimestamp(value, now.tzinfo)
    except (OverflowError, OSError, ValueError):
        raise TokenError from None
