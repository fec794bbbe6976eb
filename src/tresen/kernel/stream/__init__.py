"""Server-Sent Events for many open streams in one process, without a thread or a database connection each."""

from tresen.kernel.stream.app import StreamApp
from tresen.kernel.stream.contract import (
    Authenticate,
    Limits,
    Refresh,
    Render,
    Rendered,
    Source,
    Viewer,
    rendered,
)
from tresen.kernel.stream.hub import Hub, Stats
from tresen.kernel.stream.source import JournalSource

__all__ = [
    "Authenticate",
    "Hub",
    "JournalSource",
    "Limits",
    "Refresh",
    "Render",
    "Rendered",
    "Source",
    "Stats",
    "StreamApp",
    "Viewer",
    "rendered",
]
