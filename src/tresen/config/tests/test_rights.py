"""Open streams lose their rights with the session, the token, the person and the team, at a fixed number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test.utils import CaptureQueriesContext

from tresen.accounts import actions
from tresen.accounts.models import ApiToken, Presence, Role, Team, User
from tresen.accounts.principal import Principal, for_user
from tresen.accounts.tokens import principal_of_token
from tresen.channels.stream import StaffViewer
from tresen.config.rights import Rights
from tresen.conversations.models import Queue
from tresen.kernel import clock, db

pytestmark = pytest.mark.django_db

SETUP = Principal(actor="setup", role=Role.ADMINISTRATOR)


def person(name: str, role: str = Role.AGENT) -> User:
    user = User(email=f"{name}@example.org", name=name, role=role)
    user.set_password("one long sentence")
    user.save()
    Presence.objects.create(user=user)
    return user


def logged_in(user: User) -> StaffViewer:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "any"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    viewer = StaffViewer(for_user(user), key=f"user:{user.pk}", session=str(session.session_key))
    viewer.learn(viewer.principal)
    return viewer


def by_token(user: User | None = None, role: str = Role.AGENT) -> tuple[StaffViewer, ApiToken]:
    token, text = actions.create_token(SETUP, name="t", role=role, user_id=user.pk if user else None)
    found = principal_of_token(text)
    assert found is not None
    viewer = StaffViewer(found[0], key=f"token:{token.pk}", token_id=token.pk)
    viewer.learn(found[0])
    return viewer, token


def test_nothing_changes_while_nothing_changed():
    team = Team.objects.create(name="one")
    ours = Queue.objects.create(name="ours", team=team)
    user = person("ada")
    user.teams.add(team)
    session, (token, _row), (own, _own) = logged_in(user), by_token(user), by_token(role=Role.ADMINISTRATOR)
    before = [(v.principal, v.queues) for v in (session, token, own)]
    Rights().refresh([session, token, own])
    assert [(v.principal, v.queues) for v in (session, token, own)] == before
    assert ours.pk in (session.queues or ())
    assert own.queues is None
    assert not any(v.closed for v in (session, token, own))


@pytest.mark.parametrize("end", ["deleted", "expired", "forged", "password", "inactive"])
def test_a_session_that_is_over_closes_its_stream_and_no_other(end: str):
    user, other = person("ada"), person("bob")
    gone, stays = logged_in(user), logged_in(other)
    rights = Rights()
    rights.refresh([gone, stays])
    assert not gone.closed
    store = SessionStore(gone.session)
    if end == "deleted":
        store.delete()
    elif end == "expired":
        store.model.objects.filter(pk=gone.session).update(expire_date=clock.now() - timedelta(seconds=1))
    elif end == "forged":
        store[HASH_SESSION_KEY] = "0" * 64
        store.save()
    elif end == "password":
        user.set_password("another long sentence")
        user.save()
    else:
        User.objects.filter(pk=user.pk).update(is_active=False)
    rights.refresh([gone, stays])
    assert gone.closed
    assert not stays.closed


@pytest.mark.parametrize("end", ["revoked", "expired", "inactive", "unreadable"])
def test_a_token_that_is_over_closes_its_stream(end: str):
    user = person("ada")
    viewer, token = by_token(user)
    change = {
        "revoked": {"revoked_at": clock.now()},
        "expired": {"expires_at": clock.now() - timedelta(seconds=1)},
        "unreadable": {"scopes": ["write"]},
    }
    if end == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        ApiToken.objects.filter(pk=token.pk).update(**change[end])
    Rights().refresh([viewer])
    assert viewer.closed


def test_leaving_a_team_takes_its_queue_away_but_not_the_stream():
    team = Team.objects.create(name="one")
    queue = Queue.objects.create(name="ours", team=team)
    user = person("ada")
    user.teams.add(team)
    session, (token, _row) = logged_in(user), by_token(user)
    user.teams.clear()
    Rights().refresh([session, token])
    assert queue.pk not in (session.queues or ())
    assert queue.pk not in (token.queues or ())
    assert not session.closed


def test_many_streams_cost_as_many_queries_as_one():
    users = [person(f"p{n}") for n in range(12)]
    viewers = [logged_in(user) for user in users] + [by_token(user)[0] for user in users]
    counted = []
    for some in (viewers[:1] + viewers[-1:], viewers):
        with CaptureQueriesContext(db.current()) as queries:
            Rights().refresh(some)
        counted.append(len(queries))
    assert counted[0] == counted[1]
