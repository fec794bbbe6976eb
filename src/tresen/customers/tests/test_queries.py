"""What is shown of customers, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tresen.customers import queries
from tresen.customers.actions import (
    IdentityClaim,
    add_identity,
    change_customer,
    create_customer,
    define_field,
    recognise,
    upsert_company,
    upsert_record,
)
from tresen.customers.models import Company, Customer, Record
from tresen.customers.queries import Mentioned
from tresen.kernel.errors import NotFound

pytestmark = pytest.mark.django_db
CRM = "token:1"
TEXT = "Es geht um BB 2024 00123, die Rechnung RE-1001 und BB-2024-00999."


def writer(assurance: str, email: str = "anna@example.org", name: str = "") -> Customer:
    return recognise([IdentityClaim("email", email, assurance)], name=name, language="", actor="channel:1")


@pytest.fixture
def company() -> Company:
    return upsert_company(number="D-1", name="Café Süd", actor=CRM)[0]


@pytest.fixture
def anna(company: Company) -> Customer:
    anna = writer("proved", name="Anna Berg")
    return change_customer(anna.pk, company_id=company.pk, actor=CRM)


@pytest.fixture
def records(anna: Customer, company: Company) -> list[Record]:
    """Anna's contract, an older one, her company's invoice, and a stranger's contract."""
    stranger = writer("proved", "ben@example.org")
    given: list[tuple[str, str, dict[str, int]]] = [
        ("contract", "BB-2023-00001", {"customer": anna.pk}),
        ("contract", "BB-2024-00123", {"customer": anna.pk}),
        ("invoice", "RE-1001", {"company": company.pk}),
        ("contract", "BB-2024-00999", {"customer": stranger.pk}),
    ]
    return [upsert_record(kind, number, actor=CRM, **owner)[0] for kind, number, owner in given]


def test_panel(anna: Customer, company: Company, records: list[Record], django_assert_num_queries: Any) -> None:
    look = {"label_de": "Segment", "label_en": "Segment", "actor": CRM}
    segment = define_field(of="customer", key="segment", **look)
    sites = define_field(of="company", key="sites", type="number", **look)
    change_customer(anna.pk, fields={"segment": "Café"}, actor=CRM)
    with django_assert_num_queries(4):
        panel = queries.panel(anna.pk)
    old, contract, invoice, _strange = records
    assert (panel.customer, panel.company, panel.proved) == (anna, company, True)
    assert [identity.value for identity in panel.identities] == ["anna@example.org"]
    assert [(f.definition, f.value) for f in panel.fields] == [(segment, "Café")]
    assert [(f.definition, f.value) for f in panel.company_fields] == [(sites, None)]
    assert [(group.kind, group.records) for group in panel.records] == [("contract", (contract, old))]
    assert [(group.kind, group.records) for group in panel.company_records] == [("invoice", (invoice,))]
    assert panel.possible_owner is None


def test_panel_of_a_mere_claim_shows_no_records(anna: Customer, records: list[Record]) -> None:
    claimed = writer("claimed")
    change_customer(claimed.pk, company_id=anna.company_id, actor=CRM)
    upsert_record("contract", "BB-5", customer=claimed.pk, actor=CRM)
    panel = queries.panel(claimed.pk)
    assert (panel.proved, panel.records, panel.company_records) == (False, (), ())
    assert panel.possible_owner == anna


def test_panel_of_nobody() -> None:
    with pytest.raises(NotFound):
        queries.panel(10**9)


def test_numbers_in_a_message(anna: Customer, records: list[Record], django_assert_num_queries: Any) -> None:
    _old, contract, invoice, _strange = records
    with django_assert_num_queries(3):
        mentioned = queries.records_mentioned(TEXT, anna)
    assert mentioned == Mentioned(own=(invoice, contract), foreign=1)


@pytest.mark.parametrize("text", ["", "Guten Tag", "Nr. 12"])
def test_no_numbers_no_query(anna: Customer, text: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert queries.records_mentioned(text, anna) == Mentioned()


def test_a_mere_claim_looks_nothing_up(anna: Customer, records: list[Record]) -> None:
    assert queries.records_mentioned(TEXT, writer("claimed")) == Mentioned()


def test_a_stranger_opens_nothing_by_naming_a_number(records: list[Record]) -> None:
    stranger = writer("proved", "carl@example.org")
    assert queries.records_mentioned(TEXT, stranger) == Mentioned(own=(), foreign=3)


def test_records_without_owner_are_foreign(anna: Customer) -> None:
    upsert_record("contract", "BB-2024-00123", actor=CRM)
    assert queries.records_mentioned(TEXT, anna) == Mentioned(own=(), foreign=1)


def test_by_identity(anna: Customer) -> None:
    claimed = writer("claimed", "carl@example.org")
    assert queries.by_identity("email", " ANNA@example.org") == anna
    assert queries.by_identity("email", "carl@example.org") is None
    assert queries.by_identity("email", "nonsense") is None
    assert queries.by_identity("phone", "anna@example.org") is None
    assert not queries.has_proved_identity(claimed)
    assert queries.has_proved_identity(anna)


def test_possible_owner(anna: Customer) -> None:
    ben = writer("proved", "ben@example.org")
    claimed = writer("claimed", "ben@example.org")
    add_identity(claimed.pk, "email", "anna@example.org", assurance="claimed", actor=CRM)
    assert queries.possible_owner(claimed) == ben
    assert queries.possible_owner(anna) is None
    assert queries.possible_owner(writer("claimed", "dora@example.org")) is None


def test_search(anna: Customer, records: list[Record], django_assert_num_queries: Any) -> None:
    add_identity(anna.pk, "phone", "0170 1234567", assurance="proved", actor=CRM)
    others = [create_customer(name=name, actor=CRM) for name in ("Hanna Berger", "Zoë", "100% Bohne")]
    for text in ("anna@ex", "ANNA@EXAMPLE.ORG", "0170 1234567", "+49170", "bb 2024 00123", "Anna Berg", "café", "D-1"):
        assert queries.search(text)[:1] == [anna], text
    assert queries.search("berg") == [anna, others[0]]
    assert queries.search("berg", limit=1) == [anna]
    assert queries.search("0%") == [others[2]]
    for text in ("", " a ", "\u200b", "nobody", "%%"):
        assert queries.search(text) == []
    with django_assert_num_queries(5):
        found = queries.search("berg")
        assert [customer.company and customer.company.name for customer in found] == ["Café Süd", None]
