"""The configurable fields of a contact form: one line each in the set-up, one input each on the page.

    order    | Bestellnummer // Order number | text   | required
    machine  | Maschine // Machine           | choice: Ritmo, Presto, Lento
    bought   | Gekauft am // Bought on       | date

Key, label (German // English, or one for both), kind and `required`; kind and `required` may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

KINDS = ("text", "long", "number", "date", "choice")
FIELDS_MAX = 20
VALUE_MAX = {"text": 300, "long": 4000, "number": 40, "date": 10, "choice": 100}
_KEY = re.compile(r"[a-z][a-z0-9_]{0,29}")
_NUMBER = re.compile(r"[+-]?\d{1,20}([.,]\d{1,10})?")
_TAKEN = {"id", "name", "email", "subject", "text", "attachments", "proof", "website"}


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of the form. `label` by language code; `choices` only for kind `choice`."""

    key: str
    label: Mapping[str, str]
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()

    def problem(self, value: str) -> str:
        """What is wrong with an answer in plain words; "" when it fits."""
        if not value:
            return "is required" if self.required else ""
        if len(value) > VALUE_MAX[self.kind]:
            return f"is longer than {VALUE_MAX[self.kind]} characters"
        if self.kind == "number" and not _NUMBER.fullmatch(value):
            return "is not a number"
        if self.kind == "choice" and value not in self.choices:
            return "is not one of the choices"
        if self.kind == "date" and not _is_date(value):
            return "is not a date such as 2026-11-22"
        return ""


def parse_fields(lines: str | Iterable[str]) -> tuple[FormField, ...]:
    """The fields of the set-up text. Raises ValueError that names the line."""
    rows = lines.splitlines() if isinstance(lines, str) else list(lines)
    fields = [_field(row.strip()) for row in rows if row.strip()]
    if len(fields) > FIELDS_MAX:
        raise ValueError(f"at most {FIELDS_MAX} fields")
    keys = [f.key for f in fields]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{key}: used twice")
    return tuple(fields)


def _field(line: str) -> FormField:
    parts = [part.strip() for part in line.split("|")]
    key, label = parts[0], parts[1] if len(parts) > 1 else ""
    if not _KEY.fullmatch(key) or key in _TAKEN:
        raise ValueError(f"{line}: the key must be a free word of small letters, digits and _")
    if not label or len(label) > 200 or len(parts) > 4:
        raise ValueError(f"{line}: expected key | label | kind | required")
    german, _, english = (text.strip() for text in label.partition("//"))
    rest = [part for part in parts[2:] if part and part != "required"]
    if len(rest) > 1:
        raise ValueError(f"{line}: expected key | label | kind | required")
    kind, _, options = (text.strip() for text in (rest[0] if rest else "text").partition(":"))
    choices = tuple(dict.fromkeys(option.strip() for option in options.split(",") if option.strip()))
    if kind not in KINDS or (kind == "choice") != bool(choices):
        raise ValueError(f"{line}: the kind is one of text, long, number, date or choice: one, two")
    if any(len(choice) > VALUE_MAX["choice"] for choice in choices):
        raise ValueError(f"{line}: a choice is longer than {VALUE_MAX['choice']} characters")
    return FormField(key, {"de": german, "en": english or german}, kind, "required" in parts[2:], choices)


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
