"""Records from the back office."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tresen.customers.actions import IdentityClaim, create_customer, recognise, upsert_company, upsert_record
from tresen.customers.models import Customer, Record
from tresen.customers.tests.facts import facts, refused
from tresen.kernel import clock
from tresen.kernel.errors import Invalid

pytestmark = pytest.mark.django_db
CRM = "token:1"
FULL: dict[str, Any] = {
    "title": "Full service",
    "status": "active",
    "starts_on": "2026-01-01",
    "ends_on": date(2026, 12, 31),
    "due_on": None,
    "amount": "39.90",
    "currency": "eur",
    "link": "https://crm.example.org/c/1",
    "data": {"machine": "KX9"},
    "source": "crm",
}


def put(number: str = "BB-2024-00123", **given: Any) -> tuple[Record, bool]:
    return upsert_record("contract", number, actor=CRM, **given)


def test_a_new_record() -> None:
    anna = create_customer(name="Anna", actor=CRM)
    record, created = put(customer=anna.pk, **FULL)
    assert created
    record.refresh_from_db()
    assert (record.kind, record.number, record.folded) == ("contract", "BB-2024-00123", "BB202400123")
    assert (record.customer_id, record.company_id, record.title) == (anna.pk, None, "Full service")
    assert (record.starts_on, record.ends_on, record.due_on) == (date(2026, 1, 1), date(2026, 12, 31), None)
    assert (record.amount, record.currency, record.data) == (Decimal("39.90"), "EUR", {"machine": "KX9"})
    fact = {"record_id": record.pk, "created": True, "fields": []}
    assert facts("record.upserted") == [("record.upserted", anna.pk, fact)]


def test_the_same_again_changes_nothing(frozen_clock: datetime) -> None:
    anna = create_customer(name="Anna", actor=CRM)
    first, _created = put(customer=anna.pk, **FULL)
    before = len(facts())
    clock.advance(timedelta(hours=1))
    again, created = put(customer=anna.pk, **FULL)
    assert (again.pk, created, again.updated_at) == (first.pk, False, frozen_clock)
    assert len(facts()) == before


def test_what_is_left_out_stays(frozen_clock: datetime) -> None:
    anna = create_customer(name="Anna", actor=CRM)
    put(customer=anna.pk, **FULL)
    clock.advance(timedelta(hours=1))
    record, created = put(status="cancelled", due_on="2026-06-30")
    record.refresh_from_db()
    assert (created, record.status, record.title, record.customer_id) == (False, "cancelled", "Full service", anna.pk)
    assert record.updated_at == frozen_clock + timedelta(hours=1)
    fact = {"record_id": record.pk, "created": False, "fields": ["status", "due_on"]}
    assert facts()[-1] == ("record.upserted", anna.pk, fact)


def test_whose_record_it_is() -> None:
    anna = recognise([IdentityClaim("email", "anna@example.org", "proved")], name="", language="", actor="channel:1")
    company, _new = upsert_company(name="Bergbau", actor=CRM)
    record, _created = put(identity=("email", "Anna@Example.org"), company=company.pk)
    assert (record.customer_id, record.company_id) == (anna.pk, company.pk)
    alone, _created = put("BB-2")
    assert (alone.customer_id, alone.company_id) == (None, None)
    ben = create_customer(name="Ben", actor=CRM)
    moved, _created = put(customer=ben.pk)
    assert (moved.pk, moved.customer_id, moved.company_id) == (record.pk, ben.pk, company.pk)


def test_a_customer_whom_only_the_back_office_knows() -> None:
    record, _created = put(identity=("email", "anna@example.org"), name="Anna Berg")
    customer = Customer.objects.get()
    assert (record.customer_id, customer.name) == (customer.pk, "Anna Berg")

    def mail(assurance: str) -> Customer:
        claim = IdentityClaim("email", "anna@example.org", assurance)
        return recognise([claim], name="", language="", actor="channel:1")

    assert mail("proved") == customer
    assert mail("claimed") != customer


def test_one_number_of_two_kinds() -> None:
    contract, _created = put("4711-0815")
    invoice, created = upsert_record("Invoice", "4711-0815", actor=CRM)
    assert created
    assert (invoice.kind, invoice.pk != contract.pk) == ("invoice", True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": "---"}, "number"),
        ({"number": " "}, "number"),
        ({"number": "9" * 81}, "number"),
        ({"title": "x" * 201}, "title"),
        ({"status": None}, "status"),
        ({"starts_on": "1.1.2026"}, "starts_on"),
        ({"starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "ends_on"),
        ({"due_on": "soon"}, "due_on"),
        ({"amount": "1.234,56"}, "amount"),
        ({"currency": "Euro"}, "currency"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"data": "x"}, "data"),
        ({"source": 5}, "source"),
        ({"colour": "red"}, "colour"),
        ({"customer": 10**9}, "customer"),
        ({"customer": 1, "identity": ("email", "a@example.org")}, "customer"),
        ({"company": 10**9}, "company"),
        ({"identity": ("email", "nonsense")}, "identity"),
        ({"identity": ("e!", "x")}, "identity"),
    ],
)
def test_bad_fields_are_named_and_nothing_is_written(given: dict[str, Any], field: str) -> None:
    with refused(Invalid, field):
        put(**given)
    assert not Record.objects.exists()
    assert not Customer.objects.exists()
    assert facts() == []


def test_a_bad_kind() -> None:
    with refused(Invalid, "kind"):
        upsert_record("Verträge", "1", actor=CRM)


def test_the_end_is_checked_against_the_stored_start() -> None:
    put(**FULL)
    with refused(Invalid, "ends_on"):
        put(ends_on="2025-12-31")
    assert Record.objects.get().ends_on == date(2026, 12, 31)


def test_queries(django_assert_num_queries: Any) -> None:
    anna = create_customer(name="Anna", actor=CRM)
    put(customer=anna.pk, **FULL)
    with django_assert_num_queries(2):
        put(customer=anna.pk, **FULL)
