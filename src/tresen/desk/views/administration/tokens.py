"""API tokens: created, shown once, revoked."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from tresen.accounts import actions
from tresen.accounts.models import ApiToken
from tresen.accounts.principal import Principal
from tresen.desk.forms import TokenForm, refuse
from tresen.desk.views.common import administrator
from tresen.kernel.errors import TresenError


@require_http_methods(["GET", "POST"])
@administrator
def tokens(request: HttpRequest, me: Principal) -> HttpResponse:
    """The list and the form; a new token stands on the answer and nowhere else."""
    form, text = TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _row, text = actions.create_token(me, **form.cleaned_data)
            form = TokenForm()
        except TresenError as error:
            refuse(form, error)
    rows = ApiToken.objects.select_related("user").order_by("revoked_at", "-created_at")
    context = {"section": "settings", "page": "tokens", "form": form, "tokens": rows, "text": text}
    return render(request, "desk/administration/tokens.html", context)


@require_POST
@administrator
def revoke(request: HttpRequest, me: Principal, token_id: int) -> HttpResponse:
    actions.revoke_token(me, token_id)
    return redirect("desk:tokens")
