"""The safety net under the events."""

from __future__ import annotations

from tresen.accounts import presence
from tresen.conversations import actions as conversations
from tresen.kernel.jobs import job
from tresen.routing.distributing import distribute


@job("routing.sweep", every=5)
def sweep() -> None:
    """Ends leases that ran out, wakes what was snoozed, and gives out what an event may have missed."""
    presence.expire_leases()
    conversations.wake_due()
    distribute()
