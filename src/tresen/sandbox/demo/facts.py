"""Looks up, or makes, what a scene says about its customer: the values of its placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from tresen.sandbox.demo.hours import BERLIN
from tresen.sandbox.demo.ledger import Ledger
from tresen.sandbox.demo.script import Scene
from tresen.sandbox.demo.voice import day_text, money_text
from tresen.sandbox.demo.world import DemoCompany, DemoCustomer, DemoFile, DemoRecord

_MACHINE = {"machine", "serial", "bought", "cups", "due", "model_path"}
_ORDER = {"order", "ordered", "goods", "invoice", "invoice_amount", "shipment"}
_CONTRACT = {"contract", "rate", "ends"}
_FLEET = 12


@dataclass(frozen=True, slots=True)
class Facts:
    """Texts by placeholder, and the records by kind that they were taken from."""

    texts: Mapping[str, str]
    records: Mapping[str, DemoRecord]


def collect(
    scene: Scene,
    customer: DemoCustomer,
    company: DemoCompany | None,
    at: datetime,
    ledger: Ledger,
    random: Random,
) -> Facts:
    """Everything that the scene asks for, as of the day on which the conversation begins."""
    day, language = at.astimezone(BERLIN).date(), scene.language
    soon = day + timedelta(days=random.randint(3, 6))
    while soon.weekday() > 4:
        soon += timedelta(days=1)
    texts = {
        "city": customer.city,
        "company": company.name if company else "",
        "domain": company.domain if company else "",
        "customer_number": customer.fields["customer_number"],
        "soon": day_text(soon, language, weekday=True),
        "later": day_text(soon + timedelta(days=random.randint(7, 12)), language),
    }
    records: dict[str, DemoRecord] = {}
    if scene.facts & _MACHINE:
        machine = ledger.machine(customer, scene.models)
        records["machine"] = ledger.wear_out(machine, day) if "machine" in scene.who else machine
        texts |= _machine_texts(records["machine"], language)
    if scene.facts & _CONTRACT:
        records["contract"] = ledger.contract(customer, scene.needs)
        texts |= _contract_texts(records["contract"], language)
    if scene.facts & _ORDER:
        order = ledger.order(customer, day)
        records |= {"order": order} | {kind: ledger.belonging(order, kind) for kind in ("invoice", "shipment")}
        texts |= _order_texts(records, language)
    return Facts(texts, records)


def _with_year(day: date, language: str) -> str:
    return f"{day_text(day, language)} {day.year}"


def _machine_texts(machine: DemoRecord, language: str) -> dict[str, str]:
    return {
        "machine": machine.title,
        "serial": machine.number,
        "bought": _with_year(machine.starts_on, language),
        "cups": machine.data["cups_since_service"],
        "due": day_text(machine.due_on or machine.starts_on, language),
        "model_path": machine.title.lower().replace(" ", "-"),
    }


def _contract_texts(contract: DemoRecord, language: str) -> dict[str, str]:
    return {
        "contract": contract.number,
        "rate": money_text(contract.amount, contract.currency, language),
        "ends": _with_year(contract.ends_on or contract.starts_on, language),
    }


def _order_texts(records: Mapping[str, DemoRecord], language: str) -> dict[str, str]:
    order = records["order"]
    return {
        "order": order.number,
        "ordered": day_text(order.starts_on, language),
        "goods": order.title,
        "invoice": records["invoice"].number,
        "invoice_amount": money_text(order.amount, order.currency, language),
        "shipment": records["shipment"].number,
    }


def attachment(name: str, customer: DemoCustomer, ledger: Ledger) -> DemoFile:
    """The file that a scene attaches. Raises KeyError for a name that is not known."""
    return {"machines": _machine_list}[name](customer, ledger)


def _machine_list(customer: DemoCustomer, ledger: Ledger) -> DemoFile:
    """All machines of a company with a fleet, as a table."""
    while len(ledger.of(customer, "machine")) < _FLEET:
        ledger.add_machine(customer)
    german = customer.language == "de"
    head = "Seriennummer;Modell;Gekauft;Wartung fällig" if german else "Serial number;Model;Bought;Maintenance due"
    rows = [f"{m.number};{m.title};{m.starts_on};{m.due_on}" for m in ledger.of(customer, "machine")]
    content = "\r\n".join([head, *rows, ""]).encode("utf-8-sig")
    return DemoFile("Maschinen.csv" if german else "machines.csv", "text/csv", content)
