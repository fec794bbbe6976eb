"""Template helpers of the desk: icons, short times, initials, live links."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from tresen.kernel import clock

register = template.Library()


@register.simple_tag
@cache
def icon(name: str, extra: str = "") -> SafeString:
    """One icon of the vendored sprite, hidden from screen readers: the text beside it or `aria-label` says it."""
    sprite = static("vendor/tabler-icons/icons.svg")
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        extra,
        sprite,
        name,
    )


@register.filter
def short_time(value: datetime | None) -> str:
    """Today's time, this year's day, or the date: forms that do not grow stale while they stand on the screen."""
    if value is None:
        return ""
    local, now = timezone.localtime(value), timezone.localtime(clock.now())
    if local.date() == now.date():
        return formats.time_format(local, "H:i")
    if local.year == now.year:
        return formats.date_format(local, "j. M" if formats.get_format("DECIMAL_SEPARATOR") == "," else "j M")
    return formats.date_format(local, "SHORT_DATE_FORMAT")


@register.filter
def initials(name: str) -> str:
    """Up to two letters for the round badge: "Ada Lovelace" → "AL"."""
    words = [word for word in name.replace("@", " ").split() if word[:1].isalnum()]
    picked = words[:1] + words[-1:] if len(words) > 1 else words
    return "".join(word[0] for word in picked).upper() or "?"


@register.filter
def hue(value: Any) -> int:
    """One of eight colour classes, always the same for the same value."""
    return sum(str(value).encode()) % 8


@register.filter
def in_words(text: str) -> str:
    """A text that an adapter declared in English, in the reader's language."""
    return _(text) if text else ""


@register.filter
def widget_kind(field: BoundField) -> str:
    """text, area, select, checkbox or choices: how a field is laid out."""
    widget = field.field.widget
    if isinstance(widget, forms.CheckboxInput):
        return "checkbox"
    if isinstance(widget, forms.CheckboxSelectMultiple):
        return "choices"
    if isinstance(widget, forms.Select):
        return "select"
    return "area" if isinstance(widget, forms.Textarea) else "text"


CLASSES = {
    "checkbox": "form-check-input",
    "select": "form-select",
    "area": "form-control",
    "text": "form-control",
}


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """The field's control with the look of the desk, tied to its help and errors for screen readers."""
    described = [f"{field.auto_id}_helptext"] if field.help_text else []
    described += [f"{field.auto_id}_error"] if field.errors else []
    attrs: dict[str, Any] = {
        "class": CLASSES.get(widget_kind(field), ""),
        "aria-describedby": " ".join(described),
    }
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs={key: value for key, value in attrs.items() if value})
