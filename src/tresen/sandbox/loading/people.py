"""Customers, companies, their records and mailboxes, and the few of them whom the sandbox page offers to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from tresen.customers import actions as customers
from tresen.customers.actions import IdentityClaim
from tresen.customers.models import Customer
from tresen.kernel import clock, ids
from tresen.sandbox.demo.house import DOMAIN
from tresen.sandbox.demo.world import DemoCustomer, DemoRecord, DemoStatus, DemoWorld
from tresen.sandbox.loading.house import ACTOR
from tresen.sandbox.models import Mailbox

BERLIN = ZoneInfo("Europe/Berlin")
KNOWN_DAYS = 900  # how long ago the first customer became one
_DUE_SOON = timedelta(days=21)


def settle(world: DemoWorld, now: datetime, done: Callable[[], None]) -> dict[str, Customer]:
    """All customers with companies and records, by the world's keys. `done` is called after each one."""
    companies = {
        company.key: customers.upsert_company(actor=ACTOR, name=company.name, domain=company.domain)[0].pk
        for company in world.companies
    }
    found: dict[str, Customer] = {}
    for index, person in enumerate(world.customers):
        since = now - timedelta(days=KNOWN_DAYS * (1 - index / (len(world.customers) + 40)))
        with clock.frozen(since):
            found[person.key] = _person(person, companies)
        done()
    for record in sorted(world.records, key=lambda r: r.starts_on):
        with clock.frozen(min(now, datetime.combine(record.starts_on, time(11), BERLIN))):
            _record(record, found[record.customer].pk)
        done()
    return found


def _person(person: DemoCustomer, companies: Mapping[str, int]) -> Customer:
    claims = [IdentityClaim(identity.kind, identity.value, "proved") for identity in person.identities]
    customer = customers.recognise(claims, name=person.name, language=person.language, actor=ACTOR)
    changes = {"company_id": companies[person.company]} if person.company else {}
    return customers.change_customer(customer.pk, actor=ACTOR, fields=dict(person.fields), **changes)


def _record(record: DemoRecord, customer_id: int) -> None:
    customers.upsert_record(
        record.kind,
        record.number,
        actor=ACTOR,
        customer=customer_id,
        title=record.title,
        status=record.status,
        starts_on=record.starts_on,
        ends_on=record.ends_on,
        due_on=record.due_on,
        amount=record.amount,
        currency=record.currency,
        link=record.link,
        data=dict(record.data),
        source="Bohne & Brand ERP",
    )


def address(person: DemoCustomer) -> str:
    """The e-mail address that a customer writes from."""
    return next(identity.value for identity in person.identities if identity.kind == "email")


def open_mailboxes(world: DemoWorld, people: Mapping[str, Customer], password: str) -> dict[str, Mailbox]:
    """A mailbox for every address of the cast, and the company's own; by customer key those of the page's people."""
    chosen = {key: story for story, key in choose(world).items()}
    company = next(channel.address for channel in world.channels if channel.kind == "email")
    Mailbox.objects.create(address=company, name="Bohne & Brand", digest=ids.digest(password))
    rows = [
        Mailbox(
            address=identity.value.lower(),
            name=person.name,
            language=person.language,
            customer=people[person.key],
            story=chosen.get(person.key, "") if identity.value == address(person) else "",
        )
        for person in world.customers
        for identity in person.identities
        if identity.kind == "email" and not identity.value.endswith(f"@{DOMAIN}")
    ]
    Mailbox.objects.bulk_create(rows)
    keys = {people[key].pk: key for key in chosen}
    return {keys[box.customer_id]: box for box in Mailbox.objects.exclude(story="") if box.customer_id}


def choose(world: DemoWorld) -> dict[str, str]:
    """Customer keys by story: contract, machine, delivery, business. All of them have an e-mail address."""
    busy = {c.customer for c in world.conversations if c.status is not DemoStatus.RESOLVED}
    # Their history shall be in view of whom the newcomer logs in as: an agent of the team Service.
    known = {c.customer for c in world.conversations if (c.channel, c.queue) == ("mail", "service")} - busy
    records: dict[str, list[DemoRecord]] = {}
    for record in world.records:
        records.setdefault(record.customer, []).append(record)
    latest = max(c.turns[-1].at for c in world.conversations).date()
    lines = {company.key: company.line for company in world.companies}

    def has(person: DemoCustomer, wanted: Callable[[DemoRecord], bool], count: int = 1) -> bool:
        return sum(map(wanted, records.get(person.key, ()))) >= count

    def contract(record: DemoRecord) -> bool:
        return record.kind == "contract" and record.status == "aktiv"

    def due(record: DemoRecord) -> bool:
        return record.kind == "machine" and record.due_on is not None and record.due_on - latest < _DUE_SOON

    def on_its_way(record: DemoRecord) -> bool:
        return record.kind == "shipment" and record.status != "zugestellt"

    stories: dict[str, Callable[[DemoCustomer], bool]] = {
        "contract": lambda p: p.language == "de" and not p.company and has(p, contract),
        "machine": lambda p: p.language == "de" and not p.company and has(p, due),
        "delivery": lambda p: p.language == "en" and has(p, on_its_way),
        "business": lambda p: p.language == "de" and lines.get(p.company) == "café" and has(p, contract),
    }
    return _cast(stories, world.customers, known, busy)


def _cast(
    stories: Mapping[str, Callable[[DemoCustomer], bool]],
    people: Iterable[DemoCustomer],
    known: set[str],
    busy: set[str],
) -> dict[str, str]:
    """One person each: best with a settled history by mail, else without an open concern, else anybody who fits."""
    ranked = sorted(people, key=lambda p: (p.key not in known, p.key in busy))
    found: dict[str, str] = {}
    for story, fits in stories.items():
        person = next((p for p in ranked if p.key not in found.values() and fits(p)), None)
        if person is not None:
            found[story] = person.key
    return found
