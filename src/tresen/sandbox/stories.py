"""What a newcomer could try as this customer: mails that show something on the desk, with real numbers in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tresen.customers.models import Record
from tresen.sandbox.models import Mailbox

ROLES = {
    "contract": gettext_lazy("Has a maintenance contract and wants an appointment."),
    "machine": gettext_lazy("The coffee machine asks for maintenance; the manual is long gone."),
    "delivery": gettext_lazy("Waits for a parcel. Writes English."),
    "business": gettext_lazy("Runs a café with several machines."),
    "": gettext_lazy("Nobody at Bohne & Brand knows this person."),
}


@dataclass(frozen=True, slots=True)
class Idea:
    """A mail to send: `title` and `why` in the reader's language, `subject` and `text` in the customer's."""

    key: str
    title: str
    why: str
    subject: str
    text: str


def ideas(box: Mailbox) -> list[Idea]:
    """The ideas for one person, the best first."""
    found = list(_own(box)) if box.customer_id else list(_stranger(box))
    return [*found, _question(box)]


def idea(box: Mailbox, key: str) -> Idea | None:
    """One of them."""
    return next((one for one in ideas(box) if one.key == key), None)


def _own(box: Mailbox) -> Iterator[Idea]:
    records = Record.objects.filter(customer=box.customer_id).order_by("-updated_at", "-id")
    makers = {"contract": _contract, "machine": _machine, "shipment": _parcel}
    first = {"machine": "machine", "delivery": "shipment"}.get(box.story, "contract")
    for kind in sorted(makers, key=lambda k: k != first):
        rows = records.filter(kind=kind)
        if kind == "shipment":
            rows = rows.exclude(status="zugestellt")
        if kind == "machine":
            rows = rows.order_by("due_on")
        record = rows.first()
        if record is not None:
            yield makers[kind](box, record)


def _contract(box: Mailbox, record: Record) -> Idea:
    with translation.override(box.language):
        subject = _("Appointment for contract %(number)s") % {"number": record.number}
        text = _(
            "Hello,\n\nmy coffee machine could do with some attention. I have a maintenance contract with you, "
            "number %(number)s. When could somebody come by?\n\nKind regards\n%(name)s"
        ) % {"number": record.number, "name": box.name}
    return Idea(
        "contract",
        _("Name your contract %(number)s") % {"number": record.number},
        _("The desk recognises the sender, finds the contract in the text and shows it beside the mail."),
        subject,
        text,
    )


def _machine(box: Mailbox, record: Record) -> Idea:
    with translation.override(box.language):
        subject = _("%(machine)s asks for maintenance") % {"machine": record.title}
        text = _(
            "Hello,\n\nmy %(machine)s (serial number %(number)s) shows “Maintenance” and I cannot find the manual. "
            "What do I have to do?\n\nKind regards\n%(name)s"
        ) % {"machine": record.title, "number": record.number, "name": box.name}
    return Idea(
        "machine",
        _("The machine asks for maintenance"),
        _("Whoever answers already sees the machine, its purchase and when maintenance was due."),
        subject,
        text,
    )


def _parcel(box: Mailbox, record: Record) -> Idea:
    number = record.data.get("order", record.number)
    with translation.override(box.language):
        subject = _("Where is my order %(number)s?") % {"number": number}
        text = _(
            "Hello,\n\nI have been waiting for my order %(number)s; the parcel %(parcel)s does not seem to move. "
            "Could you have a look?\n\nKind regards\n%(name)s"
        ) % {"number": number, "parcel": record.number, "name": box.name}
    return Idea(
        "delivery",
        _("Ask where the parcel is"),
        _("Order, invoice and parcel stand beside the mail: nobody has to ask for a number."),
        subject,
        text,
    )


def _stranger(box: Mailbox) -> Iterator[Idea]:
    record = Record.objects.filter(kind="contract").order_by("number").first()
    if record is None:
        return
    with translation.override(box.language):
        subject = _("Question about contract %(number)s") % {"number": record.number}
        text = _("Hello,\n\nwhat exactly does contract %(number)s cover?\n\nKind regards\n%(name)s") % {
            "number": record.number,
            "name": box.name,
        }
    yield Idea(
        "foreign",
        _("Name somebody else’s contract"),
        _("The desk says that the number belongs to another customer and shows nothing of them."),
        subject,
        text,
    )


def _question(box: Mailbox) -> Idea:
    with translation.override(box.language):
        subject = _("Which beans for espresso?")
        text = _("Hello,\n\nwhich of your roasts would you recommend for espresso?\n\nKind regards\n%(name)s") % {
            "name": box.name
        }
    return Idea(
        "question", _("Ask anything"), _("A short question that is answered with a line or two."), subject, text
    )
