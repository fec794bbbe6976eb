"""Who is asking, and what they may see. Every query of the rooms above is scoped by a `Principal`."""

from __future__ import annotations

from dataclasses import dataclass

from tresen.accounts.models import ApiToken, Role, Team, User
from tresen.kernel.errors import Denied

SCOPES = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """A member of staff or a token. `teams` are team ids; administrators see everything whatever their teams."""

    actor: str
    role: str
    user_id: int | None = None
    teams: frozenset[int] = frozenset()
    scopes: frozenset[str] = frozenset(SCOPES)
    name: str = ""

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def is_lead(self) -> bool:
        return self.role in (Role.LEAD, Role.ADMINISTRATOR)

    def need(self, scope: str) -> None:
        """Raises Denied when a token was not given this scope."""
        if scope not in self.scopes:
            raise Denied(f"this token has no scope {scope}")

    def need_administrator(self) -> None:
        """Raises Denied for everybody else."""
        if not self.is_administrator:
            raise Denied("only administrators may do this")

    def need_lead(self) -> None:
        """Raises Denied for agents."""
        if not self.is_lead:
            raise Denied("only team leads and administrators may do this")


def system(name: str = "system") -> Principal:
    """The product itself: sees everything, its events name it."""
    return Principal(actor=name, role=Role.ADMINISTRATOR)


def for_user(user: User) -> Principal:
    """The rights of a member of staff at this moment."""
    teams = frozenset(Team.objects.filter(members=user).values_list("id", flat=True))
    return Principal(actor=f"user:{user.pk}", role=user.role, user_id=user.pk, teams=teams, name=user.name)


def for_token(token: ApiToken) -> Principal:
    """The rights of a token: its user's, or those of its own role with no teams."""
    scopes = frozenset(token.scopes or SCOPES)
    if token.user is None:
        return Principal(actor=f"token:{token.pk}", role=token.role, scopes=scopes, name=token.name)
    user = for_user(token.user)
    return Principal(f"user:{token.user.pk}", user.role, user.user_id, user.teams, scopes, user.name)
