"""What every adapter brings along for the conformance suite: `tests/conformance.py` with `SAMPLES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from tresen.channels.contract import ChannelView, RawReceipt, SendState


@dataclass(frozen=True, slots=True)
class Trouble:
    """A far end that misbehaves: `far_end` starts it and gives the settings that lead to it."""

    name: str
    far_end: Callable[[], AbstractContextManager[Mapping[str, Any]]]
    state: SendState
    retry: bool
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """`settings` and `secrets` make a working channel; what a kind cannot have is left out.

    `message(channel, text)`: a good request or mail. `forgeries(channel, good)`: the same with a wrong signature, by
    name; each is refused with `refused_with`. `unknown(channel)`: something real that the adapter does not understand.
    `report(channel, external_id)`: a delivery report for a message of ours.
    """

    message: Callable[[ChannelView, str], RawReceipt]
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    forgeries: Callable[[ChannelView, RawReceipt], Mapping[str, RawReceipt]] | None = None
    refused_with: int = 401
    unknown: Callable[[ChannelView], RawReceipt] | None = None
    report: Callable[[ChannelView, str], RawReceipt] | None = None
    troubles: tuple[Trouble, ...] = ()
