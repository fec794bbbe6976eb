"""Who may change staff, teams and tokens, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tresen.accounts import actions
from tresen.accounts.models import ApiToken, AuditEntry, Presence, Role, Team, User
from tresen.accounts.principal import Principal, for_user, system
from tresen.accounts.tests.people import SETUP, present, principal, staff, team
from tresen.kernel.errors import Conflict, Denied, Invalid, NotFound
from tresen.kernel.models import Event
from tresen.kernel.tests.refusals import refused
from tresen.kernel.tests.threads import together

pytestmark = pytest.mark.django_db

ADMINISTRATION: dict[str, Callable[[Principal, User], object]] = {
    "create_user": lambda by, user: actions.create_user(by, email="x@y.example", name="X", role="agent"),
    "change_user": lambda by, user: actions.change_user(by, user.pk, name="Changed"),
    "promote": lambda by, user: actions.change_user(by, user.pk, role="administrator"),
    "save_team": lambda by, user: actions.save_team(by, name="T", members=[user.pk]),
    "create_token": lambda by, user: actions.create_token(by, name="T", role="administrator"),
    "revoke_token": lambda by, user: actions.revoke_token(by, 1),
}


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.parametrize("verb", ADMINISTRATION)
@pytest.mark.parametrize("role", ["agent", "lead"])
def test_only_administrators_change_staff(verb: str, role: str):
    user = staff("Grace")
    by = principal("Ada", role)
    before = (User.objects.count(), Team.objects.count(), ApiToken.objects.count(), AuditEntry.objects.count())
    with refused(Denied):
        ADMINISTRATION[verb](by, user)
    after = (User.objects.count(), Team.objects.count(), ApiToken.objects.count(), AuditEntry.objects.count())
    assert after == before
    user.refresh_from_db()
    assert (user.name, user.role) == ("Grace", "agent")


def test_an_administrator_creates_staff_and_it_is_noted():
    by = principal("Ada", Role.ADMINISTRATOR)
    user = actions.create_user(by, email=" New@Shop.Example ", name=" New ", role="lead", capacity=7, language="en")
    user.refresh_from_db()
    assert (user.email, user.name, user.role, user.language) == ("new@shop.example", "New", "lead", "en")
    assert not user.has_usable_password()
    row = Presence.objects.get(user=user)
    assert (row.capacity, row.load, row.effective()) == (7, 0, "offline")
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor, entry.verb, entry.subject) == (by.actor, "staff.create", "new@shop.example")
    assert kinds()[-1] == "staff.changed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-address"),
        ("email", ""),
        ("name", " "),
        ("name", "n" * 121),
        ("role", "root"),
        ("capacity", -1),
        ("capacity", 1001),
        ("password", "short"),
        ("password", "password123"),
    ],
)
def test_bad_staff_is_refused_by_field_and_not_stored(field: str, value: object):
    given = {"email": "a@b.example", "name": "A", "role": "agent", "capacity": 5, field: value}
    with refused(Invalid, field):
        actions.create_user(SETUP, **given)
    assert not User.objects.exists()


def test_an_address_belongs_to_one_person():
    staff("Boss", Role.ADMINISTRATOR)
    first = staff("Ada")
    second = staff("Grace")
    for clash in (first.email, first.email.upper(), f" {first.email} "):
        with refused(Conflict, "email"):
            actions.create_user(SETUP, email=clash, name="Double", role="agent")
        with refused(Conflict):
            actions.change_user(SETUP, second.pk, email=clash)
    assert User.objects.count() == 3
    actions.change_user(SETUP, second.pk, email=" Grace@New.Example")
    assert User.objects.get(pk=second.pk).email == "grace@new.example"


@pytest.mark.parametrize("change", [{"role": "agent"}, {"role": "lead"}, {"is_active": False}])
def test_the_last_administrator_stays(change: dict[str, object]):
    boss = staff("Ada", Role.ADMINISTRATOR)
    with refused(Conflict):
        actions.change_user(for_user(boss), boss.pk, **change)
    boss.refresh_from_db()
    assert (boss.role, boss.is_active) == ("administrator", True)
    other = staff("Grace", Role.ADMINISTRATOR)
    actions.change_user(for_user(boss), boss.pk, **change)
    with refused(Conflict):
        actions.change_user(for_user(other), other.pk, **change)
    assert User.objects.filter(role="administrator", is_active=True).get() == other


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_leave_at_once_do_not_both_leave():
    one, two = staff("Ada", Role.ADMINISTRATOR), staff("Grace", Role.ADMINISTRATOR)

    def leave(user: User) -> str:
        try:
            actions.change_user(SETUP, user.pk, is_active=False)
        except Conflict:
            return "stays"
        return "left"

    assert sorted(together(lambda: leave(one), lambda: leave(two))) == ["left", "stays"]
    assert User.objects.filter(is_active=True).count() == 1


def test_who_is_switched_off_is_no_longer_there():
    staff("Boss", Role.ADMINISTRATOR)
    user = present("Ada")
    actions.change_user(SETUP, user.pk, is_active=False)
    assert Presence.objects.get(user=user).effective() == "offline"
    assert list(Event.objects.filter(kind="presence.changed").values_list("data", flat=True))[-1] == {
        "user_id": user.pk,
        "status": "offline",
    }
    assert kinds()[-1] == "staff.changed"


def test_changing_somebody_who_is_not_there():
    with refused(NotFound):
        actions.change_user(SETUP, 12345, name="X")
    with refused(NotFound):
        actions.save_team(SETUP, name="T", members=[], team_id=12345)


def test_people_change_for_themselves_only_what_is_theirs():
    user = staff("Ada")
    actions.change_own(for_user(user), language="en", theme="dark", signature="A.", role="administrator", name="Boss")
    user.refresh_from_db()
    assert (user.language, user.theme, user.signature) == ("en", "dark", "A.")
    assert (user.role, user.name) == ("agent", "Ada")
    for field, value in (("language", "fr"), ("theme", "pink"), ("signature", "x" * 2001)):
        with refused(Invalid, field):
            actions.change_own(for_user(user), **{field: value})


def test_teams_have_names_of_their_own_and_known_members():
    user = staff("Ada")
    first = actions.save_team(SETUP, name=" Returns ", members=[user.pk, 99999])
    assert (first.name, list(first.members.all())) == ("Returns", [user])
    with refused(Conflict):
        actions.save_team(SETUP, name="Returns", members=[])
    with refused(Invalid):
        actions.save_team(SETUP, name=" ", members=[])
    actions.save_team(SETUP, name="Returns", members=[], team_id=first.pk)
    assert list(first.members.all()) == []
    assert kinds().count("staff.changed") == 3


def test_rights_follow_teams_and_role():
    both = team("One"), team("Two")
    one = principal("Ada", teams=both[:1])
    assert one.teams == {both[0].pk}
    assert (one.is_lead, one.is_administrator) == (False, False)
    lead = principal("Lea", Role.LEAD, teams=both)
    assert (lead.teams, lead.is_lead, lead.is_administrator) == ({b.pk for b in both}, True, False)
    boss = principal("Bo", Role.ADMINISTRATOR)
    assert (boss.is_lead, boss.is_administrator) == (True, True)
    assert system().is_administrator
    for scope in ("read", "write", "admin"):
        one.need(scope)
    with refused(Denied):
        lead.need_administrator()
    lead.need_lead()
    with refused(Denied):
        one.need_lead()
