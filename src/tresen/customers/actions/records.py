"""Records of the back office: contracts, orders, invoices, shipments, machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict, Unpack

from django.db import IntegrityError

from tresen.customers import events
from tresen.customers.actions.recognition import recognise
from tresen.customers.engine import checks, normalise, numbers
from tresen.customers.engine.claims import IdentityClaim
from tresen.customers.models import Assurance, Company, Customer, Identity, Record
from tresen.kernel import clock, db, journal
from tresen.kernel.errors import Invalid


class RecordFields(TypedDict, total=False):
    """What may be set; what is left out stays as it is. Dates and amounts may come as ISO text."""

    title: str
    status: str
    starts_on: date | str | None
    ends_on: date | str | None
    due_on: date | str | None
    amount: Decimal | float | str | None
    currency: str
    link: str
    data: Mapping[str, Any]
    source: str


class Owner(NamedTuple):
    """Whose record it is; all empty leaves the owner as it is.

    `identity`: (kind, value) as the back office knows the person. It counts as proved, and an unknown one
    makes a new customer called `name`.
    """

    customer_id: int | None = None
    identity: tuple[str, str] | None = None
    company_id: int | None = None
    name: str = ""


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: checks.line(value, "title", 200),
    "status": lambda value: checks.line(value, "status", 60),
    "starts_on": lambda value: checks.day(value, "starts_on"),
    "ends_on": lambda value: checks.day(value, "ends_on"),
    "due_on": lambda value: checks.day(value, "due_on"),
    "amount": lambda value: checks.amount(value, "amount"),
    "currency": lambda value: checks.currency(value, "currency"),
    "link": lambda value: checks.link(value, "link"),
    "data": lambda value: checks.data(value, "data"),
    "source": lambda value: checks.line(value, "source", 60),
}


def upsert_record(
    kind: str,
    number: str,
    *,
    actor: str,
    customer: int | None = None,
    identity: tuple[str, str] | None = None,
    company: int | None = None,
    name: str = "",
    **fields: Unpack[RecordFields],
) -> tuple[Record, bool]:
    """(the record, whether it is new). `customer` and `company` are ids; `identity` and `name` as in `Owner`.

    Nothing is written and no event appended when nothing changes. Raises Invalid naming the field.
    """
    record, outcome = store(kind, number, Owner(customer, identity, company, name), dict(fields), actor)
    return record, outcome == "created"


def store(kind: str, number: str, owner: Owner, fields: Mapping[str, Any], actor: str) -> tuple[Record, str]:
    """Like `upsert_record`; the second value is `created`, `changed` or `unchanged`."""
    kind, number = checks.slug(kind, "kind"), checks.line(number, "number", 80, required=True)
    folded = numbers.fold(number)
    if not folded:
        raise Invalid("must have letters or digits", field="number")
    clean = _clean(fields)
    rows = Record.objects.filter(kind=kind, number=number)
    with db.atomic():
        wanted = {**clean, **_owner(owner, actor)}
        record = db.locked(rows).first()
        if record is None:
            record = Record(kind=kind, number=number, folded=folded, **wanted)
            if _add(record, actor):
                return record, "created"
            record = db.locked(rows).get()
        return record, "changed" if _change(record, wanted, actor) else "unchanged"


def _add(record: Record, actor: str) -> bool:
    """False when another transaction (on PostgreSQL) wrote the same new number first."""
    _check_dates(record)
    try:
        with db.atomic(savepoint=True):
            record.save(force_insert=True)
    except IntegrityError:
        return False
    journal.append(events.RecordUpserted(record.pk, created=True), actor=actor, customer_id=record.customer_id)
    return True


def _change(record: Record, wanted: Mapping[str, Any], actor: str) -> bool:
    """Writes what differs; False when nothing does."""
    changed = tuple(key for key, value in wanted.items() if getattr(record, key) != value)
    if not changed:
        return False
    for key in changed:
        setattr(record, key, wanted[key])
    _check_dates(record)
    record.updated_at = clock.now()
    record.save(update_fields=[*changed, "updated_at"])
    event = events.RecordUpserted(record.pk, created=False, fields=changed)
    journal.append(event, actor=actor, customer_id=record.customer_id)
    return True


def _clean(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - set(_CHECKS)
    if unknown:
        raise Invalid("is not a field of a record", field=min(unknown))
    return {key: _CHECKS[key](value) for key, value in fields.items()}


def _check_dates(record: Record) -> None:
    if record.starts_on and record.ends_on and record.ends_on < record.starts_on:
        raise Invalid("must not be before the start", field="ends_on")


def _owner(owner: Owner, actor: str) -> dict[str, int]:
    """The owner's columns, as far as one was named."""
    found: dict[str, int] = {}
    if owner.customer_id is not None and owner.identity is not None:
        raise Invalid("name the customer or an identity, not both", field="customer")
    if owner.identity is not None:
        found["customer_id"] = _person(owner.identity, owner.name, actor)
    if owner.customer_id is not None:
        if not Customer.objects.filter(pk=owner.customer_id).exists():
            raise Invalid("no such customer", field="customer")
        found["customer_id"] = owner.customer_id
    if owner.company_id is not None:
        if not Company.objects.filter(pk=owner.company_id).exists():
            raise Invalid("no such company", field="company")
        found["company_id"] = owner.company_id
    return found


def _person(identity: tuple[str, str], name: str, actor: str) -> int:
    """The customer whom the back office means, made if need be."""
    kind, value = identity
    try:
        normal = normalise.normalise(kind, value)
    except Invalid as error:
        raise Invalid(error.message, field="identity") from error
    known = Identity.objects.filter(kind=kind, value=normal.value, proved=True)
    customer_id = known.values_list("customer_id", flat=True).first()
    if customer_id is not None:
        return customer_id
    claim = IdentityClaim(kind, value, Assurance.PROVED)
    return recognise([claim], name=name, language="", actor=actor).pk
