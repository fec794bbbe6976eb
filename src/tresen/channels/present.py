"""Conversations and messages as the API and the stream show them: one shape, made in one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tresen.channels.adapters.email.engine.html import sanitise
from tresen.conversations.models import Conversation, Message, Priority

PRIORITY_NAMES = {p.value: p.name.lower() for p in Priority}


def conversation(row: Conversation) -> dict[str, Any]:
    """An item of the list."""
    return {
        "id": row.pk,
        "number": row.number,
        "status": row.status,
        "channel": row.channel_id,
        "queue": row.queue_id,
        "assignee": row.assignee_id,
        "customer": row.customer_id,
        "subject": row.subject,
        "priority": PRIORITY_NAMES[row.priority],
        "last_message_at": row.last_message_at,
        "created_at": row.created_at,
    }


def message(row: Message) -> dict[str, Any]:
    """A message. `html` is sanitised, with remote pictures off; `delivery` is null for what is not delivered."""
    return {
        "id": row.pk,
        "conversation": row.conversation_id,
        "seq": row.seq,
        "direction": row.direction,
        "channel": row.channel_id,
        "author": row.author,
        "subject": row.subject,
        "text": row.text,
        "html": sanitise(row.html, load_remote=False, cid_url=lambda _cid: None) if row.html else "",
        "automated": row.automated,
        "supported": row.supported,
        "created_at": row.created_at,
        "delivery": row.delivery or None,
        "delivery_error": row.delivery_error,
        "attachments": [
            {
                "id": file.pk,
                "name": file.name,
                "type": file.content_type,
                "size": file.size,
                "url": f"/api/v1/attachments/{file.pk}",
            }
            for file in (row.attachments.all() if row.files else ())
        ],
    }


def by_id(rows: Iterable[Message]) -> dict[int, dict[str, Any]]:
    """Several messages by id."""
    return {row.pk: message(row) for row in rows}
