"""The thread: messages of every channel with what an agent must know about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tresen.channels.adapters.email.engine.html import has_remote, sanitise
from tresen.conversations import queries
from tresen.conversations.models import Attachment, Conversation, DeliveryState, Direction, Message
from tresen.desk.present import kinds
from tresen.desk.viewmodels import Caution, DeliveryView, FileView, MessageView, Part, Thread

SHOWN = 60
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def thread(conversation: Conversation, *, first: int | None = None, before: int | None = None) -> Thread:
    """The newest messages; from `first` on when given (a refresh), or one page more than `before` (older ones)."""
    if before is not None:
        first = max(1, before - SHOWN)
    if first is not None:
        found = queries.messages(conversation.pk, after=first - 1, limit=max(SHOWN, conversation.last_seq - first + 1))
    else:
        found = queries.messages(conversation.pk, limit=SHOWN, last=True)
    start = found[0].seq if found else 1
    return Thread(tuple(message_view(m) for m in found), earlier=start - 1, first_seq=start)


def message_view(message: Message) -> MessageView:
    """One message. Needs channel, user and attachments loaded."""
    meta: dict[str, Any] = message.meta
    author = message.author or (message.user.name if message.user else _("Unknown"))
    files = [f for f in message.attachments.all() if not (f.content_id and message.html)]
    html_url = reverse("desk:mail", args=[message.pk]) if message.html else ""
    remote = bool(message.html) and has_remote(shown_html(message, pictures=False))
    at = timezone.localtime(message.created_at)
    return MessageView(
        id=message.pk,
        seq=message.seq,
        direction=message.direction,
        author=author,
        label=f"{Direction(message.direction).label}: {author}, {format_date(at, 'SHORT_DATETIME_FORMAT')}",
        automated=message.automated,
        channel=_medium(meta) or message.channel.name,
        icon=_icon(message),
        at=message.created_at,
        parts=_parts(message),
        html_url=html_url,
        pictures_url=f"{html_url}?pictures=1" if remote else "",
        subject=message.subject if message.direction == Direction.OUT else "",
        addresses=_addresses(message),
        answers=_answers(meta),
        verdict=str(meta.get("authentication") or "") if message.direction == Direction.IN else "",
        files=tuple(file_view(f) for f in files),
        warnings=_cautions(message),
        delivery=_delivery(message),
        unsupported=not message.supported,
    )


def _medium(meta: dict[str, Any]) -> str:
    return {"call": _("Phone call"), "visit": _("Visit")}.get(meta.get("medium", ""), "")


def _icon(message: Message) -> str:
    if message.direction == Direction.NOTE:
        return "note"
    medium = {"call": "phone-call", "visit": "building-store"}.get(message.meta.get("medium", ""))
    return medium or kinds.channel_icon(message.channel.kind)


def _parts(message: Message) -> tuple[Part, ...]:
    quote = str(message.meta.get("folded") or "")
    parts = [Part(message.text)] if message.text else []
    return (*parts, Part(quote, quoted=True)) if quote else tuple(parts)


def _addresses(message: Message) -> tuple[tuple[str, str], ...]:
    source = message.address if message.direction == Direction.OUT else message.meta
    labels = (("to", _("To")), ("cc", "Cc"), ("bcc", "Bcc"))
    found = [(label, source.get(key)) for key, label in labels if key != "to" or message.direction == Direction.OUT]
    return tuple((label, ", ".join(map(str, value))) for label, value in found if isinstance(value, list) and value)


def _answers(meta: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was filled in besides the text, from a form."""
    fields = meta.get("fields")
    return tuple((str(k), str(v)) for k, v in fields.items() if v not in (None, "")) if isinstance(fields, dict) else ()


def file_view(file: Attachment) -> FileView:
    """Only raster pictures are ever shown; everything else is downloaded."""
    url = reverse("desk:attachment", args=[file.pk])
    return FileView(
        id=file.pk,
        name=file.name,
        size=file.size,
        url=url,
        preview=f"{url}?inline=1" if file.content_type in PICTURES else "",
        icon=kinds.file_icon(file.content_type),
    )


def shown_html(message: Message, *, pictures: bool) -> str:
    """Mail HTML made harmless. Inline pictures come from the message's own attachments."""
    inline = {f.content_id: f for f in message.attachments.all() if f.content_id and f.content_type in PICTURES}

    def address(content_id: str) -> str | None:
        file = inline.get(content_id)
        return f"{reverse('desk:attachment', args=[file.pk])}?inline=1" if file else None

    return sanitise(message.html, load_remote=pictures, cid_url=address, fold=_("Quoted text"))


def _cautions(message: Message) -> tuple[Caution, ...]:
    """What makes a message less believable than it looks. Codes of the adapters are put into words here."""
    if message.direction != Direction.IN:
        return ()
    meta = message.meta
    codes = [str(code) for code in meta.get("warnings") or ()]
    found = [caution for code in codes if (caution := _known_caution(code))]
    reply_to = meta.get("reply_to")
    if reply_to:
        shown = ", ".join(map(str, reply_to)) if isinstance(reply_to, list) else str(reply_to)
        found.append(Caution(_("Wants answers at another address:"), shown, "arrow-back-up"))
    if meta.get("stranger"):
        found.append(Caution(_("The sender took no part in this conversation so far:"), str(meta["stranger"]), "user"))
    if meta.get("quarantine"):
        found.append(
            Caution(
                _("Kept apart:"), _("a machine's mail to an address of a conversation. Do not pass on codes from it.")
            )
        )
    if meta.get("unreadable"):
        found.append(
            Caution(_("This mail could not be read; the original is attached."), str(meta["unreadable"]), "file")
        )
    if meta.get("flood"):
        found.append(Caution(_("Very many messages from this sender: nothing answers them by itself.")))
    if meta.get("sent_at"):
        found.append(
            Caution(_("According to the sender's clock it is from another time:"), _moment(meta["sent_at"]), "clock")
        )
    return tuple(found)


def _known_caution(code: str) -> Caution | None:
    forged = _("The sender is probably forged. Give away nothing that only the customer may know.")
    known = {
        "sender_forged": Caution(forged, icon="shield-question"),
        "several_senders": Caution(_("The mail names several senders.")),
        "name_looks_like_address": Caution(_("The sender's name looks like another address.")),
    }
    return known.get(code)


def _moment(text: str) -> str:
    try:
        return format_date(timezone.localtime(datetime.fromisoformat(text)), "SHORT_DATETIME_FORMAT")
    except ValueError:
        return text


STATES = {
    DeliveryState.QUEUED: "clock",
    DeliveryState.SENT: "check",
    DeliveryState.DELIVERED: "checks",
    DeliveryState.READ: "checks",
    DeliveryState.FAILED: "alert-circle",
    DeliveryState.UNKNOWN: "help",
}


def _delivery(message: Message) -> DeliveryView | None:
    """How far it is known to have come; nothing is claimed that nobody confirmed."""
    if message.direction != Direction.OUT or not message.delivery:
        return None
    labels = {
        "queued": _("Waiting to be sent"),
        "sent": _("Sent"),
        "delivered": _("Delivered"),
        "read": _("Read"),
        "failed": _("Not delivered"),
        "unknown": _("Not known whether it arrived"),
    }
    stuck = message.delivery in (DeliveryState.FAILED, DeliveryState.UNKNOWN)
    return DeliveryView(
        message_id=message.pk,
        state=message.delivery,
        label=labels[message.delivery],
        icon=STATES[DeliveryState(message.delivery)],
        detail=message.delivery_error,
        retry=stuck,
    )
