"""Customers as people change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tresen.customers import events
from tresen.customers.engine import checks
from tresen.customers.models import Company, Customer, FieldDefinition
from tresen.kernel import db, journal
from tresen.kernel.errors import Invalid, NotFound

_CHANGEABLE = frozenset(("name", "language", "about", "company_id", "fields"))


def create_customer(*, name: str, actor: str, language: str = "", company_id: int | None = None) -> Customer:
    """A customer whom an agent notes, for example after a call. Invalid names the field."""
    customer = Customer(
        name=checks.line(name, "name", 200, required=True),
        language=_language(language),
        company_id=company_id,
    )
    with db.atomic():
        _need_company(company_id)
        customer.save(force_insert=True)
        journal.append(events.CustomerCreated(), actor=actor, customer_id=customer.pk)
    return customer


def change_customer(customer_id: int, *, actor: str, **changes: Any) -> Customer:
    """Sets any of `name`, `language`, `about`, `company_id` (None: no company) and `fields`.

    `fields` holds only the custom fields to change, by key; None clears one. No event when nothing changes.
    """
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise Invalid("cannot be changed", field=min(unknown))
    with db.atomic():
        customer = db.locked(Customer.objects.filter(pk=customer_id)).first()
        if customer is None:
            raise NotFound("no such customer")
        before = {key: getattr(customer, key) for key in changes}
        changed = _set(customer, changes)
        columns = [key for key in changes if getattr(customer, key) != before[key]]
        if columns:
            customer.save(update_fields=columns)
            journal.append(events.CustomerChanged(changed), actor=actor, customer_id=customer.pk)
    return customer


def _set(customer: Customer, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Puts the checked values in place and returns the names of those that differ."""
    changed: list[str] = []
    for key, value in changes.items():
        if key == "fields":
            customer.fields, keys = custom_fields(FieldDefinition.Of.CUSTOMER, customer.fields, value)
            changed += keys
            continue
        clean = _clean(key, value)
        if getattr(customer, key) != clean:
            setattr(customer, key, clean)
            changed.append(key)
    return tuple(changed)


def _clean(key: str, value: Any) -> Any:
    if key == "name":
        return checks.line(value, key, 200)
    if key == "about":
        return checks.block(value, key, 10_000)
    if key == "language":
        return _language(value)
    _need_company(value)
    return value


def _language(value: Any) -> str:
    language = checks.language(value) if isinstance(value, str) else ""
    if value and not language:
        raise Invalid("must be a language such as de or en", field="language")
    return language


def _need_company(company_id: Any) -> None:
    known = isinstance(company_id, int) and Company.objects.filter(pk=company_id).exists()
    if company_id is not None and not known:
        raise Invalid("no such company", field="company")


def custom_fields(of: str, before: Mapping[str, Any], changes: Any) -> tuple[dict[str, Any], list[str]]:
    """(all custom fields afterwards, `fields.KEY` of those that differ). Invalid names `fields.KEY`."""
    if not isinstance(changes, Mapping):
        raise Invalid("must be an object", field="fields")
    types = dict(FieldDefinition.objects.filter(of=of, key__in=list(changes)).values_list("key", "type"))
    after = dict(before)
    for key, value in changes.items():
        if key not in types:
            raise Invalid("no such field", field=f"fields.{key}")
        clean = checks.custom(value, f"fields.{key}", types[key])
        if clean is None:
            after.pop(key, None)
        else:
            after[key] = clean
    return after, [f"fields.{key}" for key in changes if after.get(key) != before.get(key)]
