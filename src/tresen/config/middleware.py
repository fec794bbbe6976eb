"""Around every Django request: security headers, the staff member's language, plain errors without detail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http.client import responses
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import translation

from tresen.kernel import db, settings
from tresen.kernel.errors import TresenError
from tresen.kernel.public import PUBLIC_URL

log = logging.getLogger(__name__)
PROBLEM = "application/problem+json"
Handler = Callable[[HttpRequest], HttpResponseBase]

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-src 'self' blob:",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class PlainErrors:
    """Expected errors become their status; a database that is away becomes 503; anything else a page without detail."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.handle(request)
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code < 400 or not request.path.startswith("/api/") or kind == PROBLEM:
            return answer
        plain = _answer(request, answer.status_code, responses.get(answer.status_code, ""))
        if "Allow" in answer.headers:
            plain["Allow"] = answer.headers["Allow"]
        return plain

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, TresenError):
            return _answer(request, error.status, error.message)
        if isinstance(error, db.StorageError):
            log.warning("the database is away: %s", type(error).__name__)
            answer = _answer(request, 503, "The database is away. Nothing was changed; please try again.")
            answer["Retry-After"] = "5"
            return answer
        return None


def _answer(request: HttpRequest, status: int, message: str) -> HttpResponse:
    if "application/json" in request.headers.get("accept", "") or request.path.startswith("/api/"):
        body = {"type": "about:blank", "status": status, "detail": message}
        return JsonResponse(body, status=status, content_type=PROBLEM)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


class PublicScheme:
    """On the public host the scheme is that of the public address: a proxy ends TLS and speaks plain HTTP to us.

    No header is believed for it. Otherwise Django would take the origin of every form for a foreign one.
    """

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        public = urlsplit(settings.get(PUBLIC_URL))
        if public.scheme == "https" and request.META.get("HTTP_HOST", "").lower() == public.netloc.lower():
            request.META["wsgi.url_scheme"] = "https"
        return self.handle(request)


class SecurityHeaders:
    """The strict policy for everything that sets none of its own; pages with data are never kept by caches."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.handle(request)
        answer.headers.setdefault("Content-Security-Policy", CSP)
        answer.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        answer.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if not request.path.startswith("/static/"):
            answer.headers.setdefault("Cache-Control", "private, no-store")
        if urlsplit(settings.get(PUBLIC_URL)).scheme == "https":
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            for cookie in answer.cookies.values():
                cookie["secure"] = True
        return answer


class StaffLanguage:
    """The language a person chose (kept in a cookie before and after login), else the browser's."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()
        answer = self.handle(request)
        answer.headers.setdefault("Content-Language", translation.get_language() or "en")
        return answer
