"""Staff: who they are, what they may do, and the one-time link by which they set their password."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tresen.accounts import actions
from tresen.accounts.models import Presence, User
from tresen.accounts.principal import Principal
from tresen.desk.forms import ChangeStaffForm, StaffForm, refuse
from tresen.desk.views.common import administrator
from tresen.kernel import settings
from tresen.kernel.errors import NotFound, TresenError
from tresen.kernel.public import PUBLIC_URL

SHOWN_ONCE = "password_links"


@require_safe
@administrator
def people(request: HttpRequest, me: Principal) -> HttpResponse:
    """Everybody, with presence and teams."""
    rows = Presence.objects.select_related("user").prefetch_related("user__teams").order_by("user__name")
    listed = [(row.user, row, row.effective()) for row in rows]
    return render(request, "desk/administration/staff.html", {"section": "settings", "page": "staff", "people": listed})


def _show_link(request: HttpRequest, user: User) -> None:
    secret = actions.make_link("password", user)
    url = settings.get(PUBLIC_URL).rstrip("/") + reverse("desk:password", args=[secret])
    request.session[SHOWN_ONCE] = {str(user.pk): url}


@require_http_methods(["GET", "POST"])
@administrator
def create(request: HttpRequest, me: Principal) -> HttpResponse:
    """A new member of staff; the next page shows the link to hand over."""
    form = StaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.create_user(me, **form.cleaned_data)
        except TresenError as error:
            refuse(form, error)
        else:
            _show_link(request, user)
            return redirect("desk:person", user.pk)
    context = {"section": "settings", "page": "staff", "form": form, "title": _("New member of staff")}
    return render(request, "desk/administration/person.html", context)


def _user(user_id: int) -> User:
    user = User.objects.select_related("presence").filter(pk=user_id).first()
    if user is None:
        raise NotFound("no such member of staff")
    return user


@require_http_methods(["GET", "POST"])
@administrator
def person(request: HttpRequest, me: Principal, user_id: int) -> HttpResponse:
    """One member of staff."""
    user = _user(user_id)
    initial = {key: getattr(user, key) for key in ("name", "email", "role", "language", "is_active")}
    initial["capacity"] = user.presence.capacity
    form = ChangeStaffForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_user(me, user_id, **form.cleaned_data)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:staff")
    shown = request.session.pop(SHOWN_ONCE, {}).get(str(user_id), "") if request.method == "GET" else ""
    context = {
        "section": "settings",
        "page": "staff",
        "form": form,
        "title": user.name,
        "person": user,
        "link": shown,
    }
    return render(request, "desk/administration/person.html", context)


@require_POST
@administrator
def link(request: HttpRequest, me: Principal, user_id: int) -> HttpResponse:
    """A fresh one-time link; earlier ones end."""
    _show_link(request, _user(user_id))
    return redirect("desk:person", user_id)
