"""What visitors do beside writing: read, carry a conversation to another device."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.tokens import Identity, Visitor
from tresen.channels.contract import ChannelView
from tresen.conversations import actions as conversations
from tresen.kernel import clock, db
from tresen.kernel.errors import Conflict, Invalid
from tresen.widget import queries
from tresen.widget.models import ResumeCode

READ_AT_ONCE = 200


def make_code(channel: ChannelView, visitor: Visitor) -> str:
    """A fresh code for the visitor's conversation. Conflict when there is nothing to go on with."""
    if queries.current(channel.id, visitor) is None:
        raise Conflict("there is no conversation yet")
    code = tokens.new_code()
    person = visitor.identity
    content = {
        "id": visitor.id,
        "previous": list(visitor.previous),
        "identity": asdict(person) if person else None,
        "signed_at": visitor.signed_at.isoformat() if visitor.signed_at else None,
    }
    now = clock.now()
    with db.atomic():
        ResumeCode.objects.filter(expires_at__lte=now).delete()
        ResumeCode.objects.create(
            digest=_digest(channel, code), channel_id=channel.id, visitor=content, expires_at=now + tokens.CODE_LIFE
        )
    return code


def redeem(channel: ChannelView, typed: str) -> Visitor:
    """The visitor a code stands for; the code is used up. Invalid for wrong, used and expired codes alike."""
    digest = _digest(channel, tokens.clean_code(typed))
    with db.atomic():
        row = db.locked(ResumeCode.objects.filter(digest=digest, channel=channel.id)).first()
        if row is not None:
            row.delete()
    if row is None or row.expires_at <= clock.now():
        raise Invalid("this code does not hold", field="code")
    content = row.visitor
    return Visitor(
        content["id"],
        Identity(**content["identity"]) if content["identity"] else None,
        tuple(content["previous"]),
        signed_at=datetime.fromisoformat(content["signed_at"]) if content["signed_at"] else None,
    )


def _digest(channel: ChannelView, code: str) -> str:
    return tokens.hash_code(channel.secrets["token_secret"], channel.key, code)


def mark_read(channel_id: int, visitor: Visitor, seq: int) -> int:
    """The visitor has seen our messages of the current conversation up to `seq`; returns how many that changed."""
    row = queries.current(channel_id, visitor)
    if row is None:
        return 0
    unread = queries.visible(channel_id, visitor).filter(conversation=row, direction="out", seq__lte=seq)
    ids = unread.exclude(delivery="read").order_by("seq").values_list("id", flat=True)[:READ_AT_ONCE]
    return sum(conversations.set_delivery(message_id, "read") for message_id in list(ids))
