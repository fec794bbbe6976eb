"""Outgoing messages: a delivery row per message, sent in order per conversation and channel, told honestly."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from tresen.accounts.principal import Principal
from tresen.channels import registry, threads
from tresen.channels.contract import Adapter, ChannelView, File, Outbound, SendResult, SendState
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import Delivery, KnownReference, ThreadLink
from tresen.conversations import actions as conversations
from tresen.conversations import queries
from tresen.conversations.models import Direction, Message
from tresen.customers.models import Identity
from tresen.kernel import blobs, clock, db, faults, jobs
from tresen.kernel.errors import Conflict, NotFound
from tresen.kernel.jobs import Retry, job

log = logging.getLogger(__name__)
JOB = "channels.deliver"
ATTEMPTS = 12
S = Delivery.State


def open_delivery(message: Message) -> None:
    """Puts a message on its way, in the caller's transaction. Channels without an adapter deliver nothing."""
    if registry.adapter(message.channel.kind) is None:
        conversations.set_delivery(message.pk, "failed", error="this channel cannot send")
        return
    _row, created = Delivery.objects.get_or_create(
        message=message,
        defaults={
            "channel_id": message.channel_id,
            "conversation_id": message.conversation_id,
            "steps": [_step("queued")],
        },
    )
    if created:
        _enqueue(message.conversation_id, message.channel_id)


def _enqueue(conversation_id: int, channel_id: int, due_at: datetime | None = None) -> None:
    args = {"conversation_id": conversation_id, "channel_id": channel_id}
    jobs.enqueue(JOB, args, key=f"{JOB}:{conversation_id}:{channel_id}", due_at=due_at)


def _step(state: str, detail: str = "") -> dict[str, str]:
    return {"at": clock.now().isoformat(), "state": state, "detail": detail[:300]}


@job(JOB, attempts=10_000)
def deliver(conversation_id: int, channel_id: int) -> None:
    """Sends what is queued for one conversation on one channel, oldest first."""
    lane = Delivery.objects.filter(conversation=conversation_id, channel=channel_id)
    view = DIRECTORY.by_id(channel_id)
    while True:
        delivery = lane.filter(state__in=[S.QUEUED, S.SENDING]).order_by("message__seq").first()
        if delivery is None:
            return
        if view is None:
            raise Retry("the channel is switched off", after=300)
        if delivery.due_at > clock.now():
            raise Retry("waiting", after=(delivery.due_at - clock.now()).total_seconds())
        _send_one(view, delivery)


def _send_one(view: ChannelView, delivery: Delivery) -> None:
    adapter = registry.need(view.kind)
    if delivery.state == S.SENDING and not adapter.capabilities.idempotent:
        # A worker died between asking and hearing the answer. Asking again could send it twice.
        _record(delivery, SendResult(SendState.UNKNOWN, error="interrupted while sending"))
        return
    delivery.attempts += 1
    try:
        outbound = build(view, delivery.message)
    except db.StorageError:
        raise
    except Exception as error:  # a file that is gone, say: it must end in the visible list, not hold up the lane
        log.exception("message %s cannot be built", delivery.message_id)
        _record(delivery, SendResult(SendState.REJECTED, error=f"{type(error).__name__}: {error}", retry=True))
        return
    with db.atomic():
        delivery.state = S.SENDING
        delivery.steps = [*delivery.steps, _step("sending")]
        delivery.save(update_fields=["state", "attempts", "steps"])
    faults.reach("delivery.before-send")
    result = _send(adapter, view, outbound)
    faults.reach("delivery.after-send")
    _record(delivery, result)
    faults.reach("delivery.recorded")


def _send(adapter: Adapter, view: ChannelView, outbound: Outbound) -> SendResult:
    try:
        return adapter.send(view, outbound)
    except Exception as error:  # an adapter's own fault tells nothing about whether the message went out
        log.exception("message %s: the adapter failed", outbound.message_id)
        state = SendState.REJECTED if adapter.capabilities.idempotent else SendState.UNKNOWN
        return SendResult(state, error=f"{type(error).__name__}: {error}", retry=True)


def _record(delivery: Delivery, result: SendResult) -> None:
    again = result.state is SendState.REJECTED and result.retry and delivery.attempts < ATTEMPTS
    with db.atomic():
        if again:
            wait = result.retry_after if result.retry_after is not None else min(2.0**delivery.attempts * 5, 6 * 3600)
            delivery.state, delivery.due_at = S.QUEUED, clock.now() + timedelta(seconds=wait)
        else:
            delivery.state = _final(result)
        delivery.error = result.error[:1000]
        shown = "retry" if again else str(delivery.state)
        delivery.steps = [*delivery.steps, _step(shown, result.error)][-60:]
        delivery.save(update_fields=["state", "attempts", "due_at", "error", "steps"])
        for external_id in result.external_ids:
            threads.note_reference(delivery.channel_id, external_id, delivery.message_id)
        if not again:
            state = "delivered" if result.delivered else str(delivery.state)
            first = next(iter(result.external_ids), None)
            conversations.set_delivery(delivery.message_id, state, error=result.error, external_id=first)


def _final(result: SendResult) -> str:
    return {SendState.ACCEPTED: S.SENT, SendState.UNKNOWN: S.UNKNOWN, SendState.REJECTED: S.FAILED}[result.state]


def build(view: ChannelView, message: Message) -> Outbound:
    """The message as the adapter needs it: where to, which thread, which references."""
    existing = ThreadLink.objects.filter(channel=view.id, conversation=message.conversation_id).order_by("-id").first()
    link = existing or threads.open_thread(view.id, message.conversation_id)
    files = tuple(
        File(row.name, row.content_type, blobs.load(row.key), row.content_id) for row in message.attachments.all()
    )
    known = KnownReference.objects.filter(channel=view.id, message__conversation=message.conversation_id)
    earlier = known.filter(message__seq__lt=message.seq).order_by("-message__seq").values_list("external_id", flat=True)
    address = message.address
    return Outbound(
        idempotency_key=f"msg_{message.pk}",
        conversation_id=message.conversation_id,
        message_id=message.pk,
        seq=message.seq,
        thread_key=link.key,
        reply_context=link.context,
        to=tuple(address.get("to", [])) or recipients(view, message, link.context),
        cc=tuple(address.get("cc", [])),
        bcc=tuple(address.get("bcc", [])),
        text=message.text,
        html=message.html,
        subject=message.subject or message.conversation.subject,
        files=files,
        references=tuple(reversed(list(earlier[:20]))),
        reply_token=link.token,
        automated=message.automated,
        author=message.author,
        created_at=message.created_at,
        meta={"number": message.conversation.number},
    )


def recipients(view: ChannelView, message: Message, context: dict[str, Any]) -> tuple[str, ...]:
    """Who gets it when nobody was named: whom the thread says, else an address of the customer of the channel's kind.

    The address they last wrote from comes first, but only if it is theirs: a stranger in the thread gets no answer.
    """
    if context.get("to"):
        return tuple(context["to"])
    kind = registry.need(view.kind).capabilities.address_kind
    theirs = Identity.objects.filter(customer=message.conversation.customer_id, kind=kind or "")
    values = list(theirs.order_by("-proved", "id").values_list("value", flat=True))
    written = Message.objects.filter(conversation=message.conversation_id, channel=view.id, direction=Direction.IN)
    for meta in written.order_by("-seq").values_list("meta", flat=True)[:20]:
        last = str(meta.get("from", {}).get("value", "")).lower()
        if last in values:
            return (last,)
    return tuple(values[:1])


def retry(by: Principal, message_id: int) -> None:
    """A person asks to send a failed or unknown message again, knowing that unknown may arrive twice."""
    message = queries.message(by, message_id)
    with db.atomic():
        stuck = Q(state__in=[S.FAILED, S.UNKNOWN]) | Q(state=S.SENT, message__delivery="failed")
        delivery = db.locked(Delivery.objects.filter(stuck, message=message)).first()
        if delivery is None or not conversations.set_delivery(message.pk, "queued"):
            raise Conflict("this message is not waiting for a retry")
        delivery.state, delivery.attempts, delivery.due_at, delivery.error = S.QUEUED, 0, clock.now(), ""
        delivery.steps = [*delivery.steps, _step("queued", f"retry by {by.name or by.actor}")]
        delivery.save()
        _enqueue(delivery.conversation_id, delivery.channel_id)


def ledger(by: Principal, message_id: int) -> list[dict[str, str]]:
    """The story of one delivery."""
    message = queries.message(by, message_id)
    if message.direction != Direction.OUT:
        raise NotFound("nothing was sent")
    row = Delivery.objects.filter(message=message).first()
    return list(row.steps) if row else []
