"""The script of a channel, its files, and the stand-alone pages of chat and form."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tresen.channels.adapters.form.fields import parse_fields
from tresen.channels.adapters.webchat.bodies import MEDIA_MAX
from tresen.channels.adapters.webchat.look import COLOUR, DEFAULT_COLOUR, readable_on
from tresen.channels.contract import ChannelView
from tresen.channels.directory import DIRECTORY
from tresen.kernel.errors import NotFound
from tresen.widget import assets
from tresen.widget.assets import Asset
from tresen.widget.doors import channel_of

LOADERS = {"webchat": "chat", "form": "form"}
SHORT = "public, max-age=600, stale-while-revalidate=86400"  # settings may change
FOREVER = "public, max-age=31536000, immutable"  # the version stands in the address


@require_safe
def script(request: HttpRequest, key: str) -> HttpResponse:
    """The one line of a web site: the loader of the channel's kind with its settings inside."""
    channel = DIRECTORY.by_key(key)
    if channel is None or channel.kind not in LOADERS:
        raise NotFound("no such channel")
    body = assets.loader(LOADERS[channel.kind]).replace("CONFIG", orjson.dumps(config(channel)).decode(), 1)
    return _send(request, assets.asset("text/javascript; charset=utf-8", body.encode()), SHORT)


def config(channel: ChannelView) -> dict[str, Any]:
    """What the loader knows before it contacts anybody. Nothing secret: everybody can read it."""
    settings = channel.settings
    wished = str(settings.get("colour") or "")
    colour = wished if COLOUR.fullmatch(wished) else DEFAULT_COLOUR
    shown: dict[str, Any] = {
        "key": channel.key,
        "version": assets.version(),
        "title": settings.get("title") or "",
        "colour": colour,
        "on_colour": readable_on(colour),
        "theme": settings.get("theme") or "auto",
        "language": settings.get("language") or "auto",
        "privacy_url": settings.get("privacy_url") or "",
        "file_max": MEDIA_MAX,
    }
    if channel.kind == "webchat":
        return shown | {
            "greeting": settings.get("greeting") or "",
            "position": settings.get("position") or "right",
        }
    fields = parse_fields(settings.get("fields") or "")
    shown["intro"] = settings.get("intro") or ""
    shown["fields"] = [
        {"key": f.key, "label": f.label, "kind": f.kind, "required": f.required, "choices": f.choices} for f in fields
    ]
    return shown


@require_safe
def asset(request: HttpRequest, version: str, name: str) -> HttpResponse:
    """A file that the loader asks for. An old page with an old version gets today's files, but does not keep them."""
    if name not in assets.SERVED:
        raise NotFound("no such file")
    return _send(request, assets.served(name), FOREVER if version == assets.version() else "no-cache")


def _send(request: HttpRequest, found: Asset, keep: str) -> HttpResponse:
    if request.headers.get("If-None-Match") == found.etag:
        answer = HttpResponse(status=304)
    else:
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        answer = HttpResponse(found.packed if packed else found.body, content_type=found.content_type)
        if packed:
            answer["Content-Encoding"] = "gzip"
    answer["ETag"] = found.etag
    answer["Cache-Control"] = keep
    answer["Vary"] = "Accept-Encoding"
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _page(request: HttpRequest, key: str, kind: str) -> HttpResponse:
    channel = channel_of(key, kind)
    facts = {
        "key": key,
        "kind": kind,
        "title": channel.settings.get("title") or channel.name,
        "privacy_url": channel.settings.get("privacy_url") or "",
    }
    return render(request, "widget/page.html", facts)


@require_safe
def form(request: HttpRequest, key: str) -> HttpResponse:
    """The contact form on a page of its own."""
    return _page(request, key, "form")


@require_safe
def chat(request: HttpRequest, key: str) -> HttpResponse:
    """The chat on a page of its own: where a conversation goes on on another device."""
    return _page(request, key, "webchat")
