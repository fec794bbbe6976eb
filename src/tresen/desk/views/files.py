"""Mail HTML and attachments, handed out so that nothing in them can act in the desk's name."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.desk.present.messages import PICTURES, shown_html
from tresen.desk.views.common import staff
from tresen.kernel import blobs
from tresen.kernel.errors import NotFound

SANDBOX = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"


@require_safe
@staff
def mail(request: HttpRequest, me: Principal, message_id: int) -> HttpResponse:
    """One mail's HTML for its frame. No script, no form, no foreign request; remote pictures only when asked for.

    `allow-same-origin` lets the page around it measure the height; without scripts it gives the mail nothing.
    """
    message = queries.message(me, message_id)
    if not message.html:
        raise NotFound("this message has no HTML")
    pictures = request.GET.get("pictures") == "1"
    shown = mark_safe(shown_html(message, pictures=pictures))  # sanitised twice by nh3
    answer = render(request, "desk/mail.html", {"html": shown})
    sources = "'self' data: https: http:" if pictures else "'self' data:"
    answer["Content-Security-Policy"] = (
        f"{SANDBOX}; default-src 'none'; img-src {sources}; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )
    answer["X-Frame-Options"] = "SAMEORIGIN"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@require_safe
@staff
def attachment(request: HttpRequest, me: Principal, attachment_id: str) -> HttpResponse:
    """A file as a download; raster pictures may be shown in place. The browser never guesses a type."""
    file = queries.attachment(me, attachment_id)
    inline = request.GET.get("inline") == "1" and file.content_type in PICTURES
    try:
        content = blobs.load(file.key)
    except FileNotFoundError as error:
        raise NotFound("the file is gone") from error
    answer = HttpResponse(content, content_type=file.content_type if inline else "application/octet-stream")
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in file.name)
    kind = "inline" if inline else "attachment"
    answer["Content-Disposition"] = f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name)}"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
