"""Records from a CSV file. The same file twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tresen.customers.actions import companies
from tresen.customers.actions.records import Owner, store
from tresen.customers.engine import table
from tresen.customers.engine.table import Fault, Row
from tresen.customers.models import Record
from tresen.kernel import db
from tresen.kernel.errors import Invalid, TresenError

_CHUNK = 100  # lines per transaction: incoming messages wait behind it on SQLite
ERRORS_MAX = 500  # listed; all are counted


@dataclass(slots=True)
class Report:
    """What an import did. `lines` (without the head) = created + changed + unchanged + failed."""

    lines: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    errors: list[Fault] = field(default_factory=list)

    def fail(self, fault: Fault) -> None:
        """Counts a line that was left out as a whole."""
        self.failed += 1
        if len(self.errors) < ERRORS_MAX:
            self.errors.append(fault)


def import_records(content: str | bytes, *, actor: str, kind: str = "") -> Report:
    """Upserts a record per line; a line with an error is left out as a whole and reported.

    `kind` holds for lines without one of their own. Columns that the product does not know go into the
    record's `data`. A column that is missing leaves what is there, an empty cell clears it. Raises Invalid
    (field `file`) for a file that is too large, too long or no table.
    """
    report = Report()
    lines = table.rows(content)
    while chunk := list(islice(lines, _CHUNK)):
        with db.atomic():
            _take(chunk, kind, actor, report)
    return report


def _take(chunk: Iterable[Row | Fault], kind: str, actor: str, report: Report) -> None:
    for row in chunk:
        report.lines += 1
        if isinstance(row, Fault):
            report.fail(row)
            continue
        try:
            with db.atomic(savepoint=True):
                outcome = _store(row, kind, actor)
        except TresenError as error:
            report.fail(Fault(row.line, error.field, error.message))
            continue
        setattr(report, outcome, getattr(report, outcome) + 1)


def _store(row: Row, default_kind: str, actor: str) -> str:
    cells = row.cells
    kind = table.kind(cells.get("kind") or default_kind)
    number = cells.get("number", "")
    fields: dict[str, Any] = {key: cells[key] for key in ("title", "status", "link", "source") if key in cells}
    for key in ("starts_on", "ends_on", "due_on"):
        if key in cells:
            fields[key] = table.day(cells[key], key)
    currency = cells.get("currency")
    if "amount" in cells:
        fields["amount"], unit = table.money(cells["amount"], "amount")
        if unit and currency and unit != currency.upper():
            raise Invalid("contradicts the amount", field="currency")
        currency = currency or unit or currency
    if currency is not None:
        fields["currency"] = currency
    if row.extra:
        known = Record.objects.filter(kind=kind, number=number).values_list("data", flat=True).first()
        fields["data"] = {**(known or {}), **row.extra}
    _record, outcome = store(kind, number, _owner(cells, actor), fields, actor)
    return outcome


def _owner(cells: dict[str, str], actor: str) -> Owner:
    """The person by mail address, else by phone number; the company by number, else by name."""
    kind = next((kind for kind in ("email", "phone") if cells.get(kind)), None)
    company_id = None
    number, name = cells.get("company_number", ""), cells.get("company", "")
    if number or name:
        try:
            company, _new = companies.upsert_company(actor=actor, number=number, name=name)
        except Invalid as error:
            raise Invalid(error.message, field="company") from error
        company_id = company.pk
    return Owner(identity=(kind, cells[kind]) if kind else None, company_id=company_id, name=cells.get("name", ""))
