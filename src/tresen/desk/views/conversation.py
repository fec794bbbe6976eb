"""One conversation and its parts, each of which can be fetched alone to refresh it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tresen.accounts.principal import Principal
from tresen.conversations import actions, queries
from tresen.conversations.models import Conversation
from tresen.desk.present.composers import composer
from tresen.desk.present.customers import customer_pane
from tresen.desk.present.heads import head as head_view
from tresen.desk.present.lists import ListQuery, list_pane
from tresen.desk.present.messages import thread as thread_view
from tresen.desk.views.common import by_htmx, number, staff


def _parts(me: Principal, row: Conversation) -> dict[str, Any]:
    return {
        "head": head_view(me, row),
        "thread": thread_view(row),
        "composer": composer(me, row),
        "customer": customer_pane(me, row),
    }


def _seen(me: Principal, row: Conversation) -> None:
    """Reading is a fact only when the assignee does it; nothing is written otherwise."""
    if row.assignee_id == me.user_id and row.last_seq > row.seen_seq:
        actions.mark_seen(me, row.pk, row.last_seq)


@require_safe
@staff
def conversation(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The open conversation: as a fragment when chosen from the list, as a page with the list otherwise."""
    row = queries.get(me, conversation_id)
    shown = _parts(me, row)
    _seen(me, row)
    query = ListQuery.read(request.GET)
    if by_htmx(request):
        context = {**shown, "partial": True, "list_query": query.string()}
        return render(request, "desk/parts/conversation.html", context)
    pane = list_pane(me, query, conversation_id)
    context = {**shown, "section": "inbox", "list": pane, "list_query": query.string()}
    return render(request, "desk/inbox.html", context)


@require_safe
@staff
def head(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The header alone."""
    return render(request, "desk/parts/head.html", {"head": head_view(me, queries.get(me, conversation_id))})


@require_safe
@staff
def thread(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The messages: from `from` on (refresh), or with a page of older ones than `before`."""
    row = queries.get(me, conversation_id)
    shown = thread_view(row, first=number(request.GET.get("from")), before=number(request.GET.get("before")))
    _seen(me, row)
    return render(request, "desk/parts/thread.html", {"head": row, "thread": shown})


@require_safe
@staff
def customer(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The customer pane alone."""
    row = queries.get(me, conversation_id)
    return render(request, "desk/parts/customer.html", {"head": row, "customer": customer_pane(me, row)})
