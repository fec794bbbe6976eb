"""Queues."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tresen.accounts.principal import Principal
from tresen.conversations.actions import save_queue
from tresen.conversations.models import Queue
from tresen.desk.forms import QueueForm, refuse
from tresen.desk.views.common import administrator
from tresen.kernel.errors import NotFound, TresenError


@require_safe
@administrator
def queues(request: HttpRequest, me: Principal) -> HttpResponse:
    rows = Queue.objects.select_related("team").prefetch_related("channels")
    return render(request, "desk/administration/queues.html", {"section": "settings", "page": "queues", "queues": rows})


@require_http_methods(["GET", "POST"])
@administrator
def queue(request: HttpRequest, me: Principal, queue_id: int | None = None) -> HttpResponse:
    """A new queue, or one to change."""
    row = Queue.objects.filter(pk=queue_id).first() if queue_id else None
    if queue_id and row is None:
        raise NotFound("no such queue")
    initial = {"name": row.name, "team": row.team_id, "pull": row.pull} if row else None
    form = QueueForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        team_id = given["team"].pk if given["team"] else None
        try:
            save_queue(me, name=given["name"], team_id=team_id, pull=given["pull"], queue_id=queue_id)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:queues")
    title = row.name if row else _("New queue")
    context = {"section": "settings", "page": "queues", "form": form, "title": title, "back": "desk:queues"}
    return render(request, "desk/administration/form.html", context)
