"""Random tokens, and numbers one can say on the phone."""

from __future__ import annotations

import hashlib
import secrets

# Damm, H. M. (2004): totally anti-symmetric quasigroup of order 10. Catches every single wrong digit and every swap.
_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
_FIRST = 1000


def token(bits: int = 192) -> str:
    """An unguessable URL-safe text of at least `bits` bits."""
    return secrets.token_urlsafe((bits + 7) // 8)


def digest(secret: str) -> str:
    """How random secrets are stored. They carry enough entropy for a plain hash (no password goes this way)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def damm(digits: str) -> str:
    """The check digit for a run of decimal digits."""
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)


def spoken(row_id: int) -> str:
    """The number of a row that a person says on the phone: counter plus check digit, for example `10017`."""
    digits = str(row_id + _FIRST)
    return digits + damm(digits)


def from_spoken(number: str) -> int | None:
    """The row id behind a spoken number; None when a digit is wrong. Spaces, dots and dashes are ignored."""
    digits = "".join(c for c in number if c not in " .-#")
    if not digits.isascii() or not digits.isdigit() or not 1 < len(digits) <= 18 or damm(digits) != "0":
        return None
    row_id = int(digits[:-1]) - _FIRST
    return row_id if row_id > 0 else None
