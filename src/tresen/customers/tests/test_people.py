"""Customers, companies and custom fields as people change them."""

from typing import Any

import pytest

from tresen.customers.actions import change_customer, create_customer, define_field, upsert_company
from tresen.customers.models import Company, Customer, FieldDefinition
from tresen.customers.tests.facts import facts, refused
from tresen.kernel.errors import Invalid, NotFound

pytestmark = pytest.mark.django_db
AGENT = "user:1"


@pytest.fixture
def anna() -> Customer:
    return create_customer(name="Anna Berg", language="de", actor=AGENT)


def define(key: str, type: str = "text", of: str = "customer", **look: Any) -> FieldDefinition:
    look = {"label_de": "Feld", "label_en": "Field", **look}
    return define_field(of=of, key=key, type=type, actor=AGENT, **look)


def test_creating(anna: Customer) -> None:
    assert Customer.objects.get() == anna
    assert facts() == [("customer.created", anna.pk, {"identities": []})]


def test_changing(anna: Customer) -> None:
    company, _new = upsert_company(name="Bergbau", actor=AGENT)
    change_customer(anna.pk, actor=AGENT, name="  Anna  Tal ", language="en-GB", about="a\nb", company_id=company.pk)
    anna.refresh_from_db()
    assert (anna.name, anna.language, anna.about, anna.company_id) == ("Anna Tal", "en", "a\nb", company.pk)
    assert facts()[-1] == ("customer.changed", anna.pk, {"fields": ["name", "language", "about", "company_id"]})
    change_customer(anna.pk, actor=AGENT, company_id=None, language="")
    anna.refresh_from_db()
    assert (anna.company_id, anna.language) == (None, "")


def test_changing_nothing_is_no_event(anna: Customer) -> None:
    before = len(facts())
    change_customer(anna.pk, actor=AGENT, name="Anna Berg", language="de", fields={})
    assert len(facts()) == before


def test_custom_fields(anna: Customer) -> None:
    define("segment")
    define("visits", "number")
    define("vip", "bool")
    change_customer(anna.pk, actor=AGENT, fields={"segment": "Café", "visits": 3, "vip": False})
    changed = change_customer(anna.pk, actor=AGENT, fields={"segment": None, "visits": "3.00", "vip": True})
    assert changed.fields == {"visits": "3.00", "vip": True}
    assert facts()[-1] == ("customer.changed", anna.pk, {"fields": ["fields.segment", "fields.vip"]})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"language": "Deutsch"}, "language"),
        ({"about": "x" * 10_001}, "about"),
        ({"company_id": 10**9}, "company"),
        ({"company_id": "1"}, "company"),
        ({"fields": []}, "fields"),
        ({"fields": {"unknown": 1}}, "fields.unknown"),
        ({"fields": {"visits": "x"}}, "fields.visits"),
        ({"id": 5}, "id"),
        ({"created_at": None}, "created_at"),
    ],
)
def test_bad_changes_name_the_field(anna: Customer, changes: dict[str, Any], field: str) -> None:
    define("visits", "number")
    before = len(facts())
    with refused(Invalid, field):
        change_customer(anna.pk, actor=AGENT, **{"name": "New", **changes})
    anna.refresh_from_db()
    assert anna.name == "Anna Berg"
    assert len(facts()) == before


def test_nobody_to_change() -> None:
    with refused(NotFound):
        change_customer(10**9, actor=AGENT, name="x")
    with refused(Invalid, "name"):
        create_customer(name=" ", actor=AGENT)
    with refused(Invalid, "company"):
        create_customer(name="Anna", company_id=10**9, actor=AGENT)
    assert not Customer.objects.exists()


def test_companies_are_found_by_number_then_name() -> None:
    first, created = upsert_company(number="D-1", name="Bergbau", domain="@Müller.de", actor=AGENT)
    assert (created, first.domain) == (True, "xn--mller-kva.de")
    renamed, created = upsert_company(number="D-1", name="Talbau", actor=AGENT)
    assert (renamed.pk, renamed.name, renamed.domain, created) == (first.pk, "Talbau", "xn--mller-kva.de", False)
    same, created = upsert_company(name="Talbau", actor=AGENT)
    assert (same.pk, created) == (first.pk, False)
    other, created = upsert_company(number="D-2", name="Talbau", actor=AGENT)
    assert (other.pk != first.pk, created) == (True, True)
    assert [data for _kind, _customer, data in facts("company.changed")] == [
        {"company_id": first.pk, "created": True},
        {"company_id": first.pk, "created": False},
        {"company_id": other.pk, "created": True},
    ]


def test_company_fields() -> None:
    define("sites", "number", of="company")
    company, _new = upsert_company(name="Bergbau", fields={"sites": 2}, actor=AGENT)
    changed, _new = upsert_company(company_id=company.pk, domain="", fields={"sites": None}, actor=AGENT)
    assert changed.fields == {}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"number": "D-9"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "domain": "a b"}, "domain"),
        ({"name": "x", "fields": {"unknown": 1}}, "fields.unknown"),
    ],
)
def test_bad_companies(given: dict[str, Any], field: str) -> None:
    with refused(Invalid, field):
        upsert_company(actor=AGENT, **given)
    assert not Company.objects.exists()


def test_a_number_has_one_company() -> None:
    upsert_company(number="D-1", name="Bergbau", actor=AGENT)
    other, _new = upsert_company(name="Talbau", actor=AGENT)
    with refused(Invalid, "number"):
        upsert_company(company_id=other.pk, number="D-1", actor=AGENT)
    with refused(NotFound):
        upsert_company(company_id=10**9, name="x", actor=AGENT)


def test_defining_a_field_again_changes_its_look() -> None:
    first = define("visits", "number")
    again = define("Visits", "number", label_de="Besuche", position=3)
    assert (again.pk, again.label_de, again.position) == (first.pk, "Besuche", 3)
    with refused(Invalid, "type"):
        define("visits", "date", label_de="Anders")
    first.refresh_from_db()
    assert (first.type, first.label_de) == ("number", "Besuche")
    assert facts("field.defined") == [("field.defined", None, {"field_id": first.pk})] * 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"of": "message"}, "of"),
        ({"type": "colour"}, "type"),
        ({"key": "ä"}, "key"),
        ({"label_de": ""}, "label_de"),
        ({"position": -1}, "position"),
    ],
)
def test_bad_definitions(given: dict[str, Any], field: str) -> None:
    with refused(Invalid, field):
        define(**{"key": "x", **given})
