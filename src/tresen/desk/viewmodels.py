"""What the templates show: plain values, gathered by `desk.present`, so that no template ever runs a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the conversation list."""

    id: int
    number: str
    customer: str
    subject: str
    snippet: str
    status: str
    channel: str
    icon: str
    queue: str
    assignee: str
    mine: bool
    unanswered: bool  # the last word is the customer's
    priority: int
    tags: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter or a menu."""

    value: str
    label: str
    selected: bool = False
    count: int | None = None
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """The list's state: which tab, which filters, what was searched."""

    view: str
    tabs: tuple[Choice, ...]
    statuses: tuple[Choice, ...]
    queues: tuple[Choice, ...]
    channels: tuple[Choice, ...]
    tags: tuple[Choice, ...]
    query: str
    active: int  # how many filters are set


@dataclass(frozen=True, slots=True)
class ListPane:
    filters: Filters
    rows: tuple[Row, ...]
    next: str  # cursor of the next page or ""
    selected: int | None
    query_string: str  # "?view=mine&…", kept in the links


@dataclass(frozen=True, slots=True)
class FileView:
    """An attachment. `preview` is a URL only for raster pictures that may be shown."""

    id: int
    name: str
    content_type: str
    size: int
    url: str
    preview: str = ""
    icon: str = "file"


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What is known of an outgoing message: queued, sent, delivered, read, failed, unknown or retrying."""

    id: int | None
    state: str
    label: str
    icon: str
    detail: str = ""
    at: datetime | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the agent should know before believing or answering a message."""

    text: str
    detail: str = ""
    icon: str = "alert-triangle"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text: the message's own words, or what it quotes (folded)."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class MessageView:
    id: int
    seq: int
    direction: str  # in | out | note | event
    author: str
    automated: bool
    channel: str
    icon: str
    at: datetime
    parts: tuple[Part, ...]
    html_url: str = ""
    pictures_url: str = ""  # set when the mail has remote pictures
    subject: str = ""
    addresses: tuple[tuple[str, str], ...] = ()  # (label, addresses): To, Cc, Bcc
    files: tuple[FileView, ...] = ()
    warnings: tuple[Warning, ...] = ()
    delivery: DeliveryView | None = None
    unsupported: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    messages: tuple[MessageView, ...]
    earlier: int  # messages before the first one shown
    first_seq: int


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """A way to answer. `has` lists what the composer may offer: subject, copies, files, forward."""

    id: int
    name: str
    kind: str
    icon: str
    to: str
    has: str
    text_max: int
    selected: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Composer:
    conversation: int
    channels: tuple[ChannelChoice, ...]
    mode: str = "reply"
    text: str = ""
    cc: str = ""
    bcc: str = ""
    to: str = ""
    signature: str = ""
    file_max: int = 0
    errors: tuple[str, ...] = ()
    key: str = ""  # makes a repeated submit the same message


@dataclass(frozen=True, slots=True)
class Head:
    """The conversation's header: what it is and what can be done with it now."""

    id: int
    number: str
    spoken: str
    subject: str
    status: str
    status_label: str
    channel: str
    icon: str
    queue: str
    assignee: str
    mine: bool
    priority: int
    tags: tuple[str, ...]
    snoozed_until: datetime | None
    created_at: datetime
    verbs: frozenset[str]  # of: take, assign, release, resolve, reopen, snooze, reply
    agents: tuple[Choice, ...] = ()
    queues: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentityView:
    kind: str
    value: str
    assurance: str
    assurance_label: str
    icon: str


@dataclass(frozen=True, slots=True)
class RecordView:
    kind: str
    number: str
    title: str
    status: str
    icon: str
    found: bool  # its number stands in the messages
    link: str = ""
    amount: Decimal | None = None
    currency: str = ""
    date: date | None = None
    due: date | None = None
    facts: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierView:
    id: int
    number: str
    subject: str
    status: str
    icon: str
    at: datetime
    visible: bool = True


@dataclass(frozen=True, slots=True)
class CustomerPane:
    id: int | None
    name: str
    company: str
    since: date | None
    language: str
    identities: tuple[IdentityView, ...]
    trusted: bool  # history and records may be shown
    fields: tuple[tuple[str, Any], ...] = ()
    records: tuple[RecordView, ...] = ()
    earlier: tuple[EarlierView, ...] = ()
    earlier_total: int = 0
    notes: tuple[str, ...] = field(default=())
