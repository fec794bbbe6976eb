"""Settings that the chat and the form share: how they look, and which web sites may use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tresen.channels.contract import Setting

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_COLOUR = "#1f5f8b"

LOOK = (
    Setting(
        "colour",
        "Colour",
        default=DEFAULT_COLOUR,
        help="Six hexadecimal digits, such as #1f5f8b.",
        group="Look",
    ),
    Setting(
        "theme",
        "Appearance",
        "choice",
        "auto",
        choices=(("auto", "As the visitor prefers"), ("light", "Light"), ("dark", "Dark")),
        group="Look",
    ),
    Setting(
        "language",
        "Language",
        "choice",
        "auto",
        choices=(("auto", "As the visitor prefers"), ("de", "Deutsch"), ("en", "English")),
        group="Look",
    ),
)
RULES = (
    Setting("privacy_url", "Link to the privacy notice", "url", group="Rules"),
    Setting(
        "origins",
        "Allowed web sites",
        "lines",
        help="One a line, such as https://shop.example. Empty: every site.",
        group="Rules",
    ),
)


def readable_on(colour: str) -> str:
    """Black or white, whichever is easier to read on `colour` (#rrggbb): at least 4.5 : 1 for every colour.

    WCAG 2.2, relative luminance: at 0.179 both contrasts are equal.
    """
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def origins(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The web sites that may use the channel, as browsers name them in `Origin`; empty = every site."""
    value = settings.get("origins") or ""
    lines = value.splitlines() if isinstance(value, str) else value
    return tuple(line.strip() for line in lines if str(line).strip())


def problems(settings: Mapping[str, Any]) -> dict[str, str]:
    """Errors by field of the shared settings."""
    errors = {}
    if (colour := settings.get("colour")) and not COLOUR.fullmatch(str(colour)):
        errors["colour"] = "six hexadecimal digits, such as #1f5f8b"
    for origin in origins(settings):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in origin:
            errors["origins"] = f"not a web site's origin: {origin}"
        elif origin != f"{parts.scheme}://{parts.netloc}".lower():
            errors["origins"] = f"write {parts.scheme}://{parts.netloc.lower()} instead of {origin}"
    return errors
