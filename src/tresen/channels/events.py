"""Facts about channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tresen.kernel.journal import Payload


@dataclass(frozen=True, slots=True)
class ChannelChanged(Payload):
    """Created, changed, switched on or off."""

    kind: ClassVar[str] = "channel.changed"
    channel_id: int


@dataclass(frozen=True, slots=True)
class ChannelFault(Payload):
    """A connection fault began (`ok` false) or ended."""

    kind: ClassVar[str] = "channel.fault"
    channel_id: int
    ok: bool
