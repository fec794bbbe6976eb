"""What one sets for oneself: presence, appearance, language, signature."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from tresen.accounts import presence as leases
from tresen.accounts.actions import change_own
from tresen.accounts.models import User
from tresen.accounts.principal import Principal, for_user
from tresen.desk.views.common import NO_CONTENT, by_htmx, changed, staff

COOKIE_AGE = 365 * 24 * 3600


@require_http_methods(["GET", "POST"])
@staff
def presence(request: HttpRequest, me: Principal) -> HttpResponse:
    """The presence switch."""
    if request.method == "POST" and me.user_id is not None:
        leases.set_presence(me.user_id, request.POST.get("status", ""), actor=me.actor)
    return render(request, "desk/parts/presence.html")


@require_POST
@staff
def beat(request: HttpRequest, me: Principal) -> HttpResponse:
    """The desk is open: prolongs the lease."""
    if me.user_id is not None:
        leases.renew(me.user_id)
    return HttpResponse(status=NO_CONTENT)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Language and appearance; the language also for those who have not signed in yet."""
    wanted = request.POST.get("next", "")
    back = wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else "/"
    answer = redirect(back)
    language, theme = request.POST.get("language", ""), request.POST.get("theme", "")
    if language in dict(settings.LANGUAGES):
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=COOKIE_AGE,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    if isinstance(request.user, User):
        changes = {"language": language, "theme": theme}
        change_own(for_user(request.user), **{key: value for key, value in changes.items() if value})
    return answer


class ProfileForm(forms.Form):
    """What everybody may set."""

    signature = forms.CharField(
        label=gettext_lazy("Signature"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("Stands below your mails."),
    )


@require_http_methods(["GET", "POST"])
@staff
def profile(request: HttpRequest, me: Principal) -> HttpResponse:
    """Signature; the password has allauth's page."""
    user = User.objects.get(pk=me.user_id or 0)
    form = ProfileForm(request.POST if request.method == "POST" else None, initial={"signature": user.signature})
    if request.method == "POST" and form.is_valid():
        change_own(me, signature=form.cleaned_data["signature"])
        if by_htmx(request):
            return changed((), _("Saved."))
        return redirect("desk:profile")
    return render(request, "desk/profile.html", {"form": form, "person": user})
