"""Checks of what people and back-office systems hand in. Pure.

Each returns the clean value or raises Invalid naming the field; texts come back in NFC, on one line, without
invisible characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import orjson

from tresen.customers.engine import normalise
from tresen.kernel.errors import Invalid

AMOUNT_MAX = Decimal("999999999999.99")
DATA_MAX = 20_000  # bytes of JSON
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)  # ISO 4217
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)  # ISO 639
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_YEARS = (1900, 2200)


def line(value: object, field: str, most: int, *, required: bool = False) -> str:
    """One line of text of at most `most` characters."""
    if not isinstance(value, str):
        raise Invalid("must be text", field=field)
    text = readable(value)
    if len(text) > most:
        raise Invalid(f"must not be longer than {most} characters", field=field)
    if required and not text:
        raise Invalid("must not be empty", field=field)
    return text


def readable(value: str) -> str:
    """Single spaces, NFC, nothing invisible. Never fails."""
    visible = "".join(c for c in value if c.isspace() or not normalise.is_hidden(c))
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def block(value: object, field: str, most: int) -> str:
    """Text that may have several lines."""
    if not isinstance(value, str):
        raise Invalid("must be text", field=field)
    text = "\n".join(readable(row) for row in value.splitlines()).strip()
    if len(text) > most:
        raise Invalid(f"must not be longer than {most} characters", field=field)
    return text


def slug(value: object, field: str, most: int = 40) -> str:
    """A short key: lower-case ASCII letters, digits, `-`, `_`."""
    text = line(value, field, most, required=True).lower()
    if not _SLUG.fullmatch(text):
        raise Invalid("must be of letters, digits, - and _", field=field)
    return text


def language(value: str) -> str:
    """The primary language of a tag such as `de-AT` (BCP 47); "" for anything else. Never fails."""
    primary = value.replace("_", "-").partition("-")[0].strip().lower()
    return primary if _LANGUAGE.fullmatch(primary) else ""


def day(value: object, field: str) -> date | None:
    """A date, or its ISO 8601 text; None and "" mean none."""
    if value is None or value == "":
        return None
    if type(value) is date:
        found = value
    else:
        try:
            found = date.fromisoformat(value.strip() if isinstance(value, str) else "")
        except ValueError:
            raise Invalid("must be a date such as 2026-12-31", field=field) from None
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        raise Invalid(f"must lie between {_YEARS[0]} and {_YEARS[1]}", field=field)
    return found


def amount(value: object, field: str) -> Decimal | None:
    """Money with at most two decimals, also from text with a point; None and "" mean none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise Invalid("must be an amount", field=field)
    text = str(value).strip()
    try:
        found = Decimal(text) if text.isascii() and "_" not in text and len(text) <= 40 else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Invalid("must be an amount such as 1234.56", field=field)
    if abs(found) > AMOUNT_MAX:
        raise Invalid("is too large", field=field)
    rounded = found.quantize(Decimal("0.01"))
    if rounded != found:
        raise Invalid("must have at most two decimals", field=field)
    return rounded + 0  # no negative zero


def currency(value: object, field: str) -> str:
    """An ISO 4217 code; "" stays ""."""
    text = line(value, field, 3).upper()
    if text and not _CURRENCY.fullmatch(text):
        raise Invalid("must be a code such as EUR", field=field)
    return text


def link(value: object, field: str, most: int = 500) -> str:
    """An http or https URL with a host and without a password; "" stays ""."""
    text = line(value, field, most)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        good = False
    if not good or " " in text or "\\" in text:
        raise Invalid("must be a link with http or https", field=field)
    return text


def data(value: object, field: str) -> dict[str, Any]:
    """A JSON object of at most 20 kB, read back so that it equals what the database returns."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Invalid("must be an object", field=field)
    try:
        packed = orjson.dumps(dict(value))
    except (TypeError, orjson.JSONEncodeError):
        raise Invalid("must be plain JSON", field=field) from None
    if len(packed) > DATA_MAX:
        raise Invalid(f"must not be larger than {DATA_MAX} bytes", field=field)
    if _NUL.search(packed):  # PostgreSQL cannot keep it
        raise Invalid("must not have invisible characters", field=field)
    found: dict[str, Any] = orjson.loads(packed)
    return found


def custom(value: object, field: str, type_: str) -> Any:
    """A custom field's value as kept in JSON, by type (text, number, date, bool, url); None: not set."""
    if value is None or value == "":
        return None
    if type_ == "bool":
        if not isinstance(value, bool):
            raise Invalid("must be true or false", field=field)
        return value
    if type_ == "number":
        found = amount(value, field)
        return None if found is None else str(found)
    if type_ == "date":
        moment = day(value, field)
        return moment.isoformat() if moment else None
    return link(value, field) if type_ == "url" else line(value, field, 1000)
