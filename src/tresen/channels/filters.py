"""The inbound filter chain: each filter may change an event, or end it by returning None. Order matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tresen.channels.contract import ChannelView, EventType, InboundEvent
from tresen.kernel import limits

PER_SENDER_AND_HOUR = 100
_SENDERS = limits.InMemory(PER_SENDER_AND_HOUR, seconds=3600)

Filter = Callable[[ChannelView, InboundEvent], InboundEvent | None]


def drop_silent(channel: ChannelView, event: InboundEvent) -> InboundEvent | None:
    """Handshakes and echoes have nothing to show."""
    return None if event.type is EventType.IGNORED else event


def mark_flood(channel: ChannelView, event: InboundEvent) -> InboundEvent | None:
    """Beyond a cap per sender and hour a message is kept but treated as automated: nothing answers it by itself."""
    if event.type is EventType.STATUS or event.sender is None or event.automated:
        return event
    if _SENDERS.allows(f"{channel.id}:{event.sender.kind}:{event.sender.value}"):
        return event
    return replace(event, automated=True, meta={**event.meta, "flood": True})


FILTERS: tuple[Filter, ...] = (drop_silent, mark_flood)


def run(channel: ChannelView, event: InboundEvent) -> InboundEvent | None:
    """The event after all filters; None when one ended it."""
    for each in FILTERS:
        kept = each(channel, event)
        if kept is None:
            return None
        event = kept
    return event
