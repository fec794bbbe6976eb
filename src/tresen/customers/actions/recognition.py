"""Whose message is this? Runs in the transaction of every incoming message, so its SQL is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError

from tresen.customers import events
from tresen.customers.engine import checks, claims
from tresen.customers.engine.claims import Held, IdentityClaim, Plan, Wanted, Write
from tresen.customers.models import Customer, Identity
from tresen.kernel import clock, db, journal, rows
from tresen.kernel.errors import Unavailable

_ATTEMPTS = 4
_HELD = len(Held._fields)
_LOADED = ("id", "name", "company_id", "language")  # what a message needs; the rest loads when asked for
_SELECT = (
    "SELECT i.id, i.customer_id, i.kind, i.value, i.assurance, i.proved, i.anchor,"
    " c.name, c.company_id, c.language"
    " FROM customers_identity i JOIN customers_customer c ON c.id = i.customer_id"
)
_ONE = f"{_SELECT} WHERE i.anchor AND i.kind = %s AND i.value = %s"
_ANCHORED = "SELECT customer_id FROM customers_identity WHERE anchor AND kind = %s AND value = %s"
_SEVERAL = f"{_SELECT} WHERE i.customer_id IN ({{}}) ORDER BY i.id"
_INSERT = (
    "INSERT INTO customers_identity (customer_id, kind, value, shown, assurance, proved, anchor, created_at)"
    " VALUES {} ON CONFLICT DO NOTHING RETURNING id, kind, value"
)


def recognise(identity_claims: Sequence[IdentityClaim], *, name: str, language: str, actor: str) -> Customer:
    """The customer who sent a message, made if need be; the first claim is the sender's own.

    Never fails on what a sender wrote (unreadable values are left out). The strongest claim decides, see
    `engine.claims`. Further values are noted with the customer; one that another customer proved is never
    taken, but noted as claimed with the event `identity.contested`. A known customer comes with name, company
    and language; its other columns load when asked for. Raises Unavailable when others keep claiming the same
    values at the same time.
    """
    wanted = claims.ordered(identity_claims)
    with db.atomic():
        for _attempt in range(_ATTEMPTS):
            customers, held = _known(wanted)
            customer_id = claims.landing(wanted, held)
            plan = claims.plan(wanted, held, customer_id)
            if customer_id is None:
                customer = _create(plan, name, language, actor)
            else:
                customer = customers[customer_id]
                if (plan.inserts or plan.raises) and not _extend(customer, plan, actor):
                    continue
                _fill_in(customer, name, language, actor)
            if customer is not None:
                return customer
    raise Unavailable("several messages of the same sender at once")


def _known(wanted: Sequence[Wanted]) -> tuple[dict[int, Customer], list[Held]]:
    """The customers whom the claims may lead to, with all their identities (for one claim: that one)."""
    if not wanted:
        return {}, []
    query, params = _ONE, [wanted[0].kind, wanted[0].value]
    if len(wanted) > 1:
        query = _SEVERAL.format(" UNION ALL ".join([_ANCHORED] * len(wanted)))
        params = [part for w in wanted for part in w.key]
    found, _count = db.statement(query, params)
    customers: dict[int, Customer] = {}
    for row in found:
        if row[1] not in customers:
            customers[row[1]] = Customer.from_db(db.current().alias, _LOADED, (row[1], *row[_HELD:]))
    return customers, [Held(*row[:_HELD]) for row in found]


def _create(plan: Plan, name: str, language: str, actor: str) -> Customer | None:
    """A new customer; None when another transaction was first with one of the values."""
    customer = Customer(name=checks.readable(name)[:200].strip(), language=checks.language(language))
    rows.insert(customer)
    ids = _insert(customer.pk, plan.inserts)
    if len(ids) < len(plan.inserts):
        customer.delete()
        return None
    created = events.CustomerCreated(tuple(sorted(ids.values())))
    journal.append(created, actor=actor, customer_id=customer.pk)
    _tell_contested(customer.pk, plan.inserts, ids, actor)
    return customer


def _extend(customer: Customer, plan: Plan, actor: str) -> bool:
    """Adds what a known customer gained; False when another transaction was first with one of the values."""
    for row, assurance in plan.raises:
        if not raise_identity(row.id, assurance):
            return False
        raised = events.IdentityRaised(row.id, assurance)
        journal.append(raised, actor=actor, customer_id=customer.pk)
    ids = _insert(customer.pk, plan.inserts)
    for write in plan.inserts:
        if write.owner is None and write.wanted.key in ids:
            added = events.IdentityAdded(ids[write.wanted.key], write.assurance)
            journal.append(added, actor=actor, customer_id=customer.pk)
    _tell_contested(customer.pk, plan.inserts, ids, actor)
    return len(ids) == len(plan.inserts)


def raise_identity(identity_id: int, assurance: str) -> bool:
    """Sets a stronger assurance; False when another customer has proved the value meanwhile."""
    try:
        with db.atomic(savepoint=True):
            Identity.objects.filter(pk=identity_id).update(assurance=assurance, proved=True, anchor=True)
    except IntegrityError:
        return False
    return True


def _tell_contested(customer_id: int, writes: Iterable[Write], ids: dict[claims.Key, int], actor: str) -> None:
    for write in writes:
        if write.owner is not None and write.wanted.key in ids:
            contested = events.IdentityContested(ids[write.wanted.key], write.owner)
            journal.append(contested, actor=actor, customer_id=customer_id)


def _insert(customer_id: int, writes: Sequence[Write]) -> dict[claims.Key, int]:
    """Inserts identities and returns the ids of those that nobody else had."""
    if not writes:
        return {}
    now = db.current().ops.adapt_datetimefield_value(clock.now())
    params: list[Any] = []
    for write in sorted(writes, key=lambda w: w.wanted.key):  # one order for all: no deadlock
        wanted = write.wanted
        params += [customer_id, *wanted[:3], write.assurance, write.proved, write.anchor, now]
    added, _count = db.statement(_INSERT.format(", ".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(writes))), params)
    return {(kind, value): row_id for row_id, kind, value in added}


def _fill_in(customer: Customer, name: str, language: str, actor: str) -> None:
    """A message may tell a name or language that was not known yet; what is known stays."""
    found = {
        "name": "" if customer.name else checks.readable(name)[:200].strip(),
        "language": "" if customer.language else checks.language(language),
    }
    new = {key: text for key, text in found.items() if text}
    if not new:
        return
    Customer.objects.filter(pk=customer.pk).update(**new)
    for key, text in new.items():
        setattr(customer, key, text)
    journal.append(events.CustomerChanged(tuple(new)), actor=actor, customer_id=customer.pk)
