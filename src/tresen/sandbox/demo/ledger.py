"""The back office: machines, orders with invoices and shipments, contracts; made as the dialogues need them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tresen.sandbox.demo.house import CONTRACTS, GOODS, MACHINES, SHOP, Machine
from tresen.sandbox.demo.world import DemoCustomer, DemoRecord

_CURRENCIES = {"CH": "CHF", "GB": "GBP", "SE": "SEK"}
_PAYMENT_DAYS = 14
_DELIVERY_DAYS = 4
_WARRANTY_DAYS = 3 * 365


class Ledger:
    """Keeps every record, unique by kind and number. `today` decides what is overdue or still on its way."""

    def __init__(self, today: date, random: Random) -> None:
        self.today, self._random = today, random
        self._by_customer: dict[str, list[DemoRecord]] = defaultdict(list)
        self._taken: set[tuple[str, str]] = set()

    @property
    def records(self) -> tuple[DemoRecord, ...]:
        """All records, customer by customer."""
        return tuple(record for records in self._by_customer.values() for record in records)

    def of(self, customer: DemoCustomer, kind: str) -> list[DemoRecord]:
        """A customer's records of one kind, in the order in which they were made."""
        return [record for record in self._by_customer[customer.key] if record.kind == kind]

    def change(self, record: DemoRecord, status: str) -> None:
        """Gives a record another status."""
        self._put(record, replace(record, status=status))

    def furnish(self, customer: DemoCustomer) -> None:
        """What every customer has: machines, some orders of the last two years, often a contract."""
        for _ in range(self._random.randint(1, 4) if customer.company else 1):
            self.add_machine(customer)
        for _ in range(self._random.randint(0, 3)):
            self.add_order(customer, self.today - timedelta(days=self._random.randint(20, 700)))
        if self._random.random() < (0.7 if customer.company else 0.35):
            self.contract(customer, "maintenance")

    def machine(self, customer: DemoCustomer, models: tuple[str, ...] = ()) -> DemoRecord:
        """A machine of the customer, of one of the models if any are named."""
        owned = [m for m in self.of(customer, "machine") if not models or m.number[:2] in models]
        return owned[0] if owned else self.add_machine(customer, models)

    def add_machine(self, customer: DemoCustomer, models: tuple[str, ...] = ()) -> DemoRecord:
        """Another machine."""
        fitting = [m for m in MACHINES if m.professional == bool(customer.company)]
        chosen: Machine = self._random.choice([m for m in MACHINES if m.code in models] or fitting)
        bought = self.today - timedelta(days=self._random.randint(70, 1400 if customer.company else 1000))
        due = self.today + timedelta(days=self._random.randint(15, 300))
        made = bought - timedelta(days=self._random.randint(30, 200))
        number = self._number("machine", f"{chosen.code}-{made:%y%m}-", 5)
        cups = self._random.randrange(200, chosen.service_cups)
        warranty = "Garantie" if (self.today - bought).days < _WARRANTY_DAYS else "Garantie abgelaufen"
        return self._record(
            customer, "machine", number, chosen.name, warranty, bought,
            due_on=due, amount=chosen.price, currency="EUR", data={"cups_since_service": str(cups)},
        )  # fmt: skip

    def wear_out(self, machine: DemoRecord, day: date) -> DemoRecord:
        """The machine as it is when its maintenance is due, a few days around `day`."""
        cups = next(m.service_cups for m in MACHINES if m.name == machine.title) + self._random.randint(0, 90)
        due = day + timedelta(days=self._random.randint(-2, 9))
        worn = replace(machine, due_on=due, data={**machine.data, "cups_since_service": str(cups)})
        self._put(machine, worn)
        return worn

    def contract(self, customer: DemoCustomer, need: str = "") -> DemoRecord:
        """The customer's contract: `subscription` for beans, otherwise for maintenance."""
        prefix = "WV"
        if need == "subscription":
            prefix = "ABO"
        elif customer.company:
            prefix = "VG" if self.machine(customer).number.startswith("G") else "VB"
        for record in self.of(customer, "contract"):
            if record.number.startswith(prefix):
                return record
        title_de, title_en, rate = CONTRACTS[prefix]
        began = self.today - timedelta(days=self._random.randint(90, 900))
        ends = began + timedelta(days=365 * ((self.today - began).days // 365 + 1))
        number = self._number("contract", f"{prefix}-{began:%Y}-", 5)
        title = title_de if customer.language == "de" else title_en
        return self._record(
            customer, "contract", number, title, "aktiv", began, ends_on=ends, amount=rate, currency="EUR"
        )

    def order(self, customer: DemoCustomer, day: date) -> DemoRecord:
        """An order that was made some days before `day`."""
        for record in self.of(customer, "order"):
            if timedelta(days=2) <= day - record.starts_on <= timedelta(days=12):
                return record
        return self.add_order(customer, day - timedelta(days=self._random.randint(4, 9)))

    def add_order(self, customer: DemoCustomer, day: date) -> DemoRecord:
        """Another order of `day`, with its invoice and its shipment."""
        goods = self._random.sample(GOODS, self._random.choice((1, 1, 1, 2)))
        title = " + ".join(g[0] if customer.language == "de" else g[1] for g in goods)
        amount = sum((g[2] for g in goods), Decimal("4.90")) * (4 if customer.company else 1)
        currency = _CURRENCIES.get(customer.country, "EUR")
        age = (self.today - day).days
        shipped = day + timedelta(days=1)
        number = self._number("order", f"B-{day:%y%j}-", 3)
        invoice = self._number("invoice", f"R-{day:%y%j}-", 3)
        parcel = self._number("shipment", "DP-", 10)
        there, paid = age > _DELIVERY_DAYS, age > _PAYMENT_DAYS
        self._record(
            customer, "invoice", invoice, title, "bezahlt" if paid else "offen", shipped,
            due_on=shipped + timedelta(days=_PAYMENT_DAYS), amount=amount, currency=currency, data={"order": number},
        )  # fmt: skip
        self._record(
            customer, "shipment", parcel, title, "zugestellt" if there else "unterwegs", shipped,
            due_on=day + timedelta(days=_DELIVERY_DAYS), data={"order": number},
        )  # fmt: skip
        return self._record(
            customer, "order", number, title, "zugestellt" if there else "versandt", day,
            amount=amount, currency=currency, data={"invoice": invoice, "shipment": parcel},
        )  # fmt: skip

    def belonging(self, order: DemoRecord, kind: str) -> DemoRecord:
        """The invoice or shipment of an order."""
        records = self._by_customer[order.customer]
        return next(r for r in records if r.kind == kind and r.data.get("order") == order.number)

    def _put(self, old: DemoRecord, new: DemoRecord) -> None:
        records = self._by_customer[old.customer]
        records[records.index(old)] = new

    def _number(self, kind: str, prefix: str, digits: int) -> str:
        while True:
            number = prefix + f"{self._random.randrange(10**digits):0{digits}}"
            if (kind, number) not in self._taken:
                self._taken.add((kind, number))
                return number

    def _record(
        self, customer: DemoCustomer, kind: str, number: str, title: str, status: str, starts_on: date, **more: Any
    ) -> DemoRecord:
        link = f"{SHOP}/{kind}s/{number}"
        record = DemoRecord(customer.key, customer.company, kind, number, title, status, starts_on, link=link, **more)
        self._by_customer[customer.key].append(record)
        return record
