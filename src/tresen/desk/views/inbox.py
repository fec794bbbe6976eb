"""The list, with or without an open conversation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from tresen.accounts.principal import Principal
from tresen.conversations import actions, queries
from tresen.desk.present.lists import ListQuery, list_pane
from tresen.desk.views.common import number, staff
from tresen.kernel.errors import Conflict


@require_safe
@staff
def inbox(request: HttpRequest, me: Principal) -> HttpResponse:
    """The list alone."""
    return render(request, "desk/inbox.html", {"section": "inbox", "list": list_pane(me, ListQuery.read(request.GET))})


@require_safe
@staff
def list_fragment(request: HttpRequest, me: Principal) -> HttpResponse:
    """The list anew: filters changed, something happened, or more of it."""
    pane = list_pane(me, ListQuery.read(request.GET), number(request.GET.get("open")))
    return render(request, "desk/parts/list.html", {"list": pane})


@require_POST
@staff
def take_next(request: HttpRequest, me: Principal) -> HttpResponse:
    """Takes whatever waits longest; another agent may be faster, so a few are tried."""
    waiting = queries.page(me, queries.Filter(status="waiting", oldest_first=True), limit=10)
    for item in waiting.items:
        try:
            actions.take(me, item.pk)
        except Conflict:
            continue
        return redirect("desk:conversation", item.pk)
    return redirect("desk:inbox")
