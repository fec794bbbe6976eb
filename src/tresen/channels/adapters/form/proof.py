"""The proof that a form was shown for a while before it came back: no captcha, no cookie, no third party.

The server signs the id of the one message that may be sent with it. As that id is also the key under which
the request is stored, a proof posts one message, however often it is repeated.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import jwt

from tresen.channels.adapters.webchat.tokens import ALGORITHM, TOKEN_LENGTH_MAX

FILL_MIN = timedelta(seconds=2)  # nobody reads and fills a form faster
AGE_MAX = timedelta(hours=24)  # a page may stay open for a working day


class ProofError(Exception):
    """The proof does not hold; `reason` is one of invalid, early, old."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def issue(secret: str, audience: str, now: datetime) -> tuple[str, str]:
    """(id of the message, proof) for one submission of the form of channel `audience`."""
    message_id = str(uuid.uuid4())
    claims = {"aud": audience, "jti": message_id, "shown": now.timestamp()}
    return message_id, jwt.encode(claims, secret, algorithm=ALGORITHM)


def verify(secret: str, audience: str, proof: str, message_id: str, now: datetime) -> None:
    """Raises ProofError unless the proof belongs to this form and message and has the right age."""
    if not secret or not proof or len(proof) > TOKEN_LENGTH_MAX:
        raise ProofError("invalid")
    try:
        claims = jwt.decode(
            proof,
            secret,
            algorithms=[ALGORITHM],
            audience=audience,
            options={"require": ["aud", "jti", "shown"], "strict_aud": True},
        )
        shown = datetime.fromtimestamp(float(claims["shown"]), now.tzinfo)
    except (jwt.InvalidTokenError, UnicodeError, TypeError, ValueError, OverflowError, OSError):
        raise ProofError("invalid") from None
    if claims["jti"] != message_id:
        raise ProofError("invalid")
    if now - shown < FILL_MIN:
        raise ProofError("early")
    if now - shown > AGE_MAX:
        raise ProofError("old")
