"""What all views of the desk share: who asks, how errors are shown, how changes are announced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from tresen.accounts.models import User
from tresen.accounts.principal import Principal, for_user
from tresen.desk.wording import explain
from tresen.kernel.errors import TresenError

P = ParamSpec("P")
StaffView = Callable[Concatenate[HttpRequest, Principal, P], HttpResponse]

NO_CONTENT = 204


def by_htmx(request: HttpRequest) -> bool:
    """True for requests of a fragment; False when the browser wants a whole page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def staff(view: StaffView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Lets staff in and hands the view their rights of this moment; turns expected errors into readable answers."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) and not user.is_authenticated:
            return HttpResponse(status=401) if by_htmx(request) else redirect_to_login(request.get_full_path())
        try:
            answer = view(request, for_user(user), *args, **kwargs)
        except TresenError as error:
            answer = refused(request, error)
        patch_cache_control(answer, private=True, no_store=True)
        return answer

    return wrapped


def administrator(view: StaffView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Like `staff`, for administrators only."""

    @wraps(view)
    def checked(request: HttpRequest, me: Principal, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        me.need_administrator()
        return view(request, me, *args, **kwargs)

    return staff(checked)


def refused(request: HttpRequest, error: TresenError) -> HttpResponse:
    """An expected error: a short message at the edge for fragments, a page otherwise."""
    text = explain(error)
    if by_htmx(request):
        answer = HttpResponse(status=error.status)
        answer["HX-Trigger"] = _triggers(toast={"text": text, "level": "danger"})
        return answer
    return render(request, "desk/error.html", {"text": text, "status": error.status}, status=error.status)


def changed(
    panes: Iterable[str], text: str = "", *, undo: str = "", answer: HttpResponse | None = None
) -> HttpResponse:
    """Says which panes changed, and optionally a word about it with a URL that takes it back."""
    answer = answer if answer is not None else HttpResponse(status=NO_CONTENT)
    toast = {"text": text, "undo": undo, "label": _("Undo")} if text else None
    answer["HX-Trigger"] = _triggers(panes=list(panes), toast=toast)
    return answer


def _triggers(*, panes: list[str] | None = None, toast: dict[str, Any] | None = None) -> str:
    # ASCII only: header values are Latin-1, JSON escapes the rest.
    told: dict[str, Any] = {}
    if panes:
        told["desk:changed"] = {"panes": panes}
    if toast:
        told["desk:toast"] = toast
    return json.dumps(told)


def number(text: str | None) -> int | None:
    """A row id from a query string; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None
