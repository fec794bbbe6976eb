"""The customer pane: who it is, how sure that is, what they have, what was before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.conversations.models import Conversation, Message, Status
from tresen.customers import queries as customers
from tresen.customers.models import Assurance, Identity, Record
from tresen.customers.queries import Panel
from tresen.desk.present import kinds
from tresen.desk.viewmodels import CustomerPane, EarlierView, IdentityView, RecordView

RECORDS_MAX = 30
EARLIER_MAX = 50
TEXTS = 30  # messages whose text is searched for record numbers
LANGUAGES = {"de": "Deutsch", "en": "English"}


def customer_pane(me: Principal, conversation: Conversation) -> CustomerPane:
    """Reads everything about the conversation's customer that may be shown beside it."""
    panel = customers.panel(conversation.customer_id)
    named = customers.records_mentioned(" \n ".join(_texts(conversation)), panel.customer)
    records = _records(panel, {row.pk for row in named.own})
    return CustomerPane(
        id=panel.customer.pk,
        name=str(panel.customer),
        company=panel.company.name if panel.company and panel.proved else "",
        since=panel.customer.created_at.date(),
        identities=tuple(_identity(row) for row in panel.identities),
        trusted=panel.proved,
        fields=_fields(panel) if panel.proved else (),
        records=records[:RECORDS_MAX],
        records_more=max(0, len(records) - RECORDS_MAX),
        foreign=named.foreign,
        owner=str(panel.possible_owner) if panel.possible_owner else "",
        earlier=_earlier(me, conversation) if panel.proved else (),
    )


def _identity(row: Identity) -> IdentityView:
    labels = {
        Assurance.CLAIMED: _("claimed"),
        Assurance.PROVED: _("proved"),
        Assurance.SIGNED: _("signed in"),
    }
    return IdentityView(
        id=row.pk,
        kind=row.kind,
        value=_shown(row),
        assurance=row.assurance,
        assurance_label=labels[Assurance(row.assurance)],
        icon=kinds.identity_icon(row.kind),
    )


def _shown(row: Identity) -> str:
    """A browser's number tells nobody anything; a signed user number is shown without its name space."""
    if row.kind == "visitor":
        return _("a browser on the web site")
    if row.kind == "external":
        return row.shown.partition(":")[2] or row.shown
    return row.shown or row.value


def _fields(panel: Panel) -> tuple[tuple[str, Any], ...]:
    german = (get_language() or "").startswith("de")
    found: list[tuple[str, Any]] = []
    if panel.customer.language:
        found.append((_("Language"), LANGUAGES.get(panel.customer.language, panel.customer.language)))
    if panel.customer.about:
        found.append((_("About"), panel.customer.about))
    for field in (*panel.fields, *panel.company_fields):
        if field.value not in (None, ""):
            label = field.definition.label_de if german else field.definition.label_en
            found.append((label, _value(field.value)))
    return tuple(found)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _records(panel: Panel, named: set[int]) -> tuple[RecordView, ...]:
    """Those named in the messages first, then the customer's own, then the company's, each newest first."""
    groups = (*panel.records, *panel.company_records)
    rows = sorted((row for group in groups for row in group.records), key=lambda row: row.updated_at, reverse=True)
    rows.sort(key=lambda row: (row.pk not in named, row.customer_id is None))
    return tuple(record_view(row, found=row.pk in named) for row in rows)


def _texts(conversation: Conversation) -> Iterable[str]:
    rows = Message.objects.filter(conversation=conversation).order_by("-seq")
    yield conversation.subject
    for subject, text in rows.values_list("subject", "text")[:TEXTS]:
        yield subject
        yield text[:4000]


def record_view(row: Record, *, found: bool = False) -> RecordView:
    """One record with its facts in reading order."""
    icon, label = kinds.record_kind(row.kind)
    facts: list[tuple[str, Any]] = []
    for name, value in ((_("From"), row.starts_on), (_("Until"), row.ends_on), (_("Due"), row.due_on)):
        if value:
            facts.append((name, format_date(value, "SHORT_DATE_FORMAT")))
    if row.amount is not None:
        facts.append((_("Amount"), f"{number_format(row.amount, 2, force_grouping=True)} {row.currency}".strip()))
    facts.extend((key.replace("_", " ").capitalize(), _value(value)) for key, value in row.data.items() if value)
    return RecordView(
        kind=label,
        number=row.number,
        title=row.title,
        status=row.status,
        icon=icon,
        found=found,
        link=row.link if row.link.startswith(("https://", "http://")) else "",
        facts=tuple(facts),
    )


def _earlier(me: Principal, conversation: Conversation) -> tuple[EarlierView, ...]:
    rows = queries.earlier(me, conversation.customer_id, besides=conversation.pk, limit=EARLIER_MAX)
    return tuple(
        EarlierView(
            id=row.pk,
            number=row.number,
            subject=row.subject or row.preview or _("(no subject)"),
            status=row.status,
            status_label=str(Status(row.status).label),
            icon=kinds.channel_icon(row.channel.kind),
            at=row.last_message_at,
        )
        for row in rows
    )
