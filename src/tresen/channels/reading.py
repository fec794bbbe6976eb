"""Reads a raw receipt. What strangers wrote in formats that can hang a parser is read in a killable child process."""

from __future__ import annotations

import logging
from dataclasses import replace

from tresen.channels import registry
from tresen.channels.contract import ChannelView, InboundEvent, RawReceipt
from tresen.kernel.child import Child, ChildFailed

log = logging.getLogger(__name__)
TIME_MAX = 20.0  # s for one receipt
FAULT_HEADER = "x-fetch-fault"  # tells the adapter to keep the raw bytes and to read no further

_child = Child(f"{__name__}:parse")


def parse(kind: str, view: ChannelView, raw: RawReceipt) -> list[InboundEvent]:
    """What the adapter makes of a receipt."""
    return list(registry.need(kind).parse(view, raw))


def read(view: ChannelView, raw: RawReceipt) -> list[InboundEvent]:
    """The receipt's events. What hangs or breaks a hostile-format parser comes back as unsupported, with its bytes."""
    if not registry.need(view.kind).hostile:
        return parse(view.kind, view, raw)
    safe = replace(view, secrets={})  # a child needs no passwords
    try:
        return _ask(safe, raw)
    except ChildFailed as fault:
        log.warning("a receipt of channel %s cannot be read: %s", view.id, fault)
        return _ask(safe, replace(raw, headers={**raw.headers, FAULT_HEADER: str(fault)}))


def _ask(view: ChannelView, raw: RawReceipt) -> list[InboundEvent]:
    events: list[InboundEvent] = _child.call(view.kind, view, raw, timeout=TIME_MAX)
    return events
