"""The state machine of a conversation, as a table. Drawn in docs/conversations.md."""

from __future__ import annotations

BOT, WAITING, ASSIGNED, SNOOZED, RESOLVED = "bot", "waiting", "assigned", "snoozed", "resolved"
STATUSES = (BOT, WAITING, ASSIGNED, SNOOZED, RESOLVED)

# verb → status before → status after. What is missing is not allowed.
TRANSITIONS: dict[str, dict[str, str]] = {
    # a customer's message: a bot keeps talking, a sleeping or closed concern comes back
    "receive": {BOT: BOT, WAITING: WAITING, ASSIGNED: ASSIGNED, SNOOZED: WAITING, RESOLVED: WAITING},
    "assign": {BOT: ASSIGNED, WAITING: ASSIGNED, ASSIGNED: ASSIGNED, SNOOZED: ASSIGNED, RESOLVED: ASSIGNED},
    "release": {BOT: WAITING, ASSIGNED: WAITING, SNOOZED: WAITING},
    "move": {BOT: BOT, WAITING: WAITING, ASSIGNED: WAITING, SNOOZED: WAITING},
    "snooze": {WAITING: SNOOZED, ASSIGNED: SNOOZED, SNOOZED: SNOOZED},
    "wake": {SNOOZED: WAITING},
    "resolve": {BOT: RESOLVED, WAITING: RESOLVED, ASSIGNED: RESOLVED, SNOOZED: RESOLVED},
    "reopen": {RESOLVED: WAITING},
}


def after(verb: str, status: str) -> str | None:
    """The status that `verb` leads to; None when it is not allowed now."""
    return TRANSITIONS[verb].get(status)


# Delivery reports may come late and out of order: a message never goes back to an earlier state.
_ORDER = {"": 0, "queued": 1, "failed": 2, "unknown": 2, "sent": 3, "delivered": 4, "read": 5}


def forward(before: str, state: str) -> bool:
    """May a message's delivery go from `before` to `state`?

    A bounce may still follow `sent` or `delivered`, never `read`; a retry may follow `failed` and `unknown`.
    """
    if state == "failed":
        return before in ("queued", "unknown", "sent", "delivered")
    if state == "queued":
        return before in ("", "failed", "unknown")
    return _ORDER[state] > _ORDER[before]
