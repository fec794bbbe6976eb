"""A conversation that we begin: a message to somebody, or a call or visit written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tresen.accounts.principal import Principal
from tresen.channels import registry
from tresen.channels.actions import ensure_logged_channel
from tresen.conversations import actions, queries
from tresen.conversations.models import Channel
from tresen.customers import actions as people
from tresen.customers import queries as customers_queries
from tresen.customers.models import Assurance, Customer
from tresen.desk import drafts
from tresen.desk.present.composers import has
from tresen.desk.viewmodels import ChannelChoice, Choice
from tresen.desk.views.common import number, staff
from tresen.desk.wording import explain
from tresen.kernel import ids
from tresen.kernel.errors import Invalid, TresenError

KINDS = ("write", "call", "visit")
SUGGESTED = 8


@require_http_methods(["GET", "POST"])
@staff
def new(request: HttpRequest, me: Principal) -> HttpResponse:
    """The form, and what it creates."""
    errors: list[str] = []
    if request.method == "POST":
        try:
            return redirect("desk:conversation", _create(request, me))
        except TresenError as error:
            errors = [explain(error)]
    return render(request, "desk/new.html", _context(request, me, errors), status=422 if errors else 200)


def _context(request: HttpRequest, me: Principal, errors: list[str]) -> dict[str, Any]:
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "write")
    chosen = Customer.objects.filter(pk=number(given.get("customer")) or 0).first()
    labels = {
        "write": (_("Message"), "send"),
        "call": (_("Phone call"), "phone-call"),
        "visit": (_("Visit"), "building-store"),
    }
    return {
        "section": "new",
        "kinds": [Choice(k, labels[k][0], k == kind, icon=labels[k][1]) for k in KINDS],
        "channels": channel_choices(me),
        "chosen": chosen,
        "given": given,
        "errors": errors,
        "key": given.get("key") or ids.token(96),
        "file_max": drafts.FILE_MAX,
    }


def channel_choices(me: Principal) -> list[ChannelChoice]:
    """Channels on which we may write first."""
    found: list[ChannelChoice] = []
    for channel in queries.channels(me):
        adapter = registry.adapter(channel.kind)
        if adapter is None or not adapter.capabilities.starts_conversation:
            continue
        able = adapter.capabilities
        found.append(ChannelChoice(channel.pk, channel.name, "", has(able), able.text_max or 0, not found))
    return found


def _create(request: HttpRequest, me: Principal) -> int:
    """Makes the conversation and returns its id."""
    kind = request.POST.get("kind", "write")
    if kind not in KINDS:
        raise Invalid("must be write, call or visit", field="kind")
    if kind == "write":
        channel_id = number(request.POST.get("channel"))
        if channel_id is None:
            raise Invalid(_("choose a channel"), field="channel")
        customer = _customer(request, me, _address_kind(channel_id))
    else:
        channel_id = ensure_logged_channel().pk
        customer = _customer(request, me, "phone")
    draft = drafts.read(
        request, me, mode="reply" if kind == "write" else "note", subject=request.POST.get("subject", "")
    )
    if kind == "write":
        address = {key: found for key, found in draft.address.items() if key != "to"}
        return actions.start(me, channel_id, customer.pk, replace(draft, address=address)).conversation_id
    return actions.log_contact(me, channel_id, customer.pk, draft, medium=kind).conversation_id


def _address_kind(channel_id: int) -> str:
    channel = Channel.objects.filter(pk=channel_id).first()
    adapter = registry.adapter(channel.kind) if channel else None
    return (adapter.capabilities.address_kind if adapter else None) or "email"


def _customer(request: HttpRequest, me: Principal, kind: str) -> Customer:
    """The chosen customer, whoever proved the address, or a new one with it."""
    chosen = number(request.POST.get("customer"))
    if chosen is not None:
        found = Customer.objects.filter(pk=chosen).first()
        if found is None:
            raise Invalid(_("choose a customer"), field="customer")
        return found
    name, address = request.POST.get("name", "").strip(), request.POST.get("address", "").strip()
    if address:
        if kind == "email":
            address = drafts.addresses(address, "address")[0]
        known = customers_queries.by_identity(kind, address)
        claim = people.IdentityClaim(kind, address, Assurance.CLAIMED)
        return known or people.recognise([claim], name=name, language="", actor=me.actor)
    if not name:
        raise Invalid(_("choose a customer, or give a name or an address"), field="customer")
    return people.create_customer(name=name, actor=me.actor)


@require_safe
@staff
def customers(request: HttpRequest, me: Principal) -> HttpResponse:
    """Suggestions while one types a name, an address or a record's number."""
    found = customers_queries.search(request.GET.get("name", ""), limit=SUGGESTED)
    return render(request, "desk/parts/suggestions.html", {"customers": found})
