"""Customers and their records."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from tresen.api.v1.auth import administrator, reader, writer
from tresen.api.v1.schemas import CustomerOut, RecordIn, RecordOut
from tresen.customers import actions, queries
from tresen.customers.models import Customer, Record
from tresen.kernel.errors import NotFound

router = Router(tags=["customers"])


@router.get("/customers/{int:customer_id}", response=CustomerOut)
def get_customer(request: HttpRequest, customer_id: int) -> dict[str, Any]:
    """One customer with identities."""
    reader(request)
    return _customer(customer_id)


def _customer(customer_id: int) -> dict[str, Any]:
    row = Customer.objects.prefetch_related("identities").filter(pk=customer_id).first()
    if row is None:
        raise NotFound("no such customer")
    return {
        "id": row.pk,
        "name": row.name,
        "company": row.company_id,
        "language": row.language,
        "fields": row.fields,
        "created_at": row.created_at,
        "identities": [
            {"id": i.pk, "kind": i.kind, "value": i.shown, "assurance": i.assurance} for i in row.identities.all()
        ],
    }


@router.get("/customers", response=list[CustomerOut])
def find_customers(request: HttpRequest, kind: str, value: str) -> list[dict[str, Any]]:
    """The customer with a proved identity, such as `kind=email&value=a@b.de`; none or one."""
    reader(request)
    found = queries.by_identity(kind, value)
    return [_customer(found.pk)] if found else []


@router.put("/customers/{int:customer_id}/records/{kind}/{path:number}", response={200: RecordOut, 201: RecordOut})
def put_record(
    request: HttpRequest, customer_id: int, kind: str, number: str, given: RecordIn
) -> Status[dict[str, Any]]:
    """Writes a contract, order, invoice, shipment or machine of a customer; the same number again changes it."""
    by = writer(request)
    if not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound("no such customer")
    fields: Any = given.model_dump(include=set(RecordIn.model_fields), exclude_unset=True)
    if given.model_extra:
        fields["data"] = {**given.model_extra, **given.data}
    record, created = actions.upsert_record(kind, number, customer=customer_id, actor=by.actor, **fields)
    return Status(201 if created else 200, _record(record))


@router.get("/customers/{int:customer_id}/records", response=list[RecordOut])
def list_records(request: HttpRequest, customer_id: int) -> list[dict[str, Any]]:
    """A customer's own records."""
    reader(request)
    return [_record(row) for row in Record.objects.filter(customer=customer_id).order_by("kind", "number")[:500]]


@router.post("/records/import")
def import_records(request: HttpRequest) -> dict[str, Any]:
    """Many records from CSV in the body (`text/csv`); answers a report by line. The same file twice changes nothing."""
    by = administrator(request)
    report = actions.import_records(request.body, actor=by.actor)
    return {
        "lines": report.lines,
        "created": report.created,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "failed": report.failed,
        "errors": [{"line": e.line, "field": e.field, "message": e.message} for e in report.errors],
    }


def _record(row: Record) -> dict[str, Any]:
    names = [
        "kind",
        "number",
        "title",
        "status",
        "starts_on",
        "ends_on",
        "due_on",
        "amount",
        "currency",
        "link",
        "data",
        "updated_at",
    ]
    shown = {name: getattr(row, name) for name in names}
    return {"id": row.pk, "customer": row.customer_id, "company": row.company_id, **shown}
