"""Staff for the tests of this room and of those above it."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from tresen.accounts import actions, presence
from tresen.accounts.models import Presence, Role, Team, User
from tresen.accounts.principal import Principal, for_user, system

SETUP = system("tests")
_numbers = count(1)


def staff(name: str = "Ada", role: str = Role.AGENT, *, capacity: int = 5, teams: tuple[Team, ...] = ()) -> User:
    """A member of staff with an address of their own, offline."""
    user = actions.create_user(
        SETUP, email=f"{name.lower()}{next(_numbers)}@shop.example", name=name, role=role, capacity=capacity
    )
    user.teams.set(teams)
    return user


def present(name: str = "Ada", role: str = Role.AGENT, *, capacity: int = 5, teams: tuple[Team, ...] = ()) -> User:
    """The same, online for as long as a test may take."""
    user = staff(name, role, capacity=capacity, teams=teams)
    presence.set_presence(user.pk, "online", actor="tests", lease=timedelta(days=1000))
    return user


def team(name: str, *members: User) -> Team:
    """A team."""
    return actions.save_team(SETUP, name=name, members=[m.pk for m in members])


def principal(name: str = "Ada", role: str = Role.AGENT, *, teams: tuple[Team, ...] = ()) -> Principal:
    """The rights of somebody new."""
    return for_user(staff(name, role, teams=teams))


def load(user: User) -> int:
    """How many places are taken."""
    return Presence.objects.get(user=user).load
