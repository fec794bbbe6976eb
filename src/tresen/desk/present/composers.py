"""What the composer offers: ways to answer, modes, signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    last = last_received(conversation.pk)
    reachable = queries.channels(me)
    channels = channel_choices(conversation, reachable, last)
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
        file_max=max((_capabilities(c.kind).media_max for c in reachable), default=0),
        warning=_warning(last) if channels else _("No channel reaches this customer. Connect a mailbox to answer."),
        copies=_copies(last),
        answer_to=_answer_to(last, channels),
        key=ids.token(96),
    )


def channel_choices(
    conversation: Conversation, reachable: Sequence[Channel], last: Message | None
) -> tuple[ChannelChoice, ...]:
    """This conversation's channels, that of the customer's last message first, then others that reach the customer.

    Whoever left a chat and waits for an answer elsewhere gets it there.
    """
    identities = Identity.objects.filter(customer=conversation.customer_id).order_by("proved", "-id")
    addresses = dict(identities.values_list("kind", "shown"))
    used = [c for c in _used(conversation) if c.enabled and _capabilities(c.kind).replies]
    known = {c.pk for c in used}
    others = [c for c in reachable if c.pk not in known and _reaches(c, addresses)]
    elsewhere = last.channel.answers_by_id if last and last.meta.get("answer_by") else None
    found = sorted([*used, *others], key=lambda c: elsewhere is not None and c.pk != elsewhere)
    return tuple(_choice(channel, addresses, selected=channel is found[0]) for channel in found)


def _reaches(channel: Channel, addresses: Mapping[str, str]) -> bool:
    able = _capabilities(channel.kind)
    return able.starts_conversation and bool(addresses.get(able.address_kind or ""))


def _choice(channel: Channel, addresses: Mapping[str, str], *, selected: bool) -> ChannelChoice:
    able = _capabilities(channel.kind)
    address = addresses.get(able.address_kind or "", "")
    return ChannelChoice(channel.pk, channel.name, address, has(able), able.text_max or 0, selected)


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
    return adapter.capabilities if adapter else Capabilities(media=False, replies=False)


def last_received(conversation_id: int) -> Message | None:
    """The customer's last message."""
    rows = Message.objects.filter(conversation=conversation_id, direction=Direction.IN)
    return rows.select_related("channel").order_by("-seq").first()


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
