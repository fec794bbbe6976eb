"""Errors as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

import orjson
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from tresen.kernel import db
from tresen.kernel.errors import TresenError


def problem(status: int, detail: str = "", errors: list[dict[str, str]] | None = None) -> HttpResponse:
    """One shape for every error."""
    body: dict[str, Any] = {"type": "about:blank", "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    answer = HttpResponse(orjson.dumps(body), status=status, content_type="application/problem+json")
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    if status == 503:
        answer["Retry-After"] = "5"
    return answer


def register(api: NinjaAPI) -> None:
    """Teaches the API our errors."""

    @api.exception_handler(TresenError)
    def expected(request: HttpRequest, error: TresenError) -> HttpResponse:
        errors = [{"field": error.field, "message": error.message}] if error.field else None
        return problem(error.status, error.message, errors)

    @api.exception_handler(ValidationError)
    def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return problem(422, "the request is not valid", [_field(one) for one in error.errors])

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401)

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        if error.status_code == 400:  # all that the framework finds by itself: a body that is no JSON
            return problem(422, "the request is not valid", [{"field": "body", "message": "is not JSON"}])
        return problem(error.status_code, str(error))

    for beyond in (OverflowError, DataError):

        @api.exception_handler(beyond)
        def unstorable(request: HttpRequest, error: Exception) -> HttpResponse:
            return problem(422, "a number is too large, or a text holds what no database stores")

    for away in db.StorageError:

        @api.exception_handler(away)
        def storage(request: HttpRequest, error: Exception) -> HttpResponse:
            return problem(503, "the database is away; nothing was changed")


def _field(error: dict[str, Any]) -> dict[str, str]:
    path = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "payload", "given")]
    return {"field": ".".join(path) or "body", "message": error["msg"]}
