"""What the composer offers: ways to answer, modes, signature."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from tresen.accounts.models import User
from tresen.accounts.principal import Principal
from tresen.channels import registry
from tresen.channels.contract import Capabilities
from tresen.conversations import queries
from tresen.conversations.models import Channel, Conversation, Direction, Message
from tresen.customers.models import Identity
from tresen.desk.viewmodels import ChannelChoice, Choice, Composer
from tresen.kernel import ids

MODES = (("reply", "arrow-back-up"), ("note", "note"), ("forward", "arrow-forward-up"))


def composer(
    me: Principal,
    conversation: Conversation,
    *,
    mode: str = "reply",
) -> Composer:
    """An empty composer with all that may be chosen."""
    channels = channel_choices(me, conversation)
    last = last_received(conversation.pk)
    can_forward = any("forward" in choice.has for choice in channels)
    labels = {"reply": _("Reply"), "note": _("Note"), "forward": _("Forward")}
    offered = [value for value, _icon in MODES if value == "note" or (channels if value == "reply" else can_forward)]
    mode = mode if mode in offered else offered[0]
    user = User.objects.filter(pk=me.user_id or 0).first()
    return Composer(
        conversation=conversation.pk,
        channels=channels,
        modes=tuple(Choice(v, labels[v], v == mode, icon=icon) for v, icon in MODES if v in offered),
        signature=user.signature if user else "",
        file_max=max((_capabilities(c.kind).media_max for c in queries.channels(me)), default=0),
        warning=_warning(last),
        copies=_copies(last),
        answer_to=_answer_to(last, channels),
        key=ids.token(96),
    )


def channel_choices(me: Principal, conversation: Conversation) -> tuple[ChannelChoice, ...]:
    """This conversation's channels, that of the customer's last message first, then others that reach the customer."""
    used = list(_used(conversation))
    open_too = [c for c in queries.channels(me) if c.pk not in {u.pk for u in used}]
    addresses = dict(
        Identity.objects.filter(customer=conversation.customer_id)
        .order_by("proved", "-id")
        .values_list("kind", "shown")
    )
    found: list[ChannelChoice] = []
    for channel in [*used, *open_too]:
        able = _capabilities(channel.kind)
        address = addresses.get(able.address_kind or "", "")
        if registry.adapter(channel.kind) is None or not channel.enabled:
            continue
        if channel in open_too and not (able.starts_conversation and address):
            continue
        found.append(ChannelChoice(channel.pk, channel.name, address, has(able), able.text_max or 0, not found))
    return tuple(found)


def _used(conversation: Conversation) -> Iterable[Channel]:
    """Channels that the customer wrote on here, the latest first."""
    rows = Message.objects.filter(conversation=conversation).exclude(direction=Direction.NOTE)
    latest = rows.order_by("-seq").values_list("channel", "direction")[:200]
    order = [channel for channel, direction in latest if direction == Direction.IN]
    order += [channel for channel, direction in latest if direction == Direction.OUT]
    by_id = Channel.objects.in_bulk(set(order))
    return [by_id[pk] for pk in dict.fromkeys(order)]


def has(able: Capabilities) -> str:
    """What the composer may show for a channel, space-separated: files, copies, subject, forward."""
    flags = {"files": able.media, "copies": able.copies, "subject": able.subject, "forward": able.copies}
    return " ".join(name for name, on in flags.items() if on)


def _capabilities(kind: str) -> Capabilities:
    adapter = registry.adapter(kind)
    return adapter.capabilities if adapter else Capabilities(media=False)


def last_received(conversation_id: int) -> Message | None:
    """The customer's last message."""
    return Message.objects.filter(conversation=conversation_id, direction=Direction.IN).order_by("-seq").first()


def foreign_addresses(last: Message | None) -> list[str]:
    """Where the sender of the last message wants answers, if that is not the address they wrote from."""
    wanted = last.meta.get("reply_to") if last else None
    return [str(one) for one in wanted] if isinstance(wanted, list) else [str(wanted)] if wanted else []


def _answer_to(last: Message | None, channels: tuple[ChannelChoice, ...]) -> tuple[Choice, ...]:
    """The known address first: a foreign Reply-To gets an answer only when an agent chooses it."""
    foreign = foreign_addresses(last)
    if not foreign or not channels:
        return ()
    return (Choice("", channels[0].to, selected=True), *(Choice(address, address) for address in foreign))


def _copies(last: Message | None) -> str:
    copied = last.meta.get("cc") if last else None
    return ", ".join(map(str, copied)) if isinstance(copied, list) else ""


def _warning(last: Message | None) -> str:
    if last is not None and last.meta.get("stranger"):
        return _("The last message came from somebody who took no part so far: %(who)s") % {
            "who": last.meta["stranger"]
        }
    return ""
