"""API v1: the routers, one authentication, one shape for errors, documentation without a CDN."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.renderers import BaseRenderer

from tresen import __version__
from tresen.api.v1 import administration, conversations, customers, problems
from tresen.api.v1.auth import Token
from tresen.api.v1.reference import render_reference


class Json(BaseRenderer):
    """orjson: dates in RFC 3339, decimals as text."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data, default=str, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


class Reference(DocsBase):
    """Our own page: server-rendered, no script, nothing from elsewhere."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        return HttpResponse(render_reference(api.get_openapi_schema()))


api = NinjaAPI(
    title="Tresen",
    version=__version__,
    description="Customers, conversations and channels. Errors are problem+json; lists page by cursor.",
    urls_namespace="api-v1",
    auth=Token(),
    docs=Reference(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    renderer=Json(),
)
problems.register(api)
for part in (conversations.router, customers.router, administration.router):
    api.add_router("", part)
