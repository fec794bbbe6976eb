"""Records from a CSV file."""

from datetime import date
from decimal import Decimal

import pytest

from tresen.customers import queries
from tresen.customers.actions import Report, import_records, upsert_record
from tresen.customers.engine.table import Fault
from tresen.customers.models import Company, Customer, Identity, Record
from tresen.customers.tests.facts import facts, refused
from tresen.kernel.errors import Invalid

pytestmark = pytest.mark.django_db
USER = "user:1"

GERMAN = (
    "Art;Vertragsnummer;Name;E-Mail;Firma;Bezeichnung;Status;Beginn;Ende;Fällig am;Betrag;Link;Filiale\r\n"
    "Vertrag;BB-2024-00123;Anna Berg;anna@example.org;;Vollwartung;aktiv;01.01.2024;31.12.2026;;39,90 €;"
    "https://crm.example.org/1;Köln\r\n"
    "Rechnung;RE-1001;;anna@example.org;Café Süd;Bohnen;offen;;;15.04.2026;1.234,56 €;;\r\n"
)
ENGLISH = (
    "type,number,customer,customer email,title,status,start date,amount,currency\n"
    'contract,BB-7,Ben,ben@example.org,"Beans, monthly",active,2026-01-31,"1,234.56",GBP\n'
)


def run(content: str | bytes, kind: str = "") -> Report:
    return import_records(content, actor=USER, kind=kind)


def test_german_from_a_spreadsheet() -> None:
    report = run(GERMAN.encode("cp1252"))
    assert report == Report(lines=2, created=2)
    anna = queries.by_identity("email", "anna@example.org")
    contract, invoice = Record.objects.order_by("id")
    assert (contract.kind, contract.folded, contract.customer) == ("contract", "BB202400123", anna)
    assert (contract.starts_on, contract.ends_on, contract.due_on) == (date(2024, 1, 1), date(2026, 12, 31), None)
    assert (contract.amount, contract.currency, contract.data) == (Decimal("39.90"), "EUR", {"Filiale": "Köln"})
    assert (invoice.kind, invoice.amount, invoice.due_on) == ("invoice", Decimal("1234.56"), date(2026, 4, 15))
    assert (invoice.company and invoice.company.name, invoice.customer) == ("Café Süd", anna)
    assert anna is not None
    assert anna.name == "Anna Berg"


def test_english() -> None:
    assert run(ENGLISH) == Report(lines=1, created=1)
    record = Record.objects.get()
    assert (record.title, record.amount, record.currency) == ("Beans, monthly", Decimal("1234.56"), "GBP")


@pytest.mark.parametrize("content", [GERMAN, ENGLISH])
def test_the_same_file_twice_changes_nothing(content: str) -> None:
    lines = run(content).lines
    before = len(facts())
    rows = list(Record.objects.order_by("id").values())
    assert run(content) == Report(lines=lines, unchanged=lines)
    assert list(Record.objects.order_by("id").values()) == rows
    assert len(facts()) == before


def test_what_changed() -> None:
    run(GERMAN)
    report = run(GERMAN.replace("offen", "bezahlt"))
    assert report == Report(lines=2, changed=1, unchanged=1)
    assert Record.objects.get(number="RE-1001").status == "bezahlt"


def test_missing_columns_stay_and_empty_cells_clear() -> None:
    run(GERMAN)
    report = run("Nummer;Art;Betrag;Farbe\nBB-2024-00123;Vertrag;;rot\n")
    assert report == Report(lines=1, changed=1)
    record = Record.objects.get(number="BB-2024-00123")
    assert (record.amount, record.title, record.currency) == (None, "Vollwartung", "EUR")
    assert record.data == {"Filiale": "Köln", "Farbe": "rot"}


def test_a_bad_line_is_left_out_as_a_whole() -> None:
    content = (
        "Art;Nummer;E-Mail;Firma;Betrag;Link;Ende;Währung\n"
        "Vertrag;A-1;neu1@example.org;Neu GmbH;12,345;;;\n"
        "Vertrag;A-2;neu2@example.org;Neu GmbH;0,123;;;\n"
        "Vertrag;A-3;neu3@example.org;;;javascript:alert(1);;\n"
        "Vertrag;A-4;kein Kunde;;;;;\n"
        "Vertrag;;neu5@example.org;;;;;\n"
        ";A-6;;;;;;\n"
        "Vertrag;A-7;;;;;31.02.2026;\n"
        "Vertrag;A-8;;;5 €;;;USD\n"
        "Vertrag;A-9;;;5;;;EUR;zu viel\n"
        "Vertrag;A-10;neu10@example.org;;5;;;eur\n"
    )
    report = run(content)
    assert (report.lines, report.created, report.failed) == (10, 2, 8)
    assert [(fault.line, fault.field) for fault in report.errors] == [
        (3, "amount"),
        (4, "link"),
        (5, "identity"),
        (6, "number"),
        (7, "kind"),
        (8, "ends_on"),
        (9, "currency"),
        (10, ""),
    ]
    assert all(fault.message for fault in report.errors)
    assert set(Record.objects.values_list("number", flat=True)) == {"A-1", "A-10"}
    assert set(Identity.objects.values_list("value", flat=True)) == {"neu1@example.org", "neu10@example.org"}
    assert Customer.objects.count() == 2
    assert Company.objects.count() == 1
    assert len(facts("record.upserted")) == 2


def test_formulas_stay_text() -> None:
    cells = ["=1+1", "+49", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"]
    content = "Nummer;Titel;Notiz\n" + "".join(f"F-{n};{cell};{cell}\n" for n, cell in enumerate(cells))
    assert run(content, kind="order") == Report(lines=5, created=5)
    for record, cell in zip(Record.objects.order_by("id"), cells, strict=True):
        assert (record.title, record.data) == (cell, {"Notiz": cell})


def test_a_person_by_phone_and_a_company_by_number() -> None:
    run("Nummer;Telefon;Firmennummer;Firma\nA-1;0170 1234567;D-1;Bergbau\nA-2;+49 170 1234567;D-1;\n", kind="order")
    assert Customer.objects.count() == Company.objects.count() == 1
    assert [record.company_id for record in Record.objects.all()] == [Company.objects.get().pk] * 2
    report = run("Nummer;Firmennummer\nA-3;D-9\n", kind="order")
    assert [(fault.line, fault.field) for fault in report.errors] == [(2, "company")]


def test_a_kind_for_the_whole_file() -> None:
    assert run("number\nA-1\n", kind="Vertrag") == Report(lines=1, created=1)
    assert Record.objects.get().kind == "contract"


def test_more_lines_than_one_transaction_takes() -> None:
    content = "number\n" + "".join(f"N-{n}\n" for n in range(250))
    assert run(content, kind="order") == Report(lines=250, created=250)
    assert run(content + "N-5\n", kind="order") == Report(lines=251, unchanged=251)


def test_listed_errors_are_bounded() -> None:
    report = run("number\n" + "---\n" * 600, kind="order")
    assert (report.failed, len(report.errors)) == (600, 500)
    assert report.errors[0] == Fault(2, "number", "must have letters or digits")


def test_no_table() -> None:
    with refused(Invalid, "file"):
        run("")
    assert facts() == []


def test_an_import_and_the_interface_meet() -> None:
    upsert_record("contract", "BB-2024-00123", actor=USER, title="Vollwartung", source="crm")
    assert run(GERMAN) == Report(lines=2, created=1, changed=1)
    assert Record.objects.get(number="BB-2024-00123").source == "crm"
