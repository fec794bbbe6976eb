"""All that needs a person: failed deliveries, parked events, jobs and receipts, channels that cannot connect.

Agents see the messages of their conversations; what is technical is for administrators.
"""

from __future__ import annotations

from collections.abc import Callable

from tresen.accounts.principal import Principal
from tresen.channels import delivering, processing
from tresen.channels.models import ChannelConfig
from tresen.conversations import queries
from tresen.kernel import jobs, subscriptions
from tresen.kernel.errors import NotFound

COUNT_MAX = 99


def count(me: Principal) -> int:
    """How many things wait for a person, for the bell; counted up to 99."""
    found = len(queries.undelivered(me, limit=COUNT_MAX))
    if me.is_administrator and found < COUNT_MAX:
        found += len(subscriptions.parked()) + len(jobs.parked()) + len(processing.parked()) + len(faults())
    return min(found, COUNT_MAX)


def faults() -> list[ChannelConfig]:
    """Enabled channels whose connection is broken."""
    rows = ChannelConfig.objects.filter(channel__enabled=True).exclude(fault="")
    return list(rows.select_related("channel").order_by("fault_at"))


_RETRY: dict[str, Callable[[int], None]] = {
    "event": subscriptions.retry,
    "job": jobs.retry,
    "receipt": processing.retry,
}


def retry(me: Principal, kind: str, row_id: int) -> None:
    """Another try for one parked thing. `kind`: message, event, job or receipt."""
    if kind == "message":
        delivering.retry(me, row_id)
        return
    me.need_administrator()
    if kind not in _RETRY:
        raise NotFound("nothing of this kind is parked")
    _RETRY[kind](row_id)
