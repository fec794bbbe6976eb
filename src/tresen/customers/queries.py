"""What other rooms and screens read of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from tresen.customers.engine import checks, normalise, numbers
from tresen.customers.models import Company, Customer, FieldDefinition, Identity, Record
from tresen.kernel import db
from tresen.kernel.errors import Invalid, NotFound

RECORDS_MAX = 200  # shown in a panel
OWN_MAX = 20  # shown for one message
SEARCH_MIN = 2


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A custom field with its value; None when it is not set."""

    definition: FieldDefinition
    value: Any


@dataclass(frozen=True, slots=True)
class RecordGroup:
    """Records of one kind, the most recently changed first."""

    kind: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """The customer beside the conversation.

    Without a proved identity (`proved`) anybody may be writing: then there are no records, and no company's.
    `possible_owner` proved what this customer merely claims.
    """

    customer: Customer
    proved: bool
    identities: tuple[Identity, ...]
    company: Company | None
    fields: tuple[FieldValue, ...]
    company_fields: tuple[FieldValue, ...]
    records: tuple[RecordGroup, ...]
    company_records: tuple[RecordGroup, ...]
    possible_owner: Customer | None


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Records whose number stands in a text: those of the customer, and how many of strangers."""

    own: tuple[Record, ...] = ()
    foreign: int = 0


def panel(customer_id: int) -> Panel:
    """All that the desk shows about a customer, in at most five queries. Raises NotFound."""
    customer = Customer.objects.select_related("company").filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("no such customer")
    identities = tuple(customer.identities.order_by("id"))
    proved = any(identity.proved for identity in identities)
    definitions = list(FieldDefinition.objects.all())
    company = customer.company
    records = list(_records_of(customer)[:RECORDS_MAX]) if proved else []
    return Panel(
        customer=customer,
        proved=proved,
        identities=identities,
        company=company,
        fields=_values(definitions, FieldDefinition.Of.CUSTOMER, customer.fields),
        company_fields=_values(definitions, FieldDefinition.Of.COMPANY, company.fields) if company else (),
        records=_grouped([r for r in records if r.customer_id == customer.pk]),
        company_records=_grouped([r for r in records if r.customer_id != customer.pk]),
        possible_owner=None if all(identity.proved for identity in identities) else possible_owner(customer),
    )


def _records_of(customer: Customer) -> QuerySet[Record]:
    return Record.objects.filter(_mine(customer)).order_by("-updated_at", "-id")


def _mine(customer: Customer) -> Q:
    """The customer's own records and those of their company."""
    mine = Q(customer=customer.pk)
    return mine if customer.company_id is None else mine | Q(company=customer.company_id)


def _values(definitions: Sequence[FieldDefinition], of: str, values: Mapping[str, Any]) -> tuple[FieldValue, ...]:
    return tuple(FieldValue(d, values.get(d.key)) for d in definitions if d.of == of)


def _grouped(records: Sequence[Record]) -> tuple[RecordGroup, ...]:
    by_kind = sorted(records, key=lambda record: record.kind)
    return tuple(RecordGroup(kind, tuple(group)) for kind, group in groupby(by_kind, key=lambda record: record.kind))


def records_mentioned(text: str, customer: Customer) -> Mentioned:
    """Records whose number stands in the text. Nothing for a customer without a proved identity.

    Numbers of strangers are only counted: a message that names one opens nothing.
    """
    candidates = numbers.candidates(text)
    if not candidates or not has_proved_identity(customer):
        return Mentioned()
    own = _records_of(customer).filter(folded__in=candidates)[:OWN_MAX]
    foreign = Record.objects.filter(folded__in=candidates).exclude(_mine(customer)).count()
    return Mentioned(tuple(own), foreign)


def by_identity(kind: str, value: str) -> Customer | None:
    """The customer who proved this identity. None for nonsense, too."""
    try:
        normal = normalise.normalise(kind, value)
    except Invalid:
        return None
    held = Identity.objects.filter(kind=kind, value=normal.value, proved=True).select_related("customer")
    identity = held.first()
    return identity.customer if identity else None


def has_proved_identity(customer: Customer) -> bool:
    """Whether history, look-ups and the bot may be used for this customer's messages."""
    return Identity.objects.filter(customer=customer.pk, proved=True).exists()


def possible_owner(customer: Customer) -> Customer | None:
    """The customer who proved what this one only claims; the sender's own claim counts first."""
    proved = Identity.objects.filter(proved=True, kind=OuterRef("kind"), value=OuterRef("value"))
    claimed = Identity.objects.filter(customer=customer.pk, proved=False)
    owners = claimed.annotate(owner=Subquery(proved.values("customer_id")[:1])).filter(owner__isnull=False)
    first = owners.order_by("-anchor", "id").values("owner")[:1]
    return Customer.objects.filter(pk__in=first).first()


def search(text: str, limit: int = 20) -> list[Customer]:
    """Customers by the beginning of an identity, a record's number, a part of their or their company's name.

    In this order, each once, companies loaded; nothing for fewer than two characters.
    """
    text = checks.readable(text)[:100].strip()
    if len(text) < SEARCH_MIN:
        return []
    found: dict[int, None] = {}
    for ids in _searches(text):
        found.update(dict.fromkeys(ids[: limit - len(found)]))
        if len(found) >= limit:
            break
    customers = Customer.objects.select_related("company").in_bulk(list(found))
    return [customers[pk] for pk in found if pk in customers]


def _searches(text: str) -> Iterator[QuerySet[Any, int]]:
    """Customer ids, the surest first; each query runs only when those before found too few."""
    for value in dict.fromkeys((text.lower(), *_phone(text))):
        held = Identity.objects.filter(_begins(value))
        yield held.order_by("value", "id").values_list("customer_id", flat=True)
    records = Record.objects.filter(folded=numbers.fold(text)).exclude(customer=None).exclude(folded="")
    yield records.order_by("id").values_list("customer_id", flat=True)
    people = Customer.objects.order_by("name", "id").values_list("pk", flat=True)
    yield people.filter(name__icontains=text)
    yield people.filter(company__in=Company.objects.filter(Q(name__icontains=text) | Q(number=text)).values("pk"))


def _begins(value: str) -> Q:
    """Values with this beginning, so that each database uses its index."""
    if db.is_postgresql():
        return Q(value__startswith=value)
    return Q(value__gte=value, value__lt=f"{value}\U0010ffff")


def _phone(text: str) -> tuple[str, ...]:
    try:
        return (normalise.normalise("phone", text).value,)
    except Invalid:
        return ()
