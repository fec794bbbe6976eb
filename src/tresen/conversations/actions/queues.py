"""Queues."""

from __future__ import annotations

from tresen.accounts.actions import audit
from tresen.accounts.models import Team
from tresen.accounts.principal import Principal
from tresen.conversations.events import QueueChanged
from tresen.conversations.models import Queue
from tresen.kernel import db, journal
from tresen.kernel.errors import Conflict, Invalid, NotFound

DEFAULT = "Service"


def save_queue(
    by: Principal, *, name: str, team_id: int | None = None, pull: bool = False, queue_id: int | None = None
) -> Queue:
    """Creates or changes a queue."""
    by.need_administrator()
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Invalid("must have 1 to 80 characters", field="name")
    with db.atomic():
        if Queue.objects.filter(name=name).exclude(pk=queue_id or 0).exists():
            raise Conflict("a queue with this name exists", field="name")
        if team_id is not None and not Team.objects.filter(pk=team_id).exists():
            raise NotFound("no such team", field="team")
        queue = Queue.objects.filter(pk=queue_id).first() if queue_id else Queue()
        if queue is None:
            raise NotFound("no such queue")
        queue.name, queue.team_id, queue.pull = name, team_id, pull
        queue.save()
        audit(by, "queue.save", name, team=team_id, pull=pull)
        journal.append(QueueChanged(queue.pk), actor=by.actor)
    return queue


def ensure_default_queue() -> Queue:
    """The queue for channels that name none."""
    with db.atomic():
        return Queue.objects.order_by("id").first() or Queue.objects.create(name=DEFAULT)
