"""From a posted form to a `Draft`: addresses, files, signature, forwarded text."""

from __future__ import annotations

from email.utils import getaddresses

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from tresen.accounts.models import User
from tresen.accounts.principal import Principal
from tresen.channels import registry
from tresen.channels.contract import Capabilities, File
from tresen.channels.processing import store_file
from tresen.conversations import queries
from tresen.conversations.actions import Draft, StoredFile
from tresen.conversations.models import Channel, Direction, Message
from tresen.kernel import blobs
from tresen.kernel.errors import Invalid

ADDRESSES_MAX = 50
FILES_MAX = 30
FILE_MAX = 25 * 1024 * 1024


def addresses(text: str, field: str) -> list[str]:
    """E-mail addresses separated by commas, semicolons or line breaks; Invalid names the field."""
    if not text.strip():
        return []
    pairs = getaddresses([text.replace(";", ",").replace("\n", ",")])
    found = list(dict.fromkeys(address.strip() for _name, address in pairs if address.strip()))
    for address in found:
        try:
            validate_email(address)
        except ValidationError as error:
            raise Invalid(_("“%(what)s” is not an e-mail address") % {"what": address[:80]}, field=field) from error
    if not found:
        raise Invalid(_("“%(what)s” is not an e-mail address") % {"what": text.strip()[:80]}, field=field)
    if len(found) > ADDRESSES_MAX:
        raise Invalid(_("at most %(max)s addresses") % {"max": ADDRESSES_MAX}, field=field)
    return found


def read(request: HttpRequest, me: Principal, *, mode: str = "reply", subject: str = "") -> Draft:
    """The draft that a form of the desk posted. Files are stored before any transaction begins."""
    post = request.POST
    channel_id = (
        int(post["channel"]) if post.get("channel", "").isascii() and post.get("channel", "").isdigit() else None
    )
    text = post.get("text", "").replace("\r\n", "\n").strip()
    able = _capabilities(channel_id)
    address: dict[str, list[str]] = {}
    if mode != "note" and able.copies:
        address = {key: addresses(post.get(key, ""), key) for key in ("to", "cc", "bcc")}
        if post.get("signature") == "1" and text:
            text = signed(text, me)
    elif mode != "note" and any(post.get(key, "").strip() for key in ("to", "cc", "bcc")):
        raise Invalid(_("this channel has no copies"), field="cc")
    return Draft(
        text=text,
        subject=subject,
        channel_id=channel_id,
        address={key: found for key, found in address.items() if found},
        files=uploads(request, able.media_max if mode != "note" else FILE_MAX),
        key=post.get("key", "")[:80] or None,
    )


def signed(text: str, me: Principal) -> str:
    """With the writer's signature below."""
    signature = User.objects.filter(pk=me.user_id or 0).values_list("signature", flat=True).first()
    return f"{text}\n\n{signature.strip()}" if signature and signature.strip() else text


def uploads(request: HttpRequest, most: int) -> tuple[StoredFile, ...]:
    """The posted files in storage. Invalid when one is larger than `most` bytes."""
    posted = request.FILES.getlist("files")
    if len(posted) > FILES_MAX:
        raise Invalid(_("at most %(max)s files") % {"max": FILES_MAX}, field="files")
    most = min(most, FILE_MAX)
    for file in posted:
        if (file.size or 0) > most:
            told = {"name": file.name or "", "max": most // (1024 * 1024)}
            raise Invalid(_("“%(name)s” is larger than %(max)s MB") % told, field="files")
    return tuple(
        store_file(File(name=f.name or "", content_type=f.content_type or "", content=f.read())) for f in posted
    )


def _capabilities(channel_id: int | None) -> Capabilities:
    """What the chosen channel can do; one that is not named takes text and files only."""
    channel = Channel.objects.filter(pk=channel_id).first() if channel_id is not None else None
    adapter = registry.adapter(channel.kind) if channel else None
    return adapter.capabilities if adapter else Capabilities()


def forwarded(me: Principal, message_id: int | None, conversation_id: int) -> tuple[str, str, tuple[StoredFile, ...]]:
    """(subject, quoted text, copies of the files) of the message to forward; by default the customer's last one."""
    rows = Message.objects.filter(conversation=conversation_id, direction=Direction.IN)
    pk = message_id or rows.order_by("-seq").values_list("id", flat=True).first()
    if pk is None:
        raise Invalid(_("there is nothing to forward"), field="message")
    message = queries.message(me, pk)
    if message.conversation_id != conversation_id or message.direction == Direction.NOTE:
        raise Invalid(_("this message cannot be forwarded"), field="message")
    when = format_date(timezone.localtime(message.created_at), "SHORT_DATETIME_FORMAT")
    subject = message.subject or message.conversation.subject
    lines = [
        f"---------- {_('Forwarded message')} ----------",
        f"{_('From')}: {message.author}",
        f"{_('Date')}: {when}",
        f"{_('Subject')}: {subject}",
        "",
        message.text,
    ]
    files = tuple(store_file(File(f.name, f.content_type, blobs.load(f.key))) for f in message.attachments.all())
    return f"Fwd: {subject}"[:300], "\n".join(lines), files
