"""One-time links and API tokens: hashed, single-use, ending."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts import actions, tokens
from tresen.accounts.models import ApiToken, OneTimeLink, Role, User
from tresen.accounts.principal import Principal
from tresen.accounts.tests.people import SETUP, staff, team
from tresen.kernel import clock, ids
from tresen.kernel.errors import Conflict, Denied, Invalid, NotFound
from tresen.kernel.tests.refusals import refused
from tresen.kernel.tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
GOOD = "correct horse battery"
FIRST = {"email": "boss@shop.example", "name": "Boss", "password": GOOD}


def opened(text: str) -> Principal:
    found = tokens.principal_of_token(text)
    assert found is not None
    return found[0]


def test_the_first_start_link_makes_one_administrator():
    secret = actions.make_link("setup")
    user = actions.first_administrator(secret, **FIRST)
    assert (user.role, user.check_password(GOOD)) == ("administrator", True)
    with refused(NotFound):
        actions.first_administrator(secret, **{**FIRST, "email": "second@shop.example"})
    assert User.objects.count() == 1


def test_it_makes_no_second_administrator():
    staff("Boss", Role.ADMINISTRATOR)
    secret = actions.make_link("setup")
    with refused(Conflict):
        actions.first_administrator(secret, **FIRST)
    assert User.objects.count() == 1


def test_a_refused_password_leaves_the_link_good():
    secret = actions.make_link("setup")
    with refused(Invalid):
        actions.first_administrator(secret, **{**FIRST, "password": "short"})
    assert not User.objects.exists()
    assert actions.first_administrator(secret, **FIRST).pk


def test_a_password_link_works_once_and_ends_the_sessions():
    user = staff("Ada")
    before = user.get_session_auth_hash()
    secret = actions.make_link("password", user)
    assert actions.set_password(secret, GOOD) == user
    user.refresh_from_db()
    assert user.check_password(GOOD)
    assert user.get_session_auth_hash() != before
    with refused(NotFound):
        actions.set_password(secret, "another password")
    user.refresh_from_db()
    assert user.check_password(GOOD)


@pytest.mark.parametrize("secret", ["", " ", "wrong", "\x00", "ä" * 50])
def test_no_other_secret_opens_anything(secret: str):
    user = staff("Ada")
    actions.make_link("password", user)
    actions.make_link("setup")
    for purpose in ("password", "setup"):
        with refused(NotFound):
            actions.open_link(secret, purpose)
    with refused(NotFound):
        actions.set_password(secret, GOOD)
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_a_link_opens_only_its_own_purpose():
    user = staff("Ada")
    password, setup = actions.make_link("password", user), actions.make_link("setup")
    with refused(NotFound):
        actions.first_administrator(password, **FIRST)
    with refused(NotFound):
        actions.set_password(setup, GOOD)
    assert User.objects.count() == 1


def test_a_link_ends_after_its_life():
    user = staff("Ada")
    secret = actions.make_link("password", user)
    clock.advance(actions.LINK_LIFE)
    with refused(NotFound):
        actions.set_password(secret, GOOD)


def test_a_new_link_ends_the_old_one_of_the_same_person_only():
    ada, grace = staff("Ada"), staff("Grace")
    old, other = actions.make_link("password", ada), actions.make_link("password", grace)
    new = actions.make_link("password", ada)
    with refused(NotFound):
        actions.set_password(old, GOOD)
    actions.set_password(new, GOOD)
    actions.set_password(other, GOOD)


def test_who_was_switched_off_sets_no_password():
    staff("Boss", Role.ADMINISTRATOR)
    user = staff("Ada")
    secret = actions.make_link("password", user)
    actions.change_user(SETUP, user.pk, is_active=False)
    with refused(NotFound):
        actions.set_password(secret, GOOD)


@pytest.mark.django_db(transaction=True)
def test_two_who_use_a_link_at_once_are_not_both_let_in():
    secret = actions.make_link("setup")

    def use(n: int) -> bool:
        try:
            actions.first_administrator(secret, email=f"boss{n}@shop.example", name="Boss", password=GOOD)
        except (NotFound, Conflict):
            return False
        return True

    assert sorted(together(lambda: use(1), lambda: use(2), lambda: use(3))) == [False, False, True]
    assert User.objects.count() == 1


def test_only_hashes_are_stored():
    link = actions.make_link("setup")
    token, text = actions.create_token(SETUP, name="Shop")
    assert OneTimeLink.objects.get().digest == ids.digest(link)
    assert ApiToken.objects.get().digest == ids.digest(text)
    stored = str(ApiToken.objects.values().get()) + str(OneTimeLink.objects.values().get())
    assert text not in stored
    assert link not in stored
    assert token.prefix == text[:8] == "tsn_" + text[4:8]
    assert len(text) == 47  # 256 bits


def test_a_token_opens_what_it_was_made_for():
    _, text = actions.create_token(SETUP, name="Shop", role="lead", scopes=["read"])
    found = opened(text)
    assert (found.role, found.scopes, found.user_id, found.teams) == ("lead", {"read"}, None, frozenset())
    found.need("read")
    for scope in ("write", "admin"):
        with refused(Denied):
            found.need(scope)


def test_a_token_of_a_person_has_their_rights_of_this_moment():
    staff("Boss", Role.ADMINISTRATOR)
    user = staff("Ada")
    _, text = actions.create_token(SETUP, name="Mine", role="administrator", user_id=user.pk)
    assert (opened(text).role, opened(text).teams) == ("agent", frozenset())
    returns = team("Returns", user)
    actions.change_user(SETUP, user.pk, role="lead")
    assert (opened(text).role, opened(text).teams, opened(text).actor) == ("lead", {returns.pk}, f"user:{user.pk}")


def test_tokens_end():
    staff("Boss", Role.ADMINISTRATOR)
    user = staff("Ada")
    revoked, revoked_text = actions.create_token(SETUP, name="A")
    _, ending = actions.create_token(SETUP, name="B", expires_at=clock.now() + timedelta(hours=1))
    _, personal = actions.create_token(SETUP, name="C", user_id=user.pk)
    for text in (revoked_text, ending, personal):
        assert tokens.principal_of_token(text) is not None
    actions.revoke_token(SETUP, revoked.pk)
    actions.change_user(SETUP, user.pk, is_active=False)
    clock.advance(timedelta(hours=1))
    for text in (revoked_text, ending, personal):
        assert tokens.principal_of_token(text) is None
    with refused(NotFound):
        actions.revoke_token(SETUP, revoked.pk)


@pytest.mark.parametrize("text", ["", "tsn_", "tsn_wrong", "Bearer", "\x00", "ä"])
def test_no_other_text_is_a_token(text: str):
    actions.create_token(SETUP, name="A")
    assert tokens.principal_of_token(text) is None


@pytest.mark.parametrize("scopes", [["root"], ["read", "root"], []])
def test_a_token_without_known_scopes_is_refused(scopes: list[str]):
    with refused(Invalid, "scopes"):
        actions.create_token(SETUP, name="A", scopes=scopes)
    assert not ApiToken.objects.exists()


def test_a_token_for_nobody_or_no_role_is_refused():
    with refused(NotFound):
        actions.create_token(SETUP, name="A", user_id=12345)
    with refused(Invalid):
        actions.create_token(SETUP, name="A", role="root")
    assert not ApiToken.objects.exists()


def test_use_is_noted_every_few_minutes_only():
    _, text = actions.create_token(SETUP, name="A")
    first = clock.now()
    tokens.principal_of_token(text)
    clock.advance(timedelta(minutes=4))
    tokens.principal_of_token(text)
    assert ApiToken.objects.get().last_used_at == first
    clock.advance(timedelta(minutes=2))
    tokens.principal_of_token(text)
    assert ApiToken.objects.get().last_used_at == clock.now()
