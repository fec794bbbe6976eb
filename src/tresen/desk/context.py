"""What every page of the desk shows around its content: the top bar."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tresen.accounts.models import Presence, PresenceStatus, User
from tresen.accounts.principal import for_user
from tresen.desk import parked
from tresen.desk.viewmodels import Choice
from tresen.kernel import journal


class Frame:
    """The top bar and the configuration of the live modules. A fragment pays only for what it shows."""

    stream_url = "/events"

    def __init__(self, user: User) -> None:
        self.user = user
        self.name, self.theme = user.name, user.theme
        self.may_administer = user.is_administrator

    @property
    def role_label(self) -> str:
        return self.user.get_role_display()

    @cached_property
    def cursor(self) -> str:
        """The journal's position that the page was rendered at."""
        return str(journal.head())

    @cached_property
    def _row(self) -> Presence | None:
        return Presence.objects.filter(user=self.user).first()

    @property
    def presence(self) -> str:
        return self._row.effective() if self._row else PresenceStatus.OFFLINE

    @property
    def presence_label(self) -> str:
        return str(PresenceStatus(self.presence).label)

    @property
    def load(self) -> str:
        """Used and existing places, "" for those who are given nothing."""
        return f"{self._row.load}/{self._row.capacity}" if self._row and self._row.capacity else ""

    @property
    def presences(self) -> tuple[Choice, ...]:
        return tuple(Choice(s.value, str(s.label), s.value == self.presence) for s in PresenceStatus)

    @property
    def themes(self) -> tuple[Choice, ...]:
        known = (
            ("light", _("Light"), "sun"),
            ("dark", _("Dark"), "moon"),
            ("auto", _("Like the system"), "device-desktop"),
        )
        return tuple(Choice(value, label, value == self.theme, icon=icon) for value, label, icon in known)

    @property
    def languages(self) -> tuple[Choice, ...]:
        active = (get_language() or "en")[:2]
        return tuple(Choice(value, label, value == active) for value, label in (("de", "Deutsch"), ("en", "English")))

    @cached_property
    def parked(self) -> int:
        return parked.count(for_user(self.user))


def desk(request: HttpRequest) -> dict[str, Any]:
    """Context processor; reads nothing by itself, and gives visitors only the look."""
    user = getattr(request, "user", None)
    return {"desk": Frame(user) if isinstance(user, User) else {"theme": "auto"}}
