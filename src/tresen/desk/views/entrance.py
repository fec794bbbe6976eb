"""One-time links: the first administrator, and setting a password."""

from __future__ import annotations

from django import forms
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from tresen.accounts import actions
from tresen.accounts.models import User
from tresen.accounts.principal import for_user
from tresen.channels.directory import COMPANY_NAME
from tresen.desk.wording import explain
from tresen.kernel import settings
from tresen.kernel.errors import NotFound, TresenError

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class PasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        min_length=10,
        max_length=200,
        help_text=gettext_lazy("At least 10 characters. A few words in a row are easy to remember and hard to guess."),
    )


class SetupForm(PasswordForm):
    """The first administrator and the company's name."""

    company = forms.CharField(label=gettext_lazy("Company"), max_length=120)
    name = forms.CharField(label=gettext_lazy("Your name"), max_length=120)
    email = forms.EmailField(label=gettext_lazy("Your e-mail address"), max_length=254)
    field_order = ("company", "name", "email", "password")


def _refuse(form: forms.Form, error: TresenError) -> None:
    form.add_error(error.field if error.field in form.fields else None, explain(error))


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "desk/link_gone.html", status=404)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, secret: str) -> HttpResponse:
    """First start: makes the administrator, then leads to the channels."""
    try:
        actions.open_link(secret, "setup")
    except NotFound:
        return _gone(request)
    form = SetupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            user = actions.first_administrator(
                secret, email=given["email"], name=given["name"], password=given["password"]
            )
        except TresenError as error:
            _refuse(form, error)
        else:
            settings.put(COMPANY_NAME, given["company"])
            _sign_in(request, user)
            return redirect("desk:settings")
    title, intro = _("Welcome to Tresen"), _("Create the first administrator. This link works once.")
    context = {"form": form, "title": title, "intro": intro, "button": _("Begin")}
    return render(request, "desk/link_form.html", context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest, secret: str) -> HttpResponse:
    """A member of staff sets their password by the link an administrator gave them."""
    try:
        link = actions.open_link(secret, "password")
    except NotFound:
        return _gone(request)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.set_password(secret, form.cleaned_data["password"])
        except TresenError as error:
            _refuse(form, error)
        else:
            _sign_in(request, user)
            return redirect("desk:inbox")
    name = link.user.name if link.user else ""
    intro = _("Hello %(name)s, choose your password. This link works once.") % {"name": name}
    context = {"form": form, "title": _("Set your password"), "intro": intro, "button": _("Set password")}
    return render(request, "desk/link_form.html", context)


def _sign_in(request: HttpRequest, user: User) -> None:
    login(request, user, backend=BACKEND)
    actions.change_own(for_user(user), language=_language())


def _language() -> str:
    return "de" if (get_language() or "").startswith("de") else "en"
