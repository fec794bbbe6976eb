"""Who may come in: a browser on this machine, while the demo is on. Everybody else finds nothing here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from tresen.accounts.demo import DEMO, is_local
from tresen.kernel import settings
from tresen.sandbox.models import Mailbox

View = Callable[..., HttpResponse]


def sandboxed(view: View) -> View:
    """404 off loopback, and where there is no demo."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_local(request) or not settings.get(DEMO):
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def playable() -> Any:
    """The mailboxes that one may be: the few with a story, and strangers. Never the company's."""
    return Mailbox.objects.filter(digest="").exclude(story="", customer__isnull=False)


def person(box_id: int) -> Mailbox:
    """One of them."""
    found: Mailbox | None = playable().filter(pk=box_id).select_related("customer", "customer__company").first()
    if found is None:
        raise Http404
    return found
