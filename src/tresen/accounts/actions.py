"""What changes staff, teams and tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from tresen.accounts.events import PresenceChanged, StaffChanged, TokenChanged
from tresen.accounts.models import ApiToken, AuditEntry, OneTimeLink, Presence, PresenceStatus, Role, Team, User
from tresen.accounts.principal import SCOPES, Principal
from tresen.kernel import clock, db, ids, journal
from tresen.kernel.errors import Conflict, Invalid, NotFound

LINK_LIFE = timedelta(days=3)


def audit(principal: Principal, verb: str, subject: str, **detail: Any) -> None:
    """Notes who did what to settings, staff and rights, in the transaction of the change."""
    AuditEntry.objects.create(actor=principal.actor, verb=verb, subject=subject, detail=detail)


def create_user(
    by: Principal,
    *,
    email: str,
    name: str,
    role: str,
    capacity: int = 5,
    language: str = "de",
    password: str | None = None,
) -> User:
    """Adds a member of staff. Without a password they get a one-time link (`make_link`)."""
    by.need_administrator()
    email, name = email.strip().lower(), name.strip()
    _check_user(email=email, name=name, role=role, capacity=capacity)
    with db.atomic():
        if User.objects.filter(email__iexact=email).exists():
            raise Conflict("somebody with this address exists", field="email")
        user = User(email=email, name=name, role=role, language=language)
        if password is None:
            user.set_unusable_password()
        else:
            _check_password(password, user)
            user.set_password(password)
        user.save()
        Presence.objects.create(user=user, capacity=capacity)
        audit(by, "staff.create", email, role=role)
        journal.append(StaffChanged(user.pk), actor=by.actor)
    return user


def _check_user(**given: Any) -> None:
    if "email" in given:
        try:
            validate_email(given["email"])
        except ValidationError as error:
            raise Invalid("is not an e-mail address", field="email") from error
    if not given.get("name", "x") or len(given.get("name", "")) > 120:
        raise Invalid("must have 1 to 120 characters", field="name")
    if given.get("role", Role.AGENT) not in Role.values:
        raise Invalid("must be agent, lead or administrator", field="role")
    if not 0 <= given.get("capacity", 1) <= 1000:
        raise Invalid("must be between 0 and 1000", field="capacity")


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from error


def change_user(by: Principal, user_id: int, **changes: Any) -> User:
    """Changes name, email, role, capacity, language, activity. The last active administrator stays one."""
    by.need_administrator()
    for key in ("email", "name"):
        if key in changes:
            changes[key] = changes[key].strip()
    if "email" in changes:
        changes["email"] = changes["email"].lower()
    _check_user(**{k: v for k, v in changes.items() if k in ("email", "name", "role", "capacity")})
    with db.atomic():
        list(db.locked(User.objects.filter(role=Role.ADMINISTRATOR).order_by("pk")))  # two may not leave at once
        user = db.locked(User.objects.filter(pk=user_id)).first()
        if user is None:
            raise NotFound("no such member of staff")
        if User.objects.filter(email__iexact=changes.get("email", user.email)).exclude(pk=user_id).exists():
            raise Conflict("somebody with this address exists", field="email")
        if "capacity" in changes:
            Presence.objects.filter(user=user).update(capacity=changes.pop("capacity"))
        for key in ("email", "name", "role", "language", "is_active"):
            if key in changes:
                setattr(user, key, changes[key])
        user.save()
        if not User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exists():
            raise Conflict("one active administrator must remain", field="role")
        if not user.is_active and Presence.objects.filter(user=user).exclude(status=PresenceStatus.OFFLINE).update(
            status=PresenceStatus.OFFLINE, leased_until=None
        ):
            journal.append(PresenceChanged(user.pk, PresenceStatus.OFFLINE), actor=by.actor)
        audit(by, "staff.change", user.email, **{k: str(v) for k, v in changes.items()})
        journal.append(StaffChanged(user.pk), actor=by.actor)
    return user


def change_own(by: Principal, **changes: Any) -> None:
    """What everybody may set for themselves: language, theme, signature."""
    allowed = {k: v for k, v in changes.items() if k in ("language", "theme", "signature")}
    if allowed.get("language", "de") not in ("de", "en"):
        raise Invalid("must be de or en", field="language")
    if allowed.get("theme", "auto") not in ("auto", "light", "dark"):
        raise Invalid("must be auto, light or dark", field="theme")
    if len(allowed.get("signature", "")) > 2000:
        raise Invalid("must not be longer than 2000 characters", field="signature")
    with db.atomic():
        User.objects.filter(pk=by.user_id or 0).update(**allowed)


def save_team(by: Principal, *, name: str, members: list[int], team_id: int | None = None) -> Team:
    """Creates or changes a team and its members."""
    by.need_administrator()
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Invalid("must have 1 to 80 characters", field="name")
    with db.atomic():
        if Team.objects.filter(name=name).exclude(pk=team_id or 0).exists():
            raise Conflict("a team with this name exists", field="name")
        team = Team.objects.filter(pk=team_id).first() if team_id else Team()
        if team is None:
            raise NotFound("no such team")
        team.name = name
        team.save()
        team.members.set(User.objects.filter(pk__in=members))
        audit(by, "team.save", name, members=members)
        journal.append(StaffChanged(None), actor=by.actor)
    return team


def create_token(
    by: Principal,
    *,
    name: str,
    role: str = Role.AGENT,
    user_id: int | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new API token and its text, which is shown this once and never stored."""
    by.need_administrator()
    _check_user(role=role)
    if scopes is not None and not (scopes and set(scopes) <= set(SCOPES)):
        raise Invalid(f"must be of {', '.join(SCOPES)}", field="scopes")
    text = f"tsn_{ids.token(256)}"
    with db.atomic():
        if user_id is not None and not User.objects.filter(pk=user_id).exists():
            raise NotFound("no such member of staff")
        token = ApiToken.objects.create(
            name=name[:120],
            digest=ids.digest(text),
            prefix=text[:8],
            user_id=user_id,
            role=role,
            scopes=scopes or list(SCOPES),
            expires_at=expires_at,
        )
        audit(by, "token.create", token.name, role=role, scopes=token.scopes)
        journal.append(TokenChanged(token.pk), actor=by.actor)
    return token, text


def revoke_token(by: Principal, token_id: int) -> None:
    """From now on the token opens nothing; open streams end within seconds."""
    by.need_administrator()
    with db.atomic():
        if not ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=clock.now()):
            raise NotFound("no such token")
        audit(by, "token.revoke", str(token_id))
        journal.append(TokenChanged(token_id), actor=by.actor)


def make_link(purpose: str, user: User | None = None, life: timedelta = LINK_LIFE) -> str:
    """The secret of a single-use link; earlier ones of the same purpose and person end."""
    secret = ids.token(256)
    with db.atomic():
        OneTimeLink.objects.filter(purpose=purpose, user=user, used_at=None).update(used_at=clock.now())
        OneTimeLink.objects.create(digest=ids.digest(secret), purpose=purpose, user=user, expires_at=clock.now() + life)
    return secret


def open_link(secret: str, purpose: str) -> OneTimeLink:
    """The link, when it is still good. One answer for wrong, used and expired ones."""
    link = OneTimeLink.objects.filter(
        digest=ids.digest(secret), purpose=purpose, used_at=None, expires_at__gt=clock.now()
    ).first()
    if link is None:
        raise NotFound("this link is no longer valid")
    return link


def first_administrator(secret: str, *, email: str, name: str, password: str) -> User:
    """Turns the first-start link into the first administrator."""
    by = Principal(actor="setup", role=Role.ADMINISTRATOR)
    with db.atomic():
        _use(open_link(secret, "setup"))
        if User.objects.filter(role=Role.ADMINISTRATOR).exists():
            raise Conflict("an administrator exists already")
        return create_user(by, email=email, name=name, role=Role.ADMINISTRATOR, password=password)


def set_password(secret: str, password: str) -> User:
    """Turns a set-password link into a password; every session of that person ends."""
    with db.atomic():
        link = open_link(secret, "password")
        if link.user is None or not link.user.is_active:
            raise NotFound("this link is no longer valid")
        _check_password(password, link.user)
        link.user.set_password(password)
        link.user.save(update_fields=["password"])
        _use(link)
        journal.append(StaffChanged(link.user.pk), actor=f"user:{link.user.pk}")
        return link.user


def _use(link: OneTimeLink) -> None:
    if not OneTimeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=clock.now()):
        raise NotFound("this link is no longer valid")
