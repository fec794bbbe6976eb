"""Conversations and their messages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from tresen.api.v1.auth import reader, writer
from tresen.api.v1.schemas import (
    AssignIn,
    ConversationOut,
    ConversationPage,
    LogIn,
    MessageIn,
    MessageOut,
    MessagePage,
    PriorityIn,
    SnoozeIn,
    StartIn,
    TagsIn,
)
from tresen.channels import delivering, present
from tresen.channels.actions import ensure_logged_channel
from tresen.channels.processing import store_files
from tresen.conversations import actions, queries
from tresen.conversations.actions import Draft
from tresen.conversations.models import Message, Priority
from tresen.conversations.queries import Filter
from tresen.kernel import blobs
from tresen.kernel.errors import Invalid, NotFound

router = Router(tags=["conversations"])


@router.get("/conversations", response=ConversationPage)
def list_conversations(
    request: HttpRequest,
    status: str = "",
    queue: int | None = None,
    assignee: int | None = None,
    customer: int | None = None,
    cursor: str = "",
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, Any]:
    """Conversations that you may see, newest message first. `status` may name several, by comma."""
    given = Filter(status=status, queue=queue, assignee=assignee, customer=customer)
    page = queries.page(reader(request), given, cursor=cursor, limit=limit)
    return {"items": [present.conversation(row) for row in page.items], "next": page.cursor}


@router.post("/conversations", response={201: MessageOut})
def start_conversation(request: HttpRequest, given: StartIn) -> Status[dict[str, Any]]:
    """Writes first: a new outgoing conversation."""
    draft = Draft(given.text, subject=given.subject, address={"to": given.to}, key=given.key)
    return Status(201, _shown(actions.start(writer(request), given.channel, given.customer, draft)))


@router.post("/conversations/log", response={201: MessageOut})
def log_contact(request: HttpRequest, given: LogIn) -> Status[dict[str, Any]]:
    """Writes down a phone call or a branch visit, in a new conversation or in `conversation`."""
    by = writer(request)
    message = actions.log_contact(
        by,
        ensure_logged_channel().pk,
        given.customer,
        Draft(given.text, subject=given.subject),
        medium=given.medium,
        conversation_id=given.conversation,
    )
    return Status(201, _shown(message))


@router.get("/conversations/{int:conversation_id}", response=ConversationOut)
def get_conversation(request: HttpRequest, conversation_id: int) -> dict[str, Any]:
    """One conversation."""
    return present.conversation(queries.get(reader(request), conversation_id))


@router.get("/conversations/{int:conversation_id}/messages", response=MessagePage)
def list_messages(
    request: HttpRequest, conversation_id: int, cursor: str = "", limit: int = Query(50, ge=1, le=200)
) -> dict[str, Any]:
    """Its messages in order, notes included."""
    queries.get(reader(request), conversation_id)
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Invalid("is not a cursor of this list", field="cursor")
    rows = queries.messages(conversation_id, after=int(cursor or 0), limit=limit + 1)
    more = str(rows[limit - 1].seq) if len(rows) > limit else None
    return {"items": [present.message(row) for row in rows[:limit]], "next": more}


@router.post("/conversations/{int:conversation_id}/messages", response={201: MessageOut})
def post_message(request: HttpRequest, conversation_id: int, given: MessageIn) -> Status[dict[str, Any]]:
    """A reply to the customer, or a note for colleagues."""
    by = writer(request)
    address = {"to": given.to, "cc": given.cc, "bcc": given.bcc}
    queries.get(by, conversation_id)  # nothing is stored for a conversation that is not there
    files = store_files(tuple(one.file() for one in given.attachments))
    draft = Draft(
        given.text, subject=given.subject, channel_id=given.channel, address=address, files=files, key=given.key
    )
    verb = actions.reply if given.kind == "reply" else actions.note
    return Status(201, _shown(verb(by, conversation_id, draft)))


@router.post("/conversations/{int:conversation_id}/assign", response=ConversationOut)
def assign(request: HttpRequest, conversation_id: int, given: AssignIn) -> dict[str, Any]:
    """To an agent, or with `agent: null` back to its queue; with `queue` to another queue first."""
    by = writer(request)
    if given.agent is not None:
        return present.conversation(actions.assign(by, conversation_id, given.agent, queue_id=given.queue))
    if given.queue is not None:
        return present.conversation(actions.move(by, conversation_id, given.queue))
    return present.conversation(actions.release(by, conversation_id))


@router.post("/conversations/{int:conversation_id}/take", response=ConversationOut)
def take(request: HttpRequest, conversation_id: int) -> dict[str, Any]:
    """I do it myself."""
    return present.conversation(actions.take(writer(request), conversation_id))


@router.post("/conversations/{int:conversation_id}/resolve", response=ConversationOut)
def resolve(request: HttpRequest, conversation_id: int) -> dict[str, Any]:
    """Done."""
    return present.conversation(actions.resolve(writer(request), conversation_id))


@router.post("/conversations/{int:conversation_id}/reopen", response=ConversationOut)
def reopen(request: HttpRequest, conversation_id: int) -> dict[str, Any]:
    """Not done after all."""
    return present.conversation(actions.reopen(writer(request), conversation_id))


@router.post("/conversations/{int:conversation_id}/snooze", response=ConversationOut)
def snooze(request: HttpRequest, conversation_id: int, given: SnoozeIn) -> dict[str, Any]:
    """Out of the way until a time, or until the customer writes."""
    if given.until.tzinfo is None:
        raise Invalid("must name its time zone", field="until")
    return present.conversation(actions.snooze(writer(request), conversation_id, given.until))


@router.put("/conversations/{int:conversation_id}/priority", response=ConversationOut)
def set_priority(request: HttpRequest, conversation_id: int, given: PriorityIn) -> dict[str, Any]:
    """low, normal, high or urgent."""
    priority = Priority[given.priority.upper()].value
    return present.conversation(actions.set_priority(writer(request), conversation_id, priority))


@router.put("/conversations/{int:conversation_id}/tags", response=ConversationOut)
def set_tags(request: HttpRequest, conversation_id: int, given: TagsIn) -> dict[str, Any]:
    """Replaces the tags."""
    return present.conversation(actions.set_tags(writer(request), conversation_id, given.tags))


@router.post("/messages/{int:message_id}/retry", response=MessageOut)
def retry_delivery(request: HttpRequest, message_id: int) -> dict[str, Any]:
    """Sends a failed or unknown message again. After `unknown` the customer may get it twice."""
    by = writer(request)
    delivering.retry(by, message_id)
    return _shown(queries.message(by, message_id))


@router.get("/attachments/{attachment_id}", response={200: bytes})
def get_attachment(request: HttpRequest, attachment_id: str) -> HttpResponse:
    """The file, always as a download."""
    found = queries.attachment(reader(request), attachment_id)
    try:
        content = blobs.load(found.key)
    except FileNotFoundError as error:
        raise NotFound("the file of this attachment is gone") from error
    answer = HttpResponse(content, content_type=found.content_type)
    answer["Content-Disposition"] = "attachment"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _shown(message: Message) -> dict[str, Any]:
    return present.message(message)
