"""Facts about staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tresen.kernel.journal import Payload


@dataclass(frozen=True, slots=True)
class PresenceChanged(Payload):
    """`status` as it now counts; a lease that ran out is `offline`."""

    kind: ClassVar[str] = "presence.changed"
    user_id: int
    status: str


@dataclass(frozen=True, slots=True)
class CapacityFreed(Payload):
    """An agent can take one more: somebody who waits may be next."""

    kind: ClassVar[str] = "capacity.freed"
    user_id: int


@dataclass(frozen=True, slots=True)
class StaffChanged(Payload):
    """Role, teams, activity or name changed: rights are read anew."""

    kind: ClassVar[str] = "staff.changed"
    user_id: int | None


@dataclass(frozen=True, slots=True)
class TokenChanged(Payload):
    kind: ClassVar[str] = "token.changed"
    token_id: int
