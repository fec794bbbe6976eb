"""Strangers: people whom the company does not know, with a mailbox of their own."""

from __future__ import annotations

from tresen.kernel import db
from tresen.sandbox.demo.cast import plain
from tresen.sandbox.models import Mailbox

DOMAIN = "freipost.example"
STRANGERS_MAX = 200


def open_stranger(name: str, language: str) -> Mailbox:
    """A new mailbox for somebody called `name`; the same name twice gives two addresses."""
    name = " ".join(name.split())
    local = plain(name).replace("-", ".") or "somebody"
    with db.atomic():
        taken = set(Mailbox.objects.filter(address__startswith=local).values_list("address", flat=True))
        numbers = ("", *map(str, range(2, STRANGERS_MAX)))
        address = next(a for n in numbers if (a := f"{local}{n}@{DOMAIN}") not in taken)
        return Mailbox.objects.create(address=address, name=name, language=language)
