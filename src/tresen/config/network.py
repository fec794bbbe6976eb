"""Which private hosts may be called: named on a screen, in `TRESEN_ALLOW_HOSTS`, or by the demo's mail provider."""

from __future__ import annotations

import os
from collections.abc import Callable

from tresen.channels.directory import PRIVATE_HOSTS
from tresen.kernel import settings
from tresen.kernel.addresses import configure_exceptions
from tresen.kernel.runner import Loop


def _none() -> list[str]:
    return []


class Exceptions:
    """Keeps the outbound rule in line with the settings, in every process."""

    def __init__(self, demo: Callable[[], list[str]] = _none) -> None:
        self.demo = demo
        self.applied: list[str] | None = None

    def step(self) -> bool:
        """Applies what changed."""
        named = os.environ.get("TRESEN_ALLOW_HOSTS", "").split(",") + settings.get(PRIVATE_HOSTS) + self.demo()
        wanted = [host.strip() for host in named if host.strip()]
        if wanted != self.applied:
            configure_exceptions(wanted)
            self.applied = wanted
        return False

    def loop(self) -> Loop:
        """The thread that looks every two seconds."""
        return Loop("network", self.step, settings.TOPIC, every=2.0)
