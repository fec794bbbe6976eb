"""Who a visitor is, decided anew at every session: code, signed identity, earlier token, or nobody known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.bodies import MEDIA_MAX
from tresen.channels.adapters.webchat.tokens import Visitor
from tresen.channels.contract import ChannelView
from tresen.kernel import clock, journal, limits
from tresen.widget import actions, present, queries
from tresen.widget.doors import TooMany, Unauthorized

CODES_PER_ADDRESS = 20  # an hour; a code has 39 bits and lives ten minutes


class Asked(BaseModel):
    """The body of `POST session`; everything may be missing."""

    identity: str = Field(default="", max_length=tokens.TOKEN_LENGTH_MAX)
    token: str = Field(default="", max_length=tokens.TOKEN_LENGTH_MAX)
    code: str = Field(default="", max_length=40)
    language: str = Field(default="", max_length=10, pattern=r"^[A-Za-z-]*$")


def begin(channel: ChannelView, asked: Asked, address: str) -> dict[str, Any]:
    """Answers a session request: a fresh token and all that the widget needs to draw itself.

    Raises Unauthorized when the host site's identity does not hold, Invalid for a code that does not.
    """
    earlier = _earlier(channel, asked.token)
    visitor = _visitor(channel, asked, earlier, address)
    visitor = replace(visitor, language=asked.language[:2].lower())
    cursor = journal.head()  # taken before the state: what happens in between comes twice, never not at all
    conversation = queries.current(channel.id, visitor)
    settings = channel.settings
    return {
        "token": tokens.issue(channel.secrets["token_secret"], channel.key, visitor, clock.now()),
        "visitor": visitor.id,
        "resumed": earlier is not None or bool(asked.code),
        "identified": visitor.identity is not None,
        "config": {
            "title": settings.get("title") or channel.name,
            "colour": settings.get("colour", ""),
            "greeting": settings.get("greeting", ""),
            "language": settings.get("language", "auto"),
            "privacy_url": settings.get("privacy_url", ""),
            "online": queries.somebody_there(channel.id),
            "file_max": MEDIA_MAX,
        },
        "conversation": present.conversation(conversation),
        "wait": present.wait(queries.waiting(conversation)),
        "cursor": str(cursor),
    }


def _earlier(channel: ChannelView, token: str) -> Visitor | None:
    try:
        return tokens.read(channel.secrets["token_secret"], channel.key, token, clock.now(), renewing=True)
    except tokens.TokenError:
        return None


def _visitor(channel: ChannelView, asked: Asked, earlier: Visitor | None, address: str) -> Visitor:
    if asked.code:
        if not limits.hit(f"widget:code:{address}", CODES_PER_ADDRESS):
            raise TooMany("too many codes")
        return actions.redeem(channel, asked.code).after(earlier)
    if asked.identity:
        now = clock.now()
        try:
            person = tokens.read_identity(channel.secrets["identity_secret"], channel.key, asked.identity, now)
        except tokens.TokenError:
            raise Unauthorized(field="identity") from None
        own_id = tokens.signed_visitor_id(channel.secrets["token_secret"], channel.key, person.subject)
        return Visitor(own_id, person, signed_at=now).after(earlier)
    return earlier or Visitor(tokens.new_visitor_id())
