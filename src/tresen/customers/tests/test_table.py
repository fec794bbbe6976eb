"""CSV files as they come from spreadsheets."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.customers.engine.table import Fault, Row, day, kind, money, rows
from tresen.kernel.errors import Invalid

HEAD = "Art;Vertragsnummer;E-Mail;Fällig am;Betrag\r\n"
LINE = "Vertrag;BB-1;anna@example.org;31.12.2026;1.234,56\r\n"
CELLS = {
    "kind": "Vertrag",
    "number": "BB-1",
    "email": "anna@example.org",
    "due_on": "31.12.2026",
    "amount": "1.234,56",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str) -> None:
    assert list(rows((HEAD + LINE).encode(encoding))) == [Row(2, CELLS, {})]


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, ending: str) -> None:
    text = (HEAD + LINE).replace(";", delimiter).replace("\r\n", ending)
    assert list(rows(text)) == [Row(2, CELLS, {})]


def test_english_with_commas() -> None:
    text = 'type,number,customer email,due date,amount\ncontract,BB-1,anna@example.org,2026-12-31,"1,234.56"\n'
    assert list(rows(text)) == [Row(2, {**CELLS, "kind": "contract", "due_on": "2026-12-31", "amount": "1,234.56"}, {})]


def test_line_numbers_extra_columns_and_blank_lines() -> None:
    text = 'sep=;\nNummer;Farbe;;Titel\nA-1;rot;x;"zwei\nZeilen"\n;;;\nA-2;;;\n'
    assert list(rows(text)) == [
        Row(3, {"number": "A-1", "title": "zwei\nZeilen"}, {"Farbe": "rot"}),
        Row(6, {"number": "A-2", "title": ""}, {"Farbe": ""}),
    ]


def test_faults_name_their_line_and_the_rest_is_read() -> None:
    text = 'Nummer;Titel\nA-1;x;zu viel\n"A"-2;x\nA-3;' + "x" * 5001 + '\nA-4;gut\nA-5;"offen\n'
    assert list(rows(text)) == [
        Fault(2, "", "has more cells than the head"),
        Fault(3, "", "has a quotation mark that does not fit"),
        Fault(4, "", "has a cell of more than 5000 characters"),
        Row(5, {"number": "A-4", "title": "gut"}, {}),
        Fault(6, "", "has a quotation mark that does not fit"),
    ]


def test_a_line_may_be_short() -> None:
    assert list(rows("Nummer;Titel;Status\nA-1\n")) == [Row(2, {"number": "A-1"}, {})]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        "Titel;Status\nx;y\n",
        b"number\n\x81\x8d\n",
        b"number\nA\x00B\n",
        "number\n" + "A\n" * 50_000,
        "number;" + ";".join(f"c{n}" for n in range(60)) + "\n",
        b"x" * (10 * 1024 * 1024 + 1),
    ],
    ids=["empty", "no number", "encoding", "binary", "lines", "columns", "size"],
)
def test_files_that_cannot_be_read(content: str | bytes) -> None:
    with pytest.raises(Invalid) as raised:
        list(rows(content))
    assert raised.value.field == "file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,56", ("1234.56", "")),
        ("1,234.56", ("1234.56", "")),
        ("1 234,56 €", ("1234.56", "EUR")),
        ("1\u00a0234,56\u00a0€", ("1234.56", "EUR")),
        ("1'234.50 CHF", ("1234.50", "CHF")),
        ("EUR 12", ("12.00", "EUR")),
        ("$-3.5", ("-3.50", "USD")),
        ("-3,5", ("-3.50", "")),
        ("1.234", ("1234.00", "")),
        ("1,234", ("1234.00", "")),
        ("12.345.678,9", ("12345678.90", "")),
        ("1234567.89", ("1234567.89", "")),
        ("0,99", ("0.99", "")),
        ("0", ("0.00", "")),
    ],
)
def test_money(text: str, expected: tuple[str, str]) -> None:
    amount, currency = money(text, "amount")
    assert (str(amount), currency) == expected


@pytest.mark.parametrize(
    "text",
    ["x", "=1+1", "1.234.56", "1,2,3", "12.", ",5", "0.123", "1.234,567", "€ 5 €", "--5", "1e3", "12.34.567", "٣"],
)
def test_no_money(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        money(text, "amount")
    assert raised.value.field == "amount"


@given(st.decimals("-999999999.99", "999999999.99", places=2))
def test_money_german_and_english(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert money(english, "amount")[0] == money(german, "amount")[0] == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31.12.2026", date(2026, 12, 31)),
        ("1.2.26", date(2026, 2, 1)),
        ("01. 02. 2026", date(2026, 2, 1)),
        ("03/04/2026", date(2026, 4, 3)),
        ("2026-04-03", date(2026, 4, 3)),
        ("", None),
    ],
)
def test_days(text: str, expected: date | None) -> None:
    assert day(text, "due_on") == expected


@pytest.mark.parametrize("text", ["31.02.2026", "12/31/2026", "morgen", "31.12.", "0.0.2026", "=TODAY()"])
def test_no_days(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        day(text, "due_on")
    assert raised.value.field == "due_on"


def test_kinds() -> None:
    assert [kind(t) for t in ("Vertrag", " RECHNUNG ", "Gerät", "voucher")] == [
        "contract",
        "invoice",
        "machine",
        "voucher",
    ]


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_anything_is_read_or_refused(content: str | bytes) -> None:
    try:
        for row in rows(content):
            assert isinstance(row, Row | Fault)
    except Invalid as error:
        assert error.field == "file"
