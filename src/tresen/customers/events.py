"""Facts about customers: references only. Contents stand in the tables, where erasure reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tresen.kernel.journal import Payload


@dataclass(frozen=True, slots=True)
class CustomerCreated(Payload):
    """`identities`: ids of those it began with."""

    kind: ClassVar[str] = "customer.created"
    identities: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerChanged(Payload):
    """`fields`: what changed; custom fields as `fields.KEY`."""

    kind: ClassVar[str] = "customer.changed"
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdentityAdded(Payload):
    """A new identity of the customer."""

    kind: ClassVar[str] = "identity.added"
    identity_id: int
    assurance: str


@dataclass(frozen=True, slots=True)
class IdentityRaised(Payload):
    """An identity of the customer can be believed more than before."""

    kind: ClassVar[str] = "identity.raised"
    identity_id: int
    assurance: str


@dataclass(frozen=True, slots=True)
class IdentityContested(Payload):
    """The customer showed what another customer proved first. Nothing was taken; a person decides."""

    kind: ClassVar[str] = "identity.contested"
    identity_id: int
    owner_id: int


@dataclass(frozen=True, slots=True)
class IdentityMoved(Payload):
    """A person found that who claimed this is the customer `to_customer_id`."""

    kind: ClassVar[str] = "identity.moved"
    identity_id: int
    from_customer_id: int
    to_customer_id: int


@dataclass(frozen=True, slots=True)
class IdentityRemoved(Payload):
    kind: ClassVar[str] = "identity.removed"
    identity_id: int


@dataclass(frozen=True, slots=True)
class RecordUpserted(Payload):
    """`fields`: what changed; empty when the record is new."""

    kind: ClassVar[str] = "record.upserted"
    record_id: int
    created: bool
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompanyChanged(Payload):
    kind: ClassVar[str] = "company.changed"
    company_id: int
    created: bool


@dataclass(frozen=True, slots=True)
class FieldDefined(Payload):
    """A custom field is new or looks different."""

    kind: ClassVar[str] = "field.defined"
    field_id: int
