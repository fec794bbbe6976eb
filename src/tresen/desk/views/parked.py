"""What needs attention: undelivered messages for everybody, technical things for administrators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tresen.accounts.principal import Principal
from tresen.channels import processing
from tresen.conversations import queries
from tresen.desk import parked as needing
from tresen.desk.views.common import changed, number, staff
from tresen.kernel import jobs, subscriptions
from tresen.kernel.errors import NotFound


@require_safe
@staff
def parked(request: HttpRequest, me: Principal) -> HttpResponse:
    """The list, with one button per line."""
    context = {"section": "parked", "messages_out": queries.undelivered(me)}
    if me.is_administrator:
        context |= {
            "faults": needing.faults(),
            "events": subscriptions.parked(),
            "jobs": jobs.parked(),
            "receipts": processing.parked(),
        }
    return render(request, "desk/parked.html", context)


@require_safe
@staff
def bell(request: HttpRequest, me: Principal) -> HttpResponse:
    """The bell in the top bar."""
    return render(request, "desk/parts/bell.html")


@require_POST
@staff
def retry(request: HttpRequest, me: Principal) -> HttpResponse:
    """Another try for one line of the list."""
    row_id = number(request.POST.get("id"))
    if row_id is None:
        raise NotFound("nothing of this kind is parked")
    needing.retry(me, request.POST.get("kind", ""), row_id)
    return changed(("bell", "parked"), _("It is tried again."))


@require_POST
@staff
def delivery_retry(request: HttpRequest, me: Principal, message_id: int) -> HttpResponse:
    """Another try for one message, from the conversation."""
    needing.retry(me, "message", message_id)
    return changed(("thread", "list", "bell"), _("It is sent again."))
