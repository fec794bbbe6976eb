"""How staff log in: nobody signs up by themselves, redirects stay on this site, demo staff log in on this machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from tresen.accounts.demo import DEMO, is_demo_address, is_local
from tresen.accounts.models import User
from tresen.kernel import settings
from tresen.kernel.errors import Denied
from tresen.kernel.public import PUBLIC_URL


class StaffAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Whether a way back stays on this site; what is no address at all does not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """There is no user name, only an address."""

    def get_reset_password_from_key_url(self, key: str) -> str:
        """On our public address: what the request calls its host may be anybody's wish."""
        return settings.get(PUBLIC_URL) + urlsplit(super().get_reset_password_from_key_url(key)).path

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Before a password is looked at: demo staff get no further from elsewhere."""
        if _kept_out(request, str(credentials.get("email") or credentials.get("username") or "")):
            raise ValidationError(_("The staff of the demo company can log in on the demo's own machine only."))
        super().pre_authenticate(request, **credentials)

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Whatever way of logging in led here (a reset password, too)."""
        if _kept_out(request, user.email):
            raise Denied("the staff of the demo company can log in on the demo's own machine only")
        answer: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return answer


def _kept_out(request: HttpRequest, email: str) -> bool:
    return is_demo_address(email) and settings.get(DEMO) and not is_local(request)
