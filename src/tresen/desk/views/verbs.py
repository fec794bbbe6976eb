"""The buttons in the header of a conversation."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tresen.accounts.models import User
from tresen.accounts.principal import Principal
from tresen.conversations import actions, queries
from tresen.customers import actions as customers
from tresen.customers import queries as customers_queries
from tresen.customers.models import Identity
from tresen.desk.views.common import changed, number, staff
from tresen.kernel.errors import Invalid, NotFound

ALL = ("list", "head", "thread")


def _undo(verb: str, conversation_id: int) -> str:
    return reverse(f"desk:{verb}", args=[conversation_id])


@require_POST
@staff
def take(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    actions.take(me, conversation_id)
    return changed(ALL, _("It is yours."), undo=_undo("release", conversation_id))


@require_POST
@staff
def assign(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """To a colleague or to a queue, whichever button was pressed."""
    agent, queue = number(request.POST.get("agent")), number(request.POST.get("queue"))
    if agent is not None:
        actions.assign(me, conversation_id, agent)
        name = User.objects.get(pk=agent).name
        return changed(ALL, _("Assigned to %(name)s.") % {"name": name})
    if queue is None:
        raise Invalid("choose a colleague or a queue", field="agent")
    row = actions.move(me, conversation_id, queue)
    return changed(ALL, _("Moved to %(name)s.") % {"name": row.queue.name})


@require_POST
@staff
def release(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    actions.release(me, conversation_id, keep_age=True)
    return changed(ALL, _("Back in the queue."), undo=_undo("take", conversation_id))


@require_POST
@staff
def resolve(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    actions.resolve(me, conversation_id)
    return changed(ALL, _("Resolved."), undo=_undo("reopen", conversation_id))


@require_POST
@staff
def reopen(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    actions.reopen(me, conversation_id)
    return changed(ALL, _("Open again."))


@require_POST
@staff
def snooze(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    try:
        until = datetime.fromisoformat(request.POST.get("until", ""))
    except ValueError as error:
        raise Invalid("is not a time", field="until") from error
    if until.tzinfo is None:
        raise Invalid("is not a time", field="until")
    actions.snooze(me, conversation_id, until)
    return changed(ALL, _("Snoozed. It comes back by itself."), undo=_undo("take", conversation_id))


def _retag(me: Principal, conversation_id: int, *, add: str = "", drop: str = "") -> HttpResponse:
    names = set(queries.get(me, conversation_id).tags.values_list("name", flat=True))
    actions.set_tags(me, conversation_id, (names | {add}) - {drop, ""})
    return changed(("list", "head"))


@require_POST
@staff
def tag(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    return _retag(me, conversation_id, add=request.POST.get("tag", ""))


@require_POST
@staff
def untag(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    return _retag(me, conversation_id, drop=request.POST.get("tag", ""))


@require_POST
@staff
def priority(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    value = number(request.POST.get("priority"))
    actions.set_priority(me, conversation_id, -1 if value is None else value)
    return changed(("list", "head"))


@require_POST
@staff
def subject(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    actions.change_subject(me, conversation_id, request.POST.get("subject", ""))
    return changed(("list", "head"))


@require_POST
@staff
def rename(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The customer's name, for instance after a call with somebody unknown."""
    row = queries.get(me, conversation_id)
    customers.change_customer(row.customer_id, actor=me.actor, name=request.POST.get("name", ""))
    return changed(("list", "customer"))


@require_POST
@staff
def confirm_identity(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """The agent has made sure who it is: what was claimed now counts as proved, and the concern is that customer's."""
    row = queries.get(me, conversation_id)
    claimed = Identity.objects.filter(customer=row.customer_id, pk=number(request.POST.get("identity")) or 0).first()
    if claimed is None:
        raise NotFound("no such identity")
    owner = customers_queries.possible_owner(row.customer)
    target = owner.pk if owner else row.customer_id
    customers.confirm_identity(claimed.pk, actor=me.actor, customer_id=target)
    if target != row.customer_id:
        actions.change_customer(me, conversation_id, target)
    return changed(("customer", "head", "list"), _("Confirmed."))
