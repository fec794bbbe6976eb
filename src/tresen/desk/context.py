"""What every page of the desk shows around its content: the top bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tresen.accounts.models import Presence, PresenceStatus, User
from tresen.accounts.principal import Principal, for_user
from tresen.desk import parked
from tresen.desk.viewmodels import Choice
from tresen.kernel import journal

STREAM_URL = "/events"


@dataclass(frozen=True, slots=True)
class Frame:
    """The top bar and the configuration of the live modules."""

    name: str
    role_label: str
    may_administer: bool
    theme: str
    stream_url: str
    cursor: str
    presence: str
    presence_label: str
    load: str
    presences: tuple[Choice, ...]
    themes: tuple[Choice, ...]
    languages: tuple[Choice, ...]
    parked: int


def desk(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Costs nothing until a template asks for it, and nothing for visitors."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) and not getattr(user, "is_authenticated", False):
        return {"desk": {"theme": "auto"}}
    return {"desk": SimpleLazyObject(lambda: frame(request))}


def frame(request: HttpRequest) -> Frame:
    """Reads what the top bar shows for the person who asks."""
    user = request.user
    assert isinstance(user, User)
    me = for_user(user)
    row = Presence.objects.filter(user=user).first()
    status = row.effective() if row else PresenceStatus.OFFLINE
    return Frame(
        name=user.name,
        role_label=user.get_role_display(),
        may_administer=user.is_administrator,
        theme=user.theme,
        stream_url=STREAM_URL,
        cursor=str(journal.head()),
        presence=status,
        presence_label=str(PresenceStatus(status).label),
        load=f"{row.load}/{row.capacity}" if row and row.capacity else "",
        presences=tuple(Choice(s.value, str(s.label), s.value == status) for s in PresenceStatus),
        themes=_themes(user.theme),
        languages=_languages(),
        parked=_parked(me),
    )


def _themes(chosen: str) -> tuple[Choice, ...]:
    known = (
        ("light", _("Light"), "sun"),
        ("dark", _("Dark"), "moon"),
        ("auto", _("Like the system"), "device-desktop"),
    )
    return tuple(Choice(value, label, value == chosen, icon=icon) for value, label, icon in known)


def _languages() -> tuple[Choice, ...]:
    active = (get_language() or "en")[:2]
    return tuple(Choice(value, label, value == active) for value, label in (("de", "Deutsch"), ("en", "English")))


def _parked(me: Principal) -> int:
    return parked.count(me)
