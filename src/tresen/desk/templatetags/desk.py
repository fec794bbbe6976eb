"""Template helpers of the desk: icons, short times, initials, live links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tresen.kernel import clock

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """One icon of the vendored sprite, hidden from screen readers: the text beside it or `aria-label` says it."""
    sprite = static("vendor/tabler-icons/icons.svg")
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', extra, sprite, name
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
        return formats.date_format(local, "j. M" if formats.get_format("DECIMAL_SEPARATOR") == "," else "M j")
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


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """The current query string with changes: `{% with_query view="mine" cursor=None %}`; None drops a key."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        query.pop(key, None)
        if value not in (None, ""):
            query[key] = str(value)
    return f"?{query.urlencode()}" if query else "?"
