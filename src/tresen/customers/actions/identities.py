"""Identities as people change them: what an agent confirms counts as proved."""

from __future__ import annotations

from django.db import IntegrityError

from tresen.customers import events
from tresen.customers.engine import normalise
from tresen.customers.models import Assurance, Customer, Identity
from tresen.kernel import db, journal
from tresen.kernel.errors import Conflict, Invalid, NotFound


def add_identity(customer_id: int, kind: str, value: str, *, assurance: str, actor: str) -> Identity:
    """Adds an identity or raises its assurance; a weaker assurance than the present one changes nothing.

    Raises Invalid naming `kind`, `value` or `assurance`, Conflict when another customer has proved the value.
    """
    if assurance not in Assurance.values:
        raise Invalid("must be claimed, proved or signed", field="assurance")
    normal = normalise.normalise(kind, value)
    with db.atomic():
        _need_customer(customer_id)
        rows = Identity.objects.filter(customer_id=customer_id, kind=kind, value=normal.value)
        identity = db.locked(rows).first()
        if identity is None:
            identity = Identity(customer_id=customer_id, kind=kind, value=normal.value, shown=normal.shown)
            _save(identity, assurance)
            added = events.IdentityAdded(identity.pk, assurance)
            journal.append(added, actor=actor, customer_id=customer_id)
        elif _stronger(assurance, identity.assurance):
            _save(identity, assurance)
            raised = events.IdentityRaised(identity.pk, assurance)
            journal.append(raised, actor=actor, customer_id=customer_id)
    return identity


def remove_identity(identity_id: int, *, actor: str) -> None:
    """Forgets an identity. A later message with it begins a new customer."""
    with db.atomic():
        identity = _get(identity_id)
        identity.delete()
        removed = events.IdentityRemoved(identity_id)
        journal.append(removed, actor=actor, customer_id=identity.customer_id)


def confirm_identity(identity_id: int, *, actor: str, customer_id: int | None = None) -> Customer:
    """A person found who claimed this identity: it becomes that customer's, and counts as proved.

    Without `customer_id` it is the customer who proved the same value. Returns the customer. Conflict when
    somebody else proved the value; Invalid when nobody did and no customer is named.
    """
    with db.atomic():
        claimed = _get(identity_id)
        proved = Identity.objects.filter(kind=claimed.kind, value=claimed.value, proved=True).first()
        owner = proved.customer_id if proved else None
        target = owner if customer_id is None else customer_id
        if target is None:
            raise Invalid("say which customer it is", field="customer")
        if owner not in (None, target):
            raise Conflict("another customer has proved this", field="customer")
        customer = _need_customer(target)
        if claimed.proved:
            return customer
        former = claimed.customer_id
        kept = _join(claimed, proved, customer)
        if former == target:
            event: journal.Payload = events.IdentityRaised(kept.pk, kept.assurance)
        else:
            event = events.IdentityMoved(kept.pk, former, target)
        journal.append(event, actor=actor, customer_id=target)
    return customer


def _join(claimed: Identity, proved: Identity | None, customer: Customer) -> Identity:
    """One proved row with the customer instead of the claimed one."""
    if proved is not None:
        claimed.delete()
        return proved
    twins = Identity.objects.filter(customer=customer, kind=claimed.kind, value=claimed.value)
    twins.exclude(pk=claimed.pk).delete()
    claimed.customer = customer
    _save(claimed, Assurance.PROVED)
    return claimed


def _save(identity: Identity, assurance: str) -> None:
    """Writes the row. Who has proved something is no longer found by mere claims."""
    identity.assurance = assurance
    identity.proved = identity.anchor = assurance != Assurance.CLAIMED
    try:
        with db.atomic(savepoint=True):
            identity.save()
    except IntegrityError as error:
        raise Conflict("another customer has proved this", field="value") from error
    if identity.proved:
        Identity.objects.filter(customer=identity.customer_id, proved=False, anchor=True).update(anchor=False)


def _stronger(assurance: str, than: str) -> bool:
    return Assurance.values.index(assurance) > Assurance.values.index(than)


def _get(identity_id: int) -> Identity:
    identity = db.locked(Identity.objects.filter(pk=identity_id)).first()
    if identity is None:
        raise NotFound("no such identity")
    return identity


def _need_customer(customer_id: int) -> Customer:
    customer = db.locked(Customer.objects.filter(pk=customer_id)).first()
    if customer is None:
        raise NotFound("no such customer")
    return customer
