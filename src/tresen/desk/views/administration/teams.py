"""Teams."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tresen.accounts.actions import save_team
from tresen.accounts.models import Team
from tresen.accounts.principal import Principal
from tresen.desk.forms import TeamForm, refuse
from tresen.desk.views.common import administrator
from tresen.kernel.errors import NotFound, TresenError


@require_safe
@administrator
def teams(request: HttpRequest, me: Principal) -> HttpResponse:
    rows = Team.objects.prefetch_related("members", "queues")
    return render(request, "desk/administration/teams.html", {"section": "settings", "page": "teams", "teams": rows})


@require_http_methods(["GET", "POST"])
@administrator
def team(request: HttpRequest, me: Principal, team_id: int | None = None) -> HttpResponse:
    """A new team, or one to change."""
    row = Team.objects.filter(pk=team_id).first() if team_id else None
    if team_id and row is None:
        raise NotFound("no such team")
    initial = {"name": row.name, "members": list(row.members.values_list("id", flat=True))} if row else None
    form = TeamForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        members = [user.pk for user in form.cleaned_data["members"]]
        try:
            save_team(me, name=form.cleaned_data["name"], members=members, team_id=team_id)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:teams")
    title = row.name if row else _("New team")
    context = {"section": "settings", "page": "teams", "form": form, "title": title, "back": "desk:teams"}
    return render(request, "desk/administration/form.html", context)
