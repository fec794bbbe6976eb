"""The widget's addresses. Everything a visitor reads goes through `queries`, everything they do through `actions`."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from pydantic import BaseModel, Field

from tresen.channels.adapters.form import proof
from tresen.channels.adapters.webchat.tokens import CODE_LIFE
from tresen.channels.contract import ChannelView
from tresen.kernel import blobs, clock, journal, wake
from tresen.kernel.errors import Invalid
from tresen.widget import actions, present, queries, sessions
from tresen.widget.doors import body_of, door, visitor_of


class Read(BaseModel):
    """The body of `POST read`."""

    seq: int = Field(ge=0, le=2**31 - 1)


def _json(content: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), content_type="application/json", status=status)


@door("POST", per_minute=60)
def session(request: HttpRequest, channel: ChannelView) -> HttpResponse:
    """Begins, renews or takes over a session."""
    asked = body_of(request, sessions.Asked)
    return _json(sessions.begin(channel, asked, request.META.get("REMOTE_ADDR", "")))


@door("GET", per_minute=240)
def messages(request: HttpRequest, channel: ChannelView) -> HttpResponse:
    """The visitor's messages, oldest first; `after` = only newer ones of the current conversation."""
    visitor = visitor_of(request, channel)
    given = request.GET.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Invalid("must be a sequence number", field="after")
    cursor = journal.head()
    row = queries.current(channel.id, visitor)
    found = queries.messages(channel.id, visitor, after=int(given))
    return _json(
        {
            "items": [present.message(m, channel.key, m.conversation.seen_seq) for m in found],
            "conversation": present.conversation(row),
            "wait": present.wait(queries.waiting(row)),
            "online": queries.somebody_there(channel.id),
            "cursor": str(cursor),
        }
    )


@door("POST", per_minute=60)
def typing(request: HttpRequest, channel: ChannelView) -> HttpResponse:
    """The visitor is writing: passing news for the desk, never stored."""
    visitor = visitor_of(request, channel)
    row = queries.current(channel.id, visitor)
    if row is not None:
        wake.pass_on({"kind": "typing", "conversation_id": row.pk, "author": row.customer.name})
    return _json({})


@door("POST", per_minute=120)
def read(request: HttpRequest, channel: ChannelView) -> HttpResponse:
    """The visitor has seen our messages up to `seq`."""
    visitor = visitor_of(request, channel)
    return _json({"read": actions.mark_read(channel.id, visitor, body_of(request, Read).seq)})


@door("POST", per_minute=10)
def code(request: HttpRequest, channel: ChannelView) -> HttpResponse:
    """A code and a link to go on with on another device. The code stands behind `#`: no server logs it."""
    made = actions.make_code(channel, visitor_of(request, channel))
    url = f"{channel.public_url}/widget/{channel.key}/chat#tresen={made}"
    return _json({"code": made, "url": url, "expires_in": int(CODE_LIFE.total_seconds())})


@door("GET", per_minute=240)
def file(request: HttpRequest, channel: ChannelView, file_id: str) -> HttpResponse:
    """An attachment, always as a download: a browser runs nothing from here."""
    found = queries.attachment(channel.id, visitor_of(request, channel), file_id)
    answer = HttpResponse(blobs.load(found.key), content_type=found.content_type)
    answer["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@door("POST", kind="form", per_minute=30)
def form_proof(request: HttpRequest, channel: ChannelView) -> JsonResponse:
    """What a form needs to be sent once: the id of its message, and the proof that it was shown."""
    message_id, signed = proof.issue(channel.secrets["proof_secret"], channel.key, clock.now())
    return JsonResponse({"id": message_id, "proof": signed, "wait": proof.FILL_MIN.total_seconds()})
