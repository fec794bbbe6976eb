"""Server-Sent Events on the wire (HTML standard, 9.2). A frame is complete and can be written as it is."""

from __future__ import annotations

from tresen.kernel.journal import Position

RETRY = b"retry: 2000\n\n"  # milliseconds until a browser reconnects by itself
GONE = b"event: gone\ndata: {}\n\n"


def frame(name: str, data: bytes, position: Position | None = None) -> bytes:
    """One event. `data` is JSON without line breaks; without `position` it cannot be resumed from."""
    head = f"id: {position}\nevent: {name}\n" if position is not None else f"event: {name}\n"
    return b"%sdata: %s\n\n" % (head.encode(), data)


def reset(position: Position) -> bytes:
    """Tells the client that events are missing: fetch the state anew, then go on from `position`."""
    return frame("reset", b"{}", position)


def heartbeat(position: Position) -> bytes:
    """Moves the client's Last-Event-ID without dispatching an event: an id without data."""
    return f"id: {position}\n\n".encode()
