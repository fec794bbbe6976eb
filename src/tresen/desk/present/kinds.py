"""Icons and names for channels, identities, records and files: kinds are data, so unknown ones get a plain sign."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from tresen.channels import registry

CHANNEL_ICONS = {"logged": "phone", "email": "mail", "webchat": "message-2", "form": "forms", "api": "plug-connected"}
IDENTITY_ICONS = {
    "email": "mail",
    "phone": "phone",
    "visitor": "world",
    "external": "id",
    "customer_number": "hash",
}
RECORDS = {
    "contract": ("file-text", gettext_noop("Contract")),
    "order": ("package", gettext_noop("Order")),
    "invoice": ("file-invoice", gettext_noop("Invoice")),
    "shipment": ("package", gettext_noop("Shipment")),
    "machine": ("coffee", gettext_noop("Machine")),
}
FILE_ICONS = (
    ("image/", "photo"),
    ("text/", "file-text"),
    ("application/pdf", "file-text"),
    ("zip", "file-zip"),
)


def channel_icon(kind: str) -> str:
    """The Tabler name of the icon for a channel kind."""
    adapter = registry.adapter(kind)
    return CHANNEL_ICONS.get(kind) or (adapter.icon if adapter else "message")


def channel_label(kind: str) -> str:
    """The kind's name on the screen."""
    adapter = registry.adapter(kind)
    return _(adapter.label) if adapter else _("Phone and counter")


def identity_icon(kind: str) -> str:
    return IDENTITY_ICONS.get(kind, "id")


def record_kind(kind: str) -> tuple[str, str]:
    """(icon, label) of a record kind; a kind nobody translated shows its own name."""
    icon, label = RECORDS.get(kind, ("file", kind.replace("_", " ").capitalize()))
    return icon, _(label)


def file_icon(content_type: str) -> str:
    return next((icon for part, icon in FILE_ICONS if part in content_type), "file")
