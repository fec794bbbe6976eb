"""What the templates show: plain values, gathered by `desk.present`, so that no template ever runs a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
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
    state: str  # where it stands, in words
    channel: str
    icon: str
    unanswered: bool  # the last word is the customer's
    urgent: bool
    tags: tuple[str, ...]
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter or a menu."""

    value: str
    label: str
    selected: bool = False
    count: str | None = None
    icon: str = ""
    url: str = ""
    note: str = ""


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
    more: str  # query string of the next page or ""
    selected: int | None
    query_string: str  # "?view=mine&…", kept in the links
    waiting: int
    empty_icon: str
    empty_title: str
    empty_text: str


@dataclass(frozen=True, slots=True)
class FileView:
    """An attachment. `preview` is a URL only for raster pictures that may be shown."""

    id: str
    name: str
    size: int
    url: str
    preview: str = ""
    icon: str = "file"


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What is known of an outgoing message: queued, sent, delivered, read, failed, unknown or retrying."""

    message_id: int
    state: str
    label: str
    icon: str
    detail: str = ""
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Caution:
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
    direction: str  # in | out | note
    author: str
    label: str  # for screen readers: who, which way, when
    automated: bool
    channel: str
    icon: str
    at: datetime
    parts: tuple[Part, ...]
    html_url: str = ""
    pictures_url: str = ""  # set when the mail has remote pictures
    subject: str = ""
    addresses: tuple[tuple[str, str], ...] = ()  # (label, addresses): To, Cc, Bcc
    answers: tuple[tuple[str, str], ...] = ()  # a form's further fields
    verdict: str = ""  # what the mail's authentication says
    files: tuple[FileView, ...] = ()
    warnings: tuple[Caution, ...] = ()
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
    to: str
    has: str
    text_max: int
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Composer:
    conversation: int
    channels: tuple[ChannelChoice, ...]
    modes: tuple[Choice, ...]
    signature: str
    file_max: int
    warning: str
    copies: str  # who was in copy so far, comma-separated
    answer_to: tuple[Choice, ...]  # where a mail may go, when the sender wants it elsewhere
    key: str  # makes a repeated submit the same message


@dataclass(frozen=True, slots=True)
class Head:
    """The conversation's header: what it is and what can be done with it now."""

    id: int
    number: str
    spoken: str
    subject: str
    status: str
    status_label: str
    queue: str
    assignee: str
    tags: tuple[str, ...]
    known_tags: tuple[str, ...]
    snoozed_until: datetime | None
    verbs: frozenset[str]  # of: take, assign, release, resolve, reopen, snooze
    agents: tuple[Choice, ...]
    queues: tuple[Choice, ...]
    snoozes: tuple[Choice, ...]
    priorities: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class IdentityView:
    id: int
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
    facts: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierView:
    id: int
    number: str
    subject: str
    status: str
    status_label: str
    icon: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerPane:
    id: int
    name: str
    company: str
    since: date | None
    identities: tuple[IdentityView, ...]
    trusted: bool  # history and records may be shown
    owner: str = ""  # who proved what this customer merely claims
    foreign: int = 0  # records of others that the messages name
    fields: tuple[tuple[str, Any], ...] = ()
    records: tuple[RecordView, ...] = ()
    earlier: tuple[EarlierView, ...] = ()
    records_more: int = 0
