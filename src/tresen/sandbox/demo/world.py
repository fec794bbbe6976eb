"""The shape of the demo company's world: frozen data that a loader plays through the product's actions.

*Bohne & Brand*, its customers and everybody who writes here are fiction. Mail addresses and hosts end in the
reserved `.example`; telephone numbers come from the ranges that regulators keep free for films and books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class TurnKind(StrEnum):
    """Who says a turn: the customer, an agent, an agent to colleagues, or an agent logging a phone call."""

    IN = "in"
    OUT = "out"
    NOTE = "note"
    CALL = "call"


class DemoStatus(StrEnum):
    """Where a conversation stands when the demo begins."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class DemoTeam:
    """A team of the staff."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """One of the staff. `role` is agent, lead or administrator; `capacity` counts conversations at a time."""

    key: str
    name: str
    feminine: bool
    email: str
    role: str
    teams: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int


@dataclass(frozen=True, slots=True)
class DemoQueue:
    """Where conversations wait, and the team that empties it."""

    key: str
    name: str
    team: str


@dataclass(frozen=True, slots=True)
class DemoChannel:
    """A configured channel. `kind` names the adapter, `queue` takes its new conversations."""

    key: str
    kind: str
    name: str
    queue: str
    language: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """A business customer. `line` is what it does, such as café or office."""

    key: str
    name: str
    line: str
    city: str
    country: str
    domain: str


@dataclass(frozen=True, slots=True)
class DemoIdentity:
    """How a customer can be recognised. `kind` is email or phone (E.164)."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """A person. `country` is ISO 3166-1 alpha-2; `fields` holds the values of the custom fields."""

    key: str
    first_name: str
    last_name: str
    feminine: bool
    language: str
    country: str
    city: str
    identities: tuple[DemoIdentity, ...]
    company: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class DemoField:
    """A custom field of customers, with its label in both languages."""

    key: str
    label_de: str
    label_en: str


@dataclass(frozen=True, slots=True)
class DemoRecord:
    """A fact of the back office. `kind`: contract, order, invoice, shipment or machine, each with unique numbers.

    `due_on` is the day of payment, of delivery or of maintenance; `ends_on` that of a contract's end.
    """

    customer: str
    company: str
    kind: str
    number: str
    title: str
    status: str
    starts_on: date
    ends_on: date | None = None
    due_on: date | None = None
    amount: Decimal | None = None
    currency: str = ""
    link: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoFile:
    """An attachment."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class DemoTurn:
    """One step of a conversation. `staff` is empty for customers' turns, `channel` for notes and calls."""

    kind: TurnKind
    text: str
    at: datetime
    channel: str = ""
    staff: str = ""
    files: tuple[DemoFile, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoConversation:
    """One concern of one customer. `snoozed_until` only when snoozed; `resolved_at` only when resolved."""

    key: str
    customer: str
    channel: str
    queue: str
    subject: str
    language: str
    status: DemoStatus
    turns: tuple[DemoTurn, ...]
    assignee: str = ""
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Everything, each list in the order in which it should be created; conversations by their first turn."""

    teams: tuple[DemoTeam, ...]
    staff: tuple[DemoStaff, ...]
    queues: tuple[DemoQueue, ...]
    channels: tuple[DemoChannel, ...]
    fields: tuple[DemoField, ...]
    companies: tuple[DemoCompany, ...]
    customers: tuple[DemoCustomer, ...]
    records: tuple[DemoRecord, ...]
    conversations: tuple[DemoConversation, ...]
