"""Reads a table of records from a CSV file as it comes from spreadsheets in Germany or elsewhere. Pure.

Encoding, delimiter and column names are recognised; dates and amounts may be German or English. Text that
looks like a formula stays text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from tresen.customers.engine import checks
from tresen.kernel.errors import Invalid

BYTES_MAX = 10 * 1024 * 1024
LINES_MAX = 50_000
COLUMNS_MAX = 60
CELL_MAX = 5_000  # characters
_HEAD_MAX = 20_000

_COLUMNS = {
    "kind": "kind type recordtype art typ aktenart satzart",
    "number": "number no nr nummer recordnumber aktennummer vertragsnummer vertragsnr contractnumber"
    " auftragsnummer bestellnummer ordernumber rechnungsnummer invoicenumber seriennummer serialnumber"
    " sendungsnummer shipmentnumber",
    "email": "email mail emailaddress customeremail kundenemail emailadresse mailadresse",
    "phone": "phone phonenumber telephone telefon telefonnummer tel rufnummer",
    "name": "name customer customername kunde kundenname",
    "company_number": "companynumber firmennummer firmennr debitor debitorennummer",
    "company": "company companyname firma firmenname unternehmen",
    "title": "title titel bezeichnung description beschreibung betreff produkt product",
    "status": "status state zustand",
    "starts_on": "startson start startdate begin beginn startdatum vertragsbeginn von from",
    "ends_on": "endson end enddate ende enddatum vertragsende bis until to",
    "due_on": "dueon due duedate fallig falligam falligkeit faellig faelligam faelligkeit zahlbarbis",
    "amount": "amount total sum price betrag summe gesamtbetrag preis wert",
    "currency": "currency wahrung waehrung",
    "link": "link url verweis",
    "source": "source quelle system herkunft",
}
_COLUMN = {alias: column for column, aliases in _COLUMNS.items() for alias in aliases.split()}
_KINDS = {
    "vertrag": "contract",
    "bestellung": "order",
    "auftrag": "order",
    "rechnung": "invoice",
    "lieferung": "shipment",
    "sendung": "shipment",
    "maschine": "machine",
    "gerät": "machine",
    "geraet": "machine",
}
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP"}
_PLAIN = str.maketrans("äöüé", "aoue")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})", re.ASCII)
_SLASH_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)  # day first
_MONEY = re.compile(
    r"""([A-Z]{3}|[€$£])?\s*([-+]?)\s*
    ([1-9][0-9]{0,2}([.,'\s])[0-9]{3}(?:\4[0-9]{3})*|[0-9]+)  # in groups of three, or plain
    (?:([.,])([0-9]+))?\s*([A-Z]{3}|[€$£])?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)


class Row(NamedTuple):
    """One line: where it begins in the file (the head is line 1), cells by column, unknown columns apart."""

    line: int
    cells: dict[str, str]
    extra: dict[str, str]


class Fault(NamedTuple):
    """What is wrong with a line; `field` is "" when it is the line as a whole."""

    line: int
    field: str
    message: str


def decode(content: str | bytes) -> str:
    """The text of the file: UTF-8, UTF-16 by its mark, else Windows-1252. Raises Invalid."""
    size = len(content)
    if size > BYTES_MAX:
        raise Invalid("must not be larger than 10 MB", field="file")
    if isinstance(content, bytes):
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            content = _decoded(content, "utf-16")
        else:
            content = _decoded(content, "utf-8-sig", "cp1252")
    if "\x00" in content:
        raise Invalid("is not a text file", field="file")
    return content.removeprefix("\ufeff")


def _decoded(content: bytes, *encodings: str) -> str:
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("is in no known encoding", field="file")


def rows(content: str | bytes) -> Iterator[Row | Fault]:
    """The lines of the file. Raises Invalid for a file without a usable head or with too many lines."""
    lines = io.StringIO(decode(content), newline="").readlines()
    first = 0
    if lines and lines[0].lower().startswith("sep="):
        first = 1  # a hint for spreadsheets
    if len(lines) <= first:
        raise Invalid("is empty", field="file")
    if len(lines) > LINES_MAX:
        raise Invalid(f"has more than {LINES_MAX} lines", field="file")
    delimiter = max(";,\t", key=lambda d: len(_known(_head(lines[first], d))))
    head = _head(lines[first], delimiter)
    names = _known(head)
    if "number" not in names.values():
        raise Invalid("has no column with the number", field="file")
    if len(head) > COLUMNS_MAX:
        raise Invalid(f"has more than {COLUMNS_MAX} columns", field="file")
    yield from _body(lines[first + 1 :], delimiter, head, names, offset=first + 1)


def _head(line: str, delimiter: str) -> list[str]:
    return [checks.readable(cell)[:80] for cell in next(csv.reader([line[:_HEAD_MAX]], delimiter=delimiter), [])]


def _known(head: list[str]) -> dict[int, str]:
    """Column names by place; the first of several columns with one meaning counts."""
    found: dict[int, str] = {}
    for place, title in enumerate(head):
        letters = "".join(c for c in title.lower().translate(_PLAIN) if c.isalnum())
        column = _COLUMN.get(letters)
        if column and column not in found.values():
            found[place] = column
    return found


def _body(
    lines: list[str], delimiter: str, head: list[str], names: Mapping[int, str], offset: int
) -> Iterator[Row | Fault]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = offset + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield Fault(start, "", "has a quotation mark that does not fit")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(start, cells, head, names)


def _row(start: int, cells: list[str], head: list[str], names: Mapping[int, str]) -> Row | Fault:
    if len(cells) > len(head) and any(cell.strip() for cell in cells[len(head) :]):
        return Fault(start, "", "has more cells than the head")
    if any(len(cell) > CELL_MAX for cell in cells):
        return Fault(start, "", f"has a cell of more than {CELL_MAX} characters")
    known = {names[place]: cell.strip() for place, cell in enumerate(cells) if place in names}
    extra = {
        title: checks.readable(cell)
        for place, (title, cell) in enumerate(zip(head, cells, strict=False))
        if place not in names and title
    }
    return Row(start, known, extra)


def kind(text: str) -> str:
    """A record's kind; common German names become the English ones that the product knows."""
    return _KINDS.get(text.strip().lower(), text)


def day(text: str, field: str) -> date | None:
    """31.12.2026, 31.12.26, 31/12/2026 (day first) or 2026-12-31; "" means none. Raises Invalid."""
    match = _GERMAN_DAY.fullmatch(text) or _SLASH_DAY.fullmatch(text)
    if not match:
        return checks.day(text, field)
    days, months, years = (int(group) for group in match.groups())
    try:
        return checks.day(date(years + 2000 if years < 100 else years, months, days), field)
    except ValueError:
        raise Invalid("is no day of the calendar", field=field) from None


def money(text: str, field: str) -> tuple[Decimal | None, str]:
    """(amount, currency code or "") of `1.234,56 €`, `1,234.56` or `EUR 12`.

    A lone mark before three digits means thousands. Raises Invalid.
    """
    if not text:
        return None, ""
    match = _MONEY.fullmatch(" ".join(text.split()))
    if not match or (match[1] and match[7]) or (match[4] and match[4] == match[5]):
        raise Invalid("must be an amount such as 1.234,56", field=field)
    before, sign, whole, _group, _mark, fraction, behind = match.groups()
    digits = "".join(c for c in whole if c.isdigit())
    unit = before or behind or ""
    return checks.amount(f"{sign}{digits}.{fraction or '0'}", field), _SYMBOLS.get(unit, unit.upper())
