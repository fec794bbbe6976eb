"""Staff, teams, presence and API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from tresen.kernel import clock


class Role(models.TextChoices):
    AGENT = "agent", _("Agent")
    LEAD = "lead", _("Team lead")
    ADMINISTRATOR = "administrator", _("Administrator")


class PresenceStatus(models.TextChoices):
    ONLINE = "online", _("Online")
    AWAY = "away", _("Away")
    OFFLINE = "offline", _("Offline")


class Team(models.Model):
    """People who share queues. Who sees what follows from teams: see docs/roles.md."""

    name = models.CharField(max_length=80, unique=True)
    members: models.ManyToManyField[User, Any] = models.ManyToManyField("User", related_name="teams", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Rows are made by `accounts.actions`; this is only what Django asks of a user model."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of staff. `capacity`: how many open conversations at once."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.AGENT)
    language = models.CharField(max_length=5, default="de")
    theme = models.CharField(max_length=8, default="auto")
    signature = models.TextField(default="", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def is_lead(self) -> bool:
        return self.role in (Role.LEAD, Role.ADMINISTRATOR)


class Presence(models.Model):
    """Whether someone is at the desk. A lease, not a flag: it runs out when nobody renews it.

    `load` counts the conversations now assigned; it changes in the transaction that assigns or frees, so that
    claiming capacity is one conditional update.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)
    status = models.CharField(max_length=10, choices=PresenceStatus.choices, default=PresenceStatus.OFFLINE)
    leased_until = models.DateTimeField(null=True)
    idle_since = models.DateTimeField(default=clock.now)
    capacity = models.PositiveSmallIntegerField(default=5)
    load = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["status", "leased_until"], name="presence_online")]

    def effective(self, at: datetime | None = None) -> str:
        """The status that counts: offline once the lease is over."""
        alive = self.leased_until is not None and self.leased_until > (at or clock.now())
        return self.status if alive else PresenceStatus.OFFLINE


class ApiToken(models.Model):
    """A hashed token. Acts as `user`, or on its own with `role` (an integration)."""

    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.AGENT)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class OneTimeLink(models.Model):
    """A single-use, expiring link: first administrator, set a password. Only the hash is stored."""

    digest = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class AuditEntry(models.Model):
    """Who did what to settings, staff and rights. Appended only."""

    at = models.DateTimeField(default=clock.now)
    actor = models.CharField(max_length=60)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    detail = models.JSONField(default=dict)
