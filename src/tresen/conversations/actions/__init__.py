"""The verbs of the product. Each checks, locks, writes and appends its event in one transaction."""

from tresen.conversations.actions.delivering import set_delivery
from tresen.conversations.actions.details import (
    change_customer,
    change_subject,
    mark_seen,
    set_priority,
    set_tags,
    spot,
)
from tresen.conversations.actions.moving import (
    assign,
    assign_if_free,
    move,
    release,
    reopen,
    resolve,
    snooze,
    take,
    wake_due,
)
from tresen.conversations.actions.queues import ensure_default_queue, save_queue
from tresen.conversations.actions.receiving import Incoming, StoredFile, receive
from tresen.conversations.actions.writing import Draft, acknowledge, log_contact, note, reply, start

__all__ = [
    "Draft",
    "Incoming",
    "StoredFile",
    "acknowledge",
    "assign",
    "assign_if_free",
    "change_customer",
    "change_subject",
    "ensure_default_queue",
    "log_contact",
    "mark_seen",
    "move",
    "note",
    "receive",
    "release",
    "reopen",
    "reply",
    "resolve",
    "save_queue",
    "set_delivery",
    "set_priority",
    "set_tags",
    "snooze",
    "spot",
    "start",
    "take",
    "wake_due",
]
