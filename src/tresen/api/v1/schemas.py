"""The shapes of API v1."""

from __future__ import annotations

from base64 import b64decode
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field

from tresen.channels.contract import File
from tresen.kernel.errors import Invalid


class Strict(Schema):
    """Unknown fields are refused by name: a typo must not pass silently."""

    model_config = ConfigDict(extra="forbid")


class ConversationOut(Schema):
    id: int
    number: str
    status: str
    channel: int
    queue: int
    assignee: int | None
    customer: int
    subject: str
    priority: str
    last_message_at: datetime
    created_at: datetime


class AttachmentOut(Schema):
    id: str
    name: str
    type: str
    size: int
    url: str


class MessageOut(Schema):
    id: int
    conversation: int
    seq: int
    direction: str
    channel: int
    author: str
    subject: str
    text: str
    html: str
    automated: bool
    supported: bool
    created_at: datetime
    delivery: str | None
    delivery_error: str
    attachments: list[AttachmentOut]


class ConversationPage(Schema):
    items: list[ConversationOut]
    next: str | None


class MessagePage(Schema):
    items: list[MessageOut]
    next: str | None


class AttachmentIn(Strict):
    name: str = Field(min_length=1, max_length=1000)
    type: str = Field(default="application/octet-stream", max_length=200)
    base64: str = Field(max_length=28_000_000)

    def file(self) -> File:
        """Decoded. Raises Invalid for what is not base64."""
        try:
            return File(self.name, self.type, b64decode(self.base64, validate=True))
        except ValueError as error:
            raise Invalid("is not base64", field="attachments") from error


class MessageIn(Strict):
    """`key` makes a repeated post one message. `channel` empty = the channel of the customer's last message."""

    text: str = Field(min_length=1, max_length=100_000)
    kind: Literal["reply", "note"] = "reply"
    channel: int | None = None
    subject: str = Field(default="", max_length=300)
    to: list[str] = Field(default_factory=list, max_length=50)
    cc: list[str] = Field(default_factory=list, max_length=50)
    bcc: list[str] = Field(default_factory=list, max_length=50)
    attachments: list[AttachmentIn] = Field(default_factory=list, max_length=20)
    key: str | None = Field(default=None, max_length=80)


class AssignIn(Strict):
    agent: int | None
    queue: int | None = None


class SnoozeIn(Strict):
    until: datetime


class PriorityIn(Strict):
    priority: Literal["low", "normal", "high", "urgent"]


class TagsIn(Strict):
    tags: list[str] = Field(max_length=30)


class StartIn(Strict):
    """A new outgoing conversation."""

    channel: int
    customer: int
    text: str = Field(min_length=1, max_length=100_000)
    subject: str = Field(default="", max_length=300)
    to: list[str] = Field(default_factory=list, max_length=50)
    key: str | None = Field(default=None, max_length=80)


class LogIn(Strict):
    """A phone call or a branch visit that was had."""

    customer: int
    medium: Literal["call", "visit"]
    text: str = Field(min_length=1, max_length=100_000)
    subject: str = Field(default="", max_length=300)
    conversation: int | None = None


class IdentityOut(Schema):
    id: int
    kind: str
    value: str
    assurance: str


class CustomerOut(Schema):
    id: int
    name: str
    company: int | None
    language: str
    fields: dict[str, Any]
    identities: list[IdentityOut]
    created_at: datetime


class RecordIn(BaseModel):
    """A thing in the back office. Fields that are not named here are kept in `data` and shown."""

    model_config = ConfigDict(extra="allow")

    title: str = Field(default="", max_length=200)
    status: str = Field(default="", max_length=60)
    starts_on: date | None = None
    ends_on: date | None = None
    due_on: date | None = None
    amount: Decimal | None = None
    currency: str = Field(default="", max_length=3)
    link: str = Field(default="", max_length=500)
    data: dict[str, Any] = Field(default_factory=dict)
    source: str = Field(default="", max_length=60)


class RecordOut(Schema):
    id: int
    kind: str
    number: str
    customer: int | None
    company: int | None
    title: str
    status: str
    starts_on: date | None
    ends_on: date | None
    due_on: date | None
    amount: Decimal | None
    currency: str
    link: str
    data: dict[str, Any]
    updated_at: datetime


class ChannelIn(Strict):
    kind: str
    name: str = Field(min_length=1, max_length=80)
    queue: int | None = None
    webhook_url: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)


class AgentIn(Strict):
    email: str
    name: str = Field(min_length=1, max_length=120)
    role: Literal["agent", "lead", "administrator"] = "agent"
    capacity: int = Field(default=5, ge=0, le=1000)
    language: Literal["de", "en"] = "de"


class AgentOut(Schema):
    id: int
    email: str
    name: str
    role: str
    capacity: int
    load: int
    presence: str


class PresenceIn(Strict):
    """`lease`: seconds for which it holds without being renewed; a shift when left out."""

    status: Literal["online", "away", "offline"]
    lease: int = Field(default=43_200, ge=10, le=86_400)


class QueueIn(Strict):
    name: str = Field(min_length=1, max_length=80)
    team: int | None = None
    pull: bool = False


class QueueOut(Schema):
    id: int
    name: str
    team: int | None
    pull: bool


class TeamIn(Strict):
    name: str = Field(min_length=1, max_length=80)
    members: list[int] = Field(default_factory=list, max_length=1000)


class TeamOut(Schema):
    id: int
    name: str
    members: list[int]
