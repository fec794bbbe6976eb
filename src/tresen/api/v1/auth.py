"""Who calls: a token in the Authorization header. Reading needs the scope `read`, changing `write`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from tresen.accounts.principal import Principal
from tresen.accounts.tokens import principal_of_token
from tresen.kernel.errors import Denied


class Token(HttpBearer):
    """`Authorization: Bearer tsn_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = principal_of_token(token)
        return found[0] if found else None


def reader(request: HttpRequest) -> Principal:
    """The caller, who may read."""
    principal: Principal = request.auth  # type: ignore[attr-defined]
    principal.need("read")
    return principal


def writer(request: HttpRequest) -> Principal:
    """The caller, who may change."""
    principal: Principal = request.auth  # type: ignore[attr-defined]
    principal.need("write")
    return principal


def administrator(request: HttpRequest) -> Principal:
    """The caller, who may administer."""
    principal = writer(request)
    principal.need("admin")
    if not principal.is_administrator:
        raise Denied("only administrators may do this")
    return principal
