"""Conversations and messages as their visitor sees them: texts and names, never an address, a note or markup."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tresen.conversations.models import Conversation, Direction, Message, Status
from tresen.widget.wait import Wait


def name_of(author: str) -> str:
    """An agent's name; nothing when it is really an address."""
    return "" if "@" in author else author


def tick(row: Message, seen_seq: int) -> str:
    """How far a message has come. In: stored, or read by a person. Out: read when the visitor has seen it."""
    if row.direction == Direction.IN:
        return "read" if row.seq <= seen_seq else "stored"
    return "read" if row.delivery == "read" else "sent"


def message(row: Message, key: str, seen_seq: int) -> dict[str, Any]:
    """A message; `uuid` is the id the widget gave its own ones. `key`: the channel's."""
    own = row.direction == Direction.IN
    return {
        "id": row.pk,
        "conversation_id": row.conversation_id,
        "seq": row.seq,
        "direction": row.direction,
        "author": "" if own else name_of(row.author),
        "text": row.text,
        "html": "",
        "automated": row.automated,
        "created_at": row.created_at,
        "delivery": tick(row, seen_seq),
        "uuid": (row.external_id or "").partition(":")[2] if own else None,
        "attachments": [
            {
                "id": file.pk,
                "name": file.name,
                "type": file.content_type,
                "size": file.size,
                "url": f"/widget/{key}/files/{file.pk}",
            }
            for file in row.attachments.all()
        ],
    }


def conversation(row: Conversation | None) -> dict[str, Any] | None:
    """The conversation's state; None when there is none."""
    if row is None:
        return None
    assigned = row.status == Status.ASSIGNED and row.assignee
    name = name_of(row.assignee.name) if assigned and row.assignee else ""
    return {"id": row.pk, "number": row.number, "status": row.status, "assignee_name": name}


def wait(found: Wait | None) -> dict[str, Any] | None:
    """Place and range in seconds."""
    return asdict(found) if found else None
