"""All addresses that Django answers. `/in`, `/events` and the health endpoints are raw ASGI (`config.asgi`)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path

from tresen.api.v1 import api


def home(request: HttpRequest) -> HttpResponse:
    """The desk is the front page."""
    return HttpResponseRedirect("/desk/")


urlpatterns = [
    path("", home),
    path("api/v1/", api.urls),
    path("desk/", include("tresen.desk.urls")),
    path("account/", include("tresen.desk.account_urls")),
    path("widget/", include("tresen.widget.urls")),
    path("sandbox/", include("tresen.sandbox.urls")),
]
