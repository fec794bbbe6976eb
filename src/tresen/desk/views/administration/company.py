"""Company-wide settings and the custom fields of customers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tresen.accounts.actions import audit
from tresen.accounts.principal import Principal
from tresen.channels.directory import COMPANY_LANGUAGE, COMPANY_NAME, PRIVATE_HOSTS
from tresen.customers.actions import define_field
from tresen.customers.models import FieldDefinition
from tresen.desk.forms import CompanyForm, FieldForm, refuse
from tresen.desk.views.common import administrator
from tresen.kernel import db, settings
from tresen.kernel.errors import TresenError
from tresen.kernel.public import PUBLIC_URL
from tresen.kernel.settings import Declared

DECLARED: dict[str, Declared[Any]] = {
    "company_name": COMPANY_NAME,
    "public_url": PUBLIC_URL,
    "company_language": COMPANY_LANGUAGE,
    "private_hosts": PRIVATE_HOSTS,
}


@require_http_methods(["GET", "POST"])
@administrator
def company(request: HttpRequest, me: Principal) -> HttpResponse:
    """Name, public address, language for customers, hosts of the own network."""
    now: dict[str, Any] = {key: settings.get(declared) for key, declared in DECLARED.items()}
    now["private_hosts"] = "\n".join(now["private_hosts"])
    form = CompanyForm(request.POST or None, initial=now)
    if request.method == "POST" and form.is_valid():
        try:
            with db.atomic():
                for key, declared in DECLARED.items():
                    settings.put(declared, form.cleaned_data[key])
                audit(me, "settings.change", "company", **form.cleaned_data)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:company")
    context = {"section": "settings", "page": "company", "form": form, "title": _("Company")}
    return render(request, "desk/administration/form.html", context)


@require_http_methods(["GET", "POST"])
@administrator
def fields(request: HttpRequest, me: Principal) -> HttpResponse:
    """Custom fields: those there are, and one more."""
    form = FieldForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            define_field(actor=me.actor, **given)
        except TresenError as error:
            refuse(form, error)
        else:
            return redirect("desk:fields")
    rows = FieldDefinition.objects.all()
    context = {"section": "settings", "page": "fields", "form": form, "fields": rows}
    return render(request, "desk/administration/fields.html", context)
