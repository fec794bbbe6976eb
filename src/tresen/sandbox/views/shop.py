"""The web shop of Bohne & Brand: an ordinary web site with the chat on it, and a contact form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from tresen.channels.adapters.webchat.tokens import ALGORITHM
from tresen.channels.contract import ChannelView
from tresen.channels.directory import DIRECTORY
from tresen.kernel import clock, ids
from tresen.sandbox.demo import house
from tresen.sandbox.demo.voice import money_text
from tresen.sandbox.doors import person, playable, sandboxed
from tresen.sandbox.models import Mailbox

COOKIE = "sandbox_shop"  # who is logged in to the shop; it opens nothing, as every customer here is for everybody
LIFE = timedelta(minutes=30)
NUMBER_FIELD = "customer_number"
MODELS = ("piccolo", "aurora", "aurora-plus", "duetto", "barista", "office")


def _channel(kind: str) -> ChannelView:
    """The demo's channel of this kind; 404 when an administrator has removed it."""
    found = next((view for view in DIRECTORY.all() if view.kind == kind), None)
    if found is None:
        raise Http404
    return found


def _visitor(request: HttpRequest) -> Mailbox | None:
    number = request.COOKIES.get(COOKIE, "")
    found = number.isascii() and number.isdigit() and len(number) < 18
    box: Mailbox | None = playable().exclude(customer=None).filter(pk=int(number)).first() if found else None
    return box


def _context(request: HttpRequest, kind: str) -> dict[str, Any]:
    return {
        "key": _channel(kind).key,
        "visitor": _visitor(request),
        "people": playable().exclude(customer=None).order_by("id"),
    }


@require_safe
@sandboxed
def front(request: HttpRequest) -> HttpResponse:
    """The front page."""
    language = (get_language() or "en")[:2]
    machines = [
        {
            "name": machine.name,
            "price": money_text(machine.price, "EUR", language),
            "picture": static(f"sandbox/machine-{model}.svg"),
        }
        for machine, model in zip(house.MACHINES, MODELS, strict=False)
    ]
    column = 0 if language == "de" else 1
    goods = [(good[column], money_text(good[2], "EUR", language)) for good in house.GOODS[:6]]
    return render(
        request, "sandbox/shop/front.html", {**_context(request, "webchat"), "machines": machines, "goods": goods}
    )


@require_safe
@sandboxed
def contact(request: HttpRequest) -> HttpResponse:
    """The page with the contact form."""
    return render(request, "sandbox/shop/contact.html", _context(request, "form"))


@require_POST
@sandboxed
def log_in(request: HttpRequest) -> HttpResponse:
    """Logs a customer in to the shop, or out (`person` empty)."""
    answer = HttpResponseRedirect(reverse("sandbox:shop"))
    number = request.POST.get("person", "")
    if number.isascii() and number.isdigit() and len(number) < 18:
        answer.set_cookie(COOKIE, str(person(int(number)).pk), path="/sandbox/", httponly=True, samesite="Lax")
    else:
        answer.delete_cookie(COOKIE, path="/sandbox/")
    return answer


@require_safe
@sandboxed
def identity(request: HttpRequest) -> HttpResponse:
    """What the shop's server signs about its user for the chat: a short JWT with the channel's identity secret."""
    box = _visitor(request)
    if box is None or box.customer is None:
        raise Http404
    channel, now = _channel("webchat"), clock.now()
    claims = {
        "aud": channel.key,
        "sub": box.customer.fields.get(NUMBER_FIELD, f"K-{box.customer_id}"),
        "email": box.address,
        "name": box.name,
        "jti": ids.token(96),
        "exp": int((now + LIFE).timestamp()),
    }
    signed = jwt.encode(claims, channel.secrets["identity_secret"], algorithm=ALGORITHM)
    return JsonResponse({"jwt": signed, "expires_in": int(LIFE.total_seconds())})
