"""Finding the principal behind a token or a session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from django.db.models import Q

from tresen.accounts.models import ApiToken, Team, User
from tresen.accounts.principal import SCOPES, Principal, for_token, for_user
from tresen.kernel import clock, db, ids

_USED_EVERY = timedelta(minutes=5)


def principal_of_token(text: str) -> tuple[Principal, int] | None:
    """The principal and the token's id; None for unknown, revoked and expired tokens and inactive people."""
    token = ApiToken.objects.select_related("user").filter(digest=ids.digest(text), revoked_at=None).first()
    now = clock.now()
    if token is None or (token.expires_at and token.expires_at <= now) or (token.user and not token.user.is_active):
        return None
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        with db.atomic():
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return for_token(token), token.pk


def principal_of_user(user_id: int) -> Principal | None:
    """The present rights of a member of staff; None when they are inactive or gone."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return for_user(user) if user else None


def principals_of_users(user_ids: Collection[int]) -> dict[int, Principal]:
    """The present rights of many members of staff in two queries; inactive ones are not in it."""
    teams: dict[int, set[int]] = defaultdict(set)
    for user_id, team_id in Team.members.through.objects.filter(user__in=user_ids).values_list("user_id", "team_id"):
        teams[user_id].add(team_id)
    people = User.objects.filter(pk__in=user_ids, is_active=True).values_list("id", "role", "name")
    return {i: Principal(f"user:{i}", role, i, frozenset(teams[i]), name=name) for i, role, name in people}


def principals_of_tokens(token_ids: Collection[int]) -> dict[int, Principal]:
    """The present rights behind many tokens in three queries; revoked and expired ones are not in it."""
    valid = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    tokens = ApiToken.objects.filter(valid, pk__in=token_ids, revoked_at=None)
    rows = list(tokens.values_list("id", "user_id", "role", "scopes", "name"))
    people = principals_of_users({user_id for _id, user_id, *_rest in rows if user_id})
    found: dict[int, Principal] = {}
    for token_id, user_id, role, given, name in rows:
        scopes = frozenset(given or SCOPES)
        if user_id is None:
            found[token_id] = Principal(f"token:{token_id}", role, scopes=scopes, name=name)
        elif (user := people.get(user_id)) is not None:
            found[token_id] = Principal(user.actor, user.role, user_id, user.teams, scopes, user.name)
    return found
