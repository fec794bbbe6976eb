"""Finding the principal behind a token or a session."""

from __future__ import annotations

from datetime import timedelta

from tresen.accounts.models import ApiToken, User
from tresen.accounts.principal import Principal, for_token, for_user
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
