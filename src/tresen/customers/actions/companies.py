"""Companies, and which custom fields there are."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError

from tresen.customers import events
from tresen.customers.actions.people import custom_fields
from tresen.customers.engine import checks, normalise
from tresen.customers.models import Company, FieldDefinition
from tresen.kernel import db, journal
from tresen.kernel.errors import Invalid, NotFound

FIELD_TYPES = ("text", "number", "date", "bool", "url")


def upsert_company(
    *,
    actor: str,
    company_id: int | None = None,
    number: str = "",
    name: str = "",
    domain: str | None = None,
    fields: dict[str, Any] | None = None,
) -> tuple[Company, bool]:
    """(the company, whether it is new): found by id, else by number, else by its exact name.

    `domain` None leaves it, "" clears it; `fields` as in `change_customer`. Invalid names the field.
    """
    number, name = checks.line(number, "number", 60), checks.line(name, "name", 200)
    if domain:
        domain = _domain(domain)
    with db.atomic():
        company = _find(company_id, number, name)
        if company is None and not name:
            raise Invalid("must not be empty", field="name")
        created = company is None
        company = company or Company()
        before = (company.number, company.name, company.domain, company.fields)
        company.number, company.name = number or company.number, name or company.name
        company.domain = company.domain if domain is None else domain
        if fields:
            company.fields, _keys = custom_fields(FieldDefinition.Of.COMPANY, company.fields, fields)
        if created or before != (company.number, company.name, company.domain, company.fields):
            _save(company)
            journal.append(events.CompanyChanged(company.pk, created), actor=actor)
    return company, created


def _find(company_id: int | None, number: str, name: str) -> Company | None:
    rows = db.locked(Company.objects.order_by("id"))
    if company_id is not None:
        company = rows.filter(pk=company_id).first()
        if company is None:
            raise NotFound("no such company")
        return company
    if number:
        return rows.filter(number=number).first()
    return rows.filter(name=name).first() if name else None


def _save(company: Company) -> None:
    try:
        with db.atomic(savepoint=True):
            company.save()
    except IntegrityError as error:
        raise Invalid("belongs to another company", field="number") from error


def _domain(text: str) -> str:
    try:
        return normalise.ascii_of(checks.line(text, "domain", 200).removeprefix("@"))
    except Invalid as error:
        raise Invalid(error.message, field="domain") from error


def define_field(
    *, of: str, key: str, label_de: str, label_en: str, actor: str, type: str = "text", position: int = 0
) -> FieldDefinition:
    """Adds a custom field of customers or companies, or changes its labels and place.

    The type of an existing field stays: its values were checked by it.
    """
    if of not in FieldDefinition.Of.values:
        raise Invalid("must be customer or company", field="of")
    if type not in FIELD_TYPES:
        raise Invalid(f"must be one of {', '.join(FIELD_TYPES)}", field="type")
    if not 0 <= position <= 32_000:
        raise Invalid("must be between 0 and 32000", field="position")
    key = checks.slug(key, "key")
    look = {
        "label_de": checks.line(label_de, "label_de", 80, required=True),
        "label_en": checks.line(label_en, "label_en", 80, required=True),
        "position": position,
    }
    with db.atomic():
        definition, _new = FieldDefinition.objects.update_or_create(
            of=of, key=key, defaults=look, create_defaults={**look, "type": type}
        )
        if definition.type != type:
            raise Invalid(f"is {definition.type} already", field="type")
        journal.append(events.FieldDefined(definition.pk), actor=actor)
    return definition
